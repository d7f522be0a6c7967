// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The verbs of workspaces.
var (
	workspaceOpenJSON    = workspaceOperation(decodeWorkspaceOpen, encodeWorkspaceOpen)
	workspacePutJSON     = workspaceOperation(decodeWorkspacePut, encodeWorkspacePut)
	workspaceCommitJSON  = workspaceOperation(decodeWorkspaceCommit, encodeWorkspaceCommit)
	workspaceDiscardJSON = workspaceOperation(decodeWorkspaceDiscard, encodeWorkspaceDiscard)

	workspaceAggregateJSON = &operation[string, map[string]int64]{
		decode: decodeWorkspaceAggregate, submit: submitWorkspaceAggregate, encode: encodeWorkspaceAggregate, weigh: weighSummary,
	}
	workspaceQueryJSON = &operation[store.WorkspaceQuery, store.QueryRows]{
		decode: decodeWorkspaceQuery, submit: submitWorkspaceQuery, encode: encodeWorkspaceQuery, weigh: weighRows,
	}
	workspacesJSON = &operation[store.WorkspacesQuery, store.WorkspacesPage]{
		decode: decodeWorkspaces, submit: submitWorkspaces, encode: encodeWorkspaces, weigh: weighWorkspaces,
	}
)

// workspaceOperation is a verb that is one write to a workspace.
func workspaceOperation[Command store.WorkspaceCommand](decode func(*request) (Command, error), encode encoder[Command]) *operation[Command, store.Outcome] {
	return &operation[Command, store.Outcome]{
		decode: decode,
		submit: func(request *request, command Command, done func(store.Outcome, error)) {
			remembered := store.Request{Namespace: request.address.Namespace}
			if request.messageID != "" {
				remembered = request.remembered(func(answer *answer, outcome *store.Outcome) error {
					return encode(answer, request, &command, outcome)
				})
			}
			request.service.store.SubmitWorkspace(remembered, command, done)
		},
		encode: recallOr(encode),
		weigh:  weighReplay,
	}
}

// nameWorkspace returns the name of the workspace, and keeps it for error messages.
func (request *request) nameWorkspace(name subjects.WorkspaceName) string {
	request.workspace = *name.Workspace
	return request.workspace
}

func decodeWorkspaceOpen(request *request) (command store.OpenWorkspaceCommand, err error) {
	body, err := decodeBody[subjects.WorkspaceOpenRequest](request)
	if err != nil {
		return command, err
	}
	return store.OpenWorkspaceCommand{Namespace: request.address.Namespace, Workspace: request.nameWorkspace(body.WorkspaceName)}, nil
}

func encodeWorkspaceOpen(answer *answer, _ *request, command *store.OpenWorkspaceCommand, outcome *store.Outcome) error {
	return answer.marshal(subjects.WorkspaceOpenReply{Workspace: command.Workspace, Created: outcome.Created, Entries: uint64(outcome.Entries)})
}

func decodeWorkspacePut(request *request) (command store.PutWorkspaceCommand, err error) {
	body, err := decodeBody[subjects.WorkspacePutRequest](request)
	if err != nil {
		return command, err
	}
	if err := store.CheckWorkspaceKind(*body.Kind); err != nil {
		return command, subjects.BadField("kind", err.Error())
	}
	return store.PutWorkspaceCommand{
		Namespace: request.address.Namespace, Workspace: request.nameWorkspace(body.WorkspaceName), Kind: *body.Kind, Data: json.RawMessage(body.Data),
	}, nil
}

func encodeWorkspacePut(answer *answer, _ *request, _ *store.PutWorkspaceCommand, outcome *store.Outcome) error {
	return answer.marshal(subjects.WorkspacePutReply{Entries: uint64(outcome.Entries)})
}

func decodeWorkspaceCommit(request *request) (command store.CommitWorkspaceCommand, err error) {
	body, err := decodeBody[subjects.WorkspaceCommitRequest](request)
	if err != nil {
		return command, err
	}
	return store.CommitWorkspaceCommand{
		Namespace: request.address.Namespace, Workspace: request.nameWorkspace(body.WorkspaceName), TraceParent: request.traceParent,
	}, nil
}

func encodeWorkspaceCommit(answer *answer, _ *request, _ *store.CommitWorkspaceCommand, outcome *store.Outcome) error {
	return answer.marshal(subjects.WorkspaceCommitReply{EntryID: uint64(outcome.EntryID), Summary: summaryOf(outcome.Summary), Revision: outcome.Revision})
}

func summaryOf(counts map[string]int64) map[string]uint64 {
	summary := make(map[string]uint64, len(counts))
	for kind, entries := range counts {
		summary[kind] = uint64(entries)
	}
	return summary
}

func decodeWorkspaceDiscard(request *request) (command store.DiscardWorkspaceCommand, err error) {
	body, err := decodeBody[subjects.WorkspaceDiscardRequest](request)
	if err != nil {
		return command, err
	}
	return store.DiscardWorkspaceCommand{Namespace: request.address.Namespace, Workspace: request.nameWorkspace(body.WorkspaceName)}, nil
}

