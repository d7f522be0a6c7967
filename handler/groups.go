// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The verbs of whole groups.
var (
	countJSON        = &operation[store.CountQuery, store.KeyCount]{decode: decodeCount, submit: submitCount, encode: encodeCount}
	groupsJSON       = &operation[store.GroupsQuery, store.GroupsPage]{decode: decodeGroups, submit: submitGroups, encode: encodeGroups, weigh: weighGroups}
	deleteGroupJSON  = commandOperation(decodeDeleteGroup, encodeDeleteGroup)
	deletePrefixJSON = commandOperation(decodeDeletePrefix, encodeDeletePrefix)
)

func decodeCount(request *request) (query store.CountQuery, err error) {
	body, err := decodeBody[subjects.CountRequest](request)
	if err != nil {
		return query, err
	}
	if body.Group != nil {
		query.Group = new(request.groupOf(body.Group))
		return query, nil
	}
	query.Prefix = request.wholeGroup(textOf(body.Prefix))
	return query, nil
}

func submitCount(request *request, query store.CountQuery, done func(store.KeyCount, error)) {
	request.service.store.SubmitCount(query, done)
}

func encodeCount(answer *answer, _ *request, _ *store.CountQuery, count *store.KeyCount) error {
	answer.body = subjects.AppendCountReply(answer.body, subjects.CountReply{Count: uint64(count.Keys), Revision: count.Revision})
	return nil
}

func decodeGroups(request *request) (query store.GroupsQuery, err error) {
	body, err := decodeBody[subjects.GroupsRequest](request)
	if err != nil {
		return query, err
	}
	query = store.GroupsQuery{Prefix: request.wholeGroup(textOf(body.Prefix)), Limit: limitOf(body.Limit)}
	query.After, err = afterOf(body.After, func(cursor string) (string, error) {
		group, err := subjects.DecodeGroupCursor(cursor)
		return request.wholeGroup(group), err
	})
	budget := request.newPageBudget()
	query.Fits = func(group *store.GroupInfo) bool {
		status := request.groupStatus(group)
		return budget.take(status.Size())
	}
	return query, err
}

func submitGroups(request *request, query store.GroupsQuery, done func(store.GroupsPage, error)) {
	request.service.store.SubmitGroups(query, done)
}

func encodeGroups(answer *answer, request *request, _ *store.GroupsQuery, page *store.GroupsPage) error {
	reply := subjects.GroupsReply{Groups: make([]subjects.GroupStatus, len(page.Groups)), Revision: page.Revision}
	for index := range page.Groups {
		reply.Groups[index] = request.groupStatus(&page.Groups[index])
	}
	if page.Next != nil {
		reply.Next = subjects.EncodeGroupCursor(request.localGroup(*page.Next))
	}
	answer.body = subjects.AppendGroups(answer.body, &reply)
	return nil
}

func weighGroups(page *store.GroupsPage) (bytes int64) {
	for index := range page.Groups {
		bytes += int64(len(page.Groups[index].Group))
	}
	return bytes
}

func (request *request) groupStatus(group *store.GroupInfo) subjects.GroupStatus {
	return subjects.GroupStatus{Group: shownName(request.localGroup(group.Group)), Keys: uint64(group.Keys), Revision: group.Revision}
}

func decodeDeleteGroup(request *request) (store.DeleteGroupCommand, error) {
	body, err := decodeBody[subjects.DeleteGroupRequest](request)
	if err != nil {
		return store.DeleteGroupCommand{}, err
	}
	return request.deleteGroupCommand(body), nil
}

func (request *request) deleteGroupCommand(body subjects.DeleteGroupRequest) store.DeleteGroupCommand {
	return store.DeleteGroupCommand{Group: request.groupOf(body.Group), TraceParent: request.traceParent}
}

func encodeDeleteGroup(answer *answer, _ *request, _ *store.DeleteGroupCommand, outcome *store.Outcome) error {
	answer.body = subjects.AppendDeleteGroupReply(answer.body, subjects.DeleteGroupReply{
		Deleted: uint64(outcome.DeletedKeys), Revision: outcome.Revision,
	})
	return nil
}

func decodeDeletePrefix(request *request) (command store.DeletePrefixCommand, err error) {
	body, err := decodeBody[subjects.DeletePrefixRequest](request)
	if err != nil {
		return command, err
	}
	return store.DeletePrefixCommand{Prefix: request.wholeGroup(*body.Prefix), TraceParent: request.traceParent}, nil
}

func encodeDeletePrefix(answer *answer, _ *request, _ *store.DeletePrefixCommand, outcome *store.Outcome) error {
	answer.body = subjects.AppendDeletePrefixReply(answer.body, subjects.DeletePrefixReply{
		Groups: uint64(outcome.DeletedGroups), Deleted: uint64(outcome.DeletedKeys), Revision: outcome.Revision,
	})
	return nil
}
