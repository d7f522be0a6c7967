// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"path/filepath"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The verbs of an operator, without status and quota.
var (
	describeJSON = &operation[subjects.DescribeRequest, subjects.DescribeReply]{
		decode: decodeBody[subjects.DescribeRequest], submit: submitDescribe, encode: encodeDescribe,
	}
	namespacesJSON = &operation[store.NamespacesQuery, store.NamespacesPage]{decode: decodeNamespaces, submit: submitNamespaces, encode: encodeNamespaces, weigh: weighNamespaces}
	purgeJSON      = &operation[subjects.PurgeRequest, int64]{decode: decodeBody[subjects.PurgeRequest], submit: submitPurge, encode: encodePurge}
	backupJSON     = &operation[string, int64]{decode: decodeBackup, submit: submitBackup, encode: encodeBackup}
	compactJSON    = &operation[store.CompactOptions, store.Compaction]{decode: decodeCompact, submit: submitCompact, encode: encodeCompact}
)

func submitDescribe(_ *request, _ subjects.DescribeRequest, done func(subjects.DescribeReply, error)) {
	done(subjects.Describe(), nil)
}

func encodeDescribe(answer *answer, _ *request, _ *subjects.DescribeRequest, reply *subjects.DescribeReply) error {
	return answer.marshal(reply)
}

func decodeNamespaces(request *request) (query store.NamespacesQuery, err error) {
	body, err := decodeBody[subjects.NamespacesRequest](request)
	if err != nil {
		return query, err
	}
	query = store.NamespacesQuery{Prefix: textOf(body.Prefix), Limit: limitOf(body.Limit)}
	query.After, err = afterOf(body.After, subjects.DecodeNamespaceCursor)
	budget := request.newPageBudget()
	query.Fits = func(namespace *store.NamespaceInfo) bool {
		status := namespaceStatus(namespace)
		return budget.take(status.Size())
	}
	return query, err
}

func submitNamespaces(request *request, query store.NamespacesQuery, done func(store.NamespacesPage, error)) {
	request.service.store.SubmitNamespaces(query, done)
}

func encodeNamespaces(answer *answer, _ *request, _ *store.NamespacesQuery, page *store.NamespacesPage) error {
	reply := subjects.NamespacesReply{Namespaces: make([]subjects.NamespaceStatus, len(page.Namespaces))}
	for index := range page.Namespaces {
		reply.Namespaces[index] = namespaceStatus(&page.Namespaces[index])
	}
	if page.Next != nil {
		reply.Next = subjects.EncodeNamespaceCursor(*page.Next)
	}
	return answer.marshal(reply)
}

func weighNamespaces(page *store.NamespacesPage) (bytes int64) {
	for index := range page.Namespaces {
		bytes += int64(len(page.Namespaces[index].Namespace))
	}
	return bytes
}

func namespaceStatus(namespace *store.NamespaceInfo) subjects.NamespaceStatus {
	return subjects.NamespaceStatus{
		Namespace: namespace.Namespace, Revision: namespace.Revision,
		Keys: uint64(namespace.Keys), Groups: uint64(namespace.Groups), Bytes: uint64(namespace.Bytes),
	}
}

func submitPurge(request *request, _ subjects.PurgeRequest, done func(int64, error)) {
	request.service.store.SubmitPurge(done)
}

func encodePurge(answer *answer, _ *request, _ *subjects.PurgeRequest, expired *int64) error {
	return answer.marshal(subjects.PurgeReply{Expired: uint64(*expired)})
}

// decodeBackup returns the path of the file.
func decodeBackup(request *request) (string, error) {
	body, err := decodeBody[subjects.BackupRequest](request)
	if err != nil {
		return "", err
	}
	if request.service.backupDirectory == "" {
		return "", subjects.ErrUnavailable.New("this sidecar has no folder for backups; give it one with --backup-directory")
	}
	if err := store.CheckFileName(*body.File); err != nil {
		return "", subjects.BadField("file", err.Error())
	}
	return filepath.Join(request.service.backupDirectory, *body.File), nil
}

func submitBackup(request *request, path string, done func(int64, error)) {
	request.service.store.SubmitBackup(path, done)
}

func encodeBackup(answer *answer, _ *request, path *string, size *int64) error {
	return answer.marshal(subjects.BackupReply{File: filepath.Base(*path), Bytes: uint64(*size)})
}

func decodeCompact(request *request) (options store.CompactOptions, err error) {
	body, err := decodeBody[subjects.CompactRequest](request)
	if err != nil {
		return options, err
	}
	if request.service.archiveDirectory == "" {
		return options, subjects.ErrUnavailable.New("this sidecar has no folder for archives; give it one with --archive-directory")
	}
	return store.CompactOptions{Before: *body.Before, Output: request.service.archiveDirectory, Format: textOf(body.Format)}, nil
}

func submitCompact(request *request, options store.CompactOptions, done func(store.Compaction, error)) {
	request.service.store.SubmitCompact(options, done)
}

func encodeCompact(answer *answer, _ *request, _ *store.CompactOptions, compaction *store.Compaction) error {
	reply := subjects.CompactReply{Entries: uint64(compaction.Entries), SHA256: compaction.SHA256, More: compaction.More}
	if compaction.Archive != "" {
		reply.Archive = &compaction.Archive
	}
	return answer.marshal(reply)
}