func encodeWorkspaceDiscard(answer *answer, _ *request, _ *store.DiscardWorkspaceCommand, _ *store.Outcome) error {
	return answer.marshal(subjects.WorkspaceDiscardReply{Discarded: true})
}

func decodeWorkspaceAggregate(request *request) (string, error) {
	body, err := decodeBody[subjects.WorkspaceAggregateRequest](request)
	if err != nil {
		return "", err
	}
	return request.nameWorkspace(body.WorkspaceName), nil
}

func submitWorkspaceAggregate(request *request, workspace string, done func(map[string]int64, error)) {
	request.service.store.SubmitWorkspaceAggregate(request.address.Namespace, workspace, done)
}

func encodeWorkspaceAggregate(answer *answer, _ *request, _ *string, counts *map[string]int64) error {
	return answer.marshal(subjects.WorkspaceAggregateReply{Summary: summaryOf(*counts)})
}

// countBytes is about the size of a number in a reply.
const countBytes = 16

func weighSummary(counts *map[string]int64) (bytes int64) {
	for kind := range maps.Keys(*counts) {
		bytes += int64(len(kind)) + countBytes
	}
	return bytes
}

func decodeWorkspaceQuery(request *request) (query store.WorkspaceQuery, err error) {
	body, err := decodeBody[subjects.WorkspaceQueryRequest](request)
	if err != nil {
		return query, err
	}
	return store.WorkspaceQuery{
		Namespace: request.address.Namespace, Workspace: request.nameWorkspace(body.WorkspaceName), SQL: *body.SQL, Limit: limitOf(body.Limit),
	}, nil
}

func submitWorkspaceQuery(request *request, query store.WorkspaceQuery, done func(store.QueryRows, error)) {
	request.service.store.SubmitWorkspaceQuery(query, done)
}

// encodeWorkspaceQuery writes as many rows as fit a message. If the first row does not
// fit, the request fails, and the caller must ask for less.
func encodeWorkspaceQuery(answer *answer, request *request, _ *store.WorkspaceQuery, found *store.QueryRows) error {
	reply := subjects.WorkspaceQueryReply{Columns: found.Columns, Rows: make([][]jsontext.Value, 0, len(found.Rows)), Truncated: found.Truncated}
	head, err := elementSize(reply, nil)
	if err != nil {
		return err
	}
	left := request.maxReply() - head
	for _, values := range found.Rows {
		row, size := queryRow(values)
		if left -= size; left < 0 && len(reply.Rows) > 0 {
			reply.Truncated = true
			break
		} else if left < 0 {
			return limitError(request.message(fmt.Sprintf("the first row takes %d bytes, the broker takes %d with the rest of the reply; select less of it",
				size, request.maxReply())), request.maxReply())
		}
		reply.Rows = append(reply.Rows, row)
	}
	return answer.marshal(reply)
}

// queryRow returns a row for the wire, and its size in a reply with a comma.
func queryRow(values []any) (row []jsontext.Value, size int) {
	row, size = make([]jsontext.Value, len(values)), len("[],")
	for column, value := range values {
		row[column] = subjects.NewQueryValue(value)
		size += len(row[column]) + len(",")
	}
	return row, size
}

func weighRows(found *store.QueryRows) (bytes int64) {
	for value := range slices.Values(slices.Concat(found.Rows...)) {
		bytes += countBytes
		switch value := value.(type) {
		case string:
			bytes += int64(len(value))
		case []byte:
			bytes += int64(len(value))
		}
	}
	return bytes
}

func decodeWorkspaces(request *request) (query store.WorkspacesQuery, err error) {
	body, err := decodeBody[subjects.WorkspacesRequest](request)
	if err != nil {
		return query, err
	}
	query = store.WorkspacesQuery{Namespace: request.address.Namespace, Limit: limitOf(body.Limit)}
	query.After, err = afterOf(body.After, subjects.DecodeWorkspaceCursor)
	budget := request.newPageBudget()
	query.Fits = func(info *store.WorkspaceInfo) bool {
		status := workspaceStatus(info)
		return budget.take(status.Size())
	}
	return query, err
}

func submitWorkspaces(request *request, query store.WorkspacesQuery, done func(store.WorkspacesPage, error)) {
	request.service.store.SubmitWorkspaces(query, done)
}

func encodeWorkspaces(answer *answer, _ *request, _ *store.WorkspacesQuery, page *store.WorkspacesPage) error {
	reply := subjects.WorkspacesReply{Workspaces: make([]subjects.WorkspaceStatus, len(page.Workspaces))}
	for index := range page.Workspaces {
		reply.Workspaces[index] = workspaceStatus(&page.Workspaces[index])
	}
	if page.Next != nil {
		reply.Next = subjects.EncodeWorkspaceCursor(*page.Next)
	}
	return answer.marshal(reply)
}

func workspaceStatus(info *store.WorkspaceInfo) subjects.WorkspaceStatus {
	return subjects.WorkspaceStatus{Workspace: info.Name, Entries: uint64(info.Entries), OpenedAt: info.OpenedAt, Orphaned: info.Orphaned}
}

func weighWorkspaces(page *store.WorkspacesPage) (bytes int64) {
	for index := range page.Workspaces {
		bytes += int64(len(page.Workspaces[index].Name)) + 2*countBytes
	}
	return bytes
}
