// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"context"
	"encoding/json"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// Journal is the delivery of journal entries to an endpoint.
type Journal interface {
	// Endpoint is where they are delivered to, without any secret.
	Endpoint() string
	// LastError is why the last attempt has failed, empty where it has not; brief is the
	// same without what others may have sent.
	LastError() (whole, brief string)
	// Flush delivers what is pending, for as long as ctx lasts, and returns how many
	// entries the endpoint has taken. What has failed is LastError.
	Flush(ctx context.Context) (delivered int)
}

// The verbs of the journal.
var (
	journalCommitJSON = commandOperation(decodeJournalCommit, encodeJournalCommit)
	journalStatusJSON = &operation[subjects.JournalStatusRequest, store.JournalStatus]{
		decode: decodeBody[subjects.JournalStatusRequest], submit: submitJournalStatus, encode: encodeJournalStatus,
	}
	journalRejectedJSON = &operation[store.JournalRejectedQuery, store.JournalRejectedPage]{
		decode: decodeJournalRejected, submit: submitJournalRejected, encode: encodeJournalRejected,
	}
	journalRequeueJSON = commandOperation(decodeJournalRequeue, encodeJournalRequeue)
	flushJSON          = &operation[subjects.FlushRequest, subjects.FlushReply]{decode: decodeBody[subjects.FlushRequest], submit: submitFlush, encode: encodeFlush}
)

func decodeJournalCommit(request *request) (command store.JournalCommand, err error) {
	body, err := decodeBody[subjects.JournalCommitRequest](request)
	if err != nil {
		return command, err
	}
	fields, err := body.Fields.Values()
	if err != nil {
		return command, err
	}
	return store.NewJournalCommand(request.address.Namespace, *body.Measurement, fields, body.Tags)
}

func encodeJournalCommit(answer *answer, _ *request, _ *store.JournalCommand, outcome *store.Outcome) error {
	return answer.marshal(subjects.JournalCommitReply{EntryID: uint64(outcome.EntryID), CommittedAt: outcome.CommittedAt})
}

func submitJournalStatus(request *request, _ subjects.JournalStatusRequest, done func(store.JournalStatus, error)) {
	request.service.store.SubmitJournalStatus(request.address.Namespace, done)
}

func encodeJournalStatus(answer *answer, request *request, _ *subjects.JournalStatusRequest, status *store.JournalStatus) error {
	reply := subjects.JournalStatusReply{Delivered: uint64(status.Delivered), Rejected: uint64(status.Rejected)}
	if journal := request.service.journal; journal != nil {
		reply.Pending, reply.OldestPendingAt = uint64(status.Pending), status.OldestPendingAt
		reply.Endpoint = new(journal.Endpoint())
		_, reply.LastError = journal.LastError()
	}
	return answer.marshal(reply)
}

func decodeJournalRejected(request *request) (query store.JournalRejectedQuery, err error) {
	body, err := decodeBody[subjects.JournalRejectedRequest](request)
	if err != nil {
		return query, err
	}
	query = store.JournalRejectedQuery{Namespace: request.address.Namespace, Limit: limitOf(body.Limit)}
	if body.After != nil {
		query.After, err = subjects.DecodeTimeCursor(*body.After)
	}
	budget := request.newPageBudget()
	query.Fits = func(rejection *store.JournalRejection) bool {
		entry, err := rejectedEntry(rejection)
		if err != nil {
			return false
		}
		encoded, err := json.Marshal(entry)
		return err == nil && budget.take(len(encoded)+len(","))
	}
	return query, err
}

func submitJournalRejected(request *request, query store.JournalRejectedQuery, done func(store.JournalRejectedPage, error)) {
	request.service.store.SubmitJournalRejected(query, done)
}

func encodeJournalRejected(answer *answer, _ *request, _ *store.JournalRejectedQuery, page *store.JournalRejectedPage) (err error) {
	reply := subjects.JournalRejectedReply{Entries: make([]subjects.RejectedEntry, len(page.Entries))}
	for index := range page.Entries {
		if reply.Entries[index], err = rejectedEntry(&page.Entries[index]); err != nil {
			return err
		}
	}
	if !page.Next.IsZero() {
		reply.Next = subjects.EncodeTimeCursor(page.Next)
	}
	return answer.marshal(reply)
}

func rejectedEntry(rejection *store.JournalRejection) (subjects.RejectedEntry, error) {
	fields, err := subjects.NewJournalFields(rejection.Fields)
	return subjects.RejectedEntry{
		EntryID: uint64(rejection.EntryID), Measurement: rejection.Measurement, Fields: fields, Tags: rejection.Tags,
		CommittedAt: rejection.CommittedAt, RejectedAt: rejection.RejectedAt, Status: rejection.Status, Reason: rejection.Reason,
	}, err
}

func decodeJournalRequeue(request *request) (command store.RequeueJournalCommand, err error) {
	body, err := decodeBody[subjects.JournalRequeueRequest](request)
	if err != nil {
		return command, err
	}
	command.Namespace = request.address.Namespace
	if body.EntryIDs != nil {
		command.EntryIDs = make([]int64, len(body.EntryIDs))
		for index, entryID := range body.EntryIDs {
			command.EntryIDs[index] = int64(entryID)
		}
	}
	return command, nil
}

func encodeJournalRequeue(answer *answer, _ *request, _ *store.RequeueJournalCommand, outcome *store.Outcome) error {
	return answer.marshal(subjects.JournalRequeueReply{Requeued: uint64(outcome.Requeued)})
}

// submitFlush flushes in a goroutine, which ends with the service at the latest.
func submitFlush(request *request, _ subjects.FlushRequest, done func(subjects.FlushReply, error)) {
	service := request.service
	if service.journal == nil {
		done(subjects.FlushReply{}, nil)
		return
	}
	go func() {
		reply := subjects.FlushReply{Delivered: uint64(service.journal.Flush(service.serving))}
		reply.LastError, _ = service.journal.LastError()
		service.store.SubmitStatus(func(status store.Status, err error) {
			reply.Pending = uint64(status.Journal.Pending)
			done(reply, err)
		})
	}()
}

func encodeFlush(answer *answer, _ *request, _ *subjects.FlushRequest, reply *subjects.FlushReply) error {
	return answer.marshal(reply)
}

// journalStatus is the journal of every namespace; whole is what Journal.LastError
// says of what has failed.
func (service *Service) journalStatus() (status *subjects.JournalStatus, whole string) {
	totals := service.store.JournalTotals()
	status = &subjects.JournalStatus{Delivered: uint64(totals.Delivered), Rejected: uint64(totals.Rejected)}
	if service.journal != nil {
		status.Pending, status.OldestPendingAt = uint64(totals.Pending), totals.OldestPendingAt
		status.Endpoint = new(service.journal.Endpoint())
		whole, status.LastError = service.journal.LastError()
	}
	return status, whole
}
