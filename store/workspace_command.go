// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/json"

	"dappco.re/go/storebus/store/internal/commands"
)

// WorkspaceCommand is a write to a workspace, as data: OpenWorkspaceCommand,
// PutWorkspaceCommand, CommitWorkspaceCommand or DiscardWorkspaceCommand.
type WorkspaceCommand interface {
	// namespace is the namespace of the workspace, empty for none.
	namespace() string
	// carryOut carries the command out and answers the request in the same transaction.
	carryOut(workspaces *workspaces, request Request) (Outcome, error)
}

// OpenWorkspaceCommand is Store.OpenWorkspace, as data. The Outcome has Created and the number
// of Entries.
//
//	store.OpenWorkspaceCommand{Namespace: "acme", Workspace: "import-42"}
type OpenWorkspaceCommand struct {
	Namespace string
	Workspace string
}

// PutWorkspaceCommand is Workspace.Add, as data. Data is JSON, and is kept as it is. The
// Outcome has the new number of Entries.
//
//	store.PutWorkspaceCommand{Namespace: "acme", Workspace: "import-42", Kind: "row", Data: json.RawMessage(`{"sku":"A-17"}`)}
type PutWorkspaceCommand struct {
	Namespace string
	Workspace string
	Kind      string
	Data      json.RawMessage
}

// CommitWorkspaceCommand is Workspace.Commit, as data. The Outcome has Summary, Revision and
// EntryID.
//
//	store.CommitWorkspaceCommand{Namespace: "acme", Workspace: "import-42"}
type CommitWorkspaceCommand struct {
	Namespace string
	Workspace string
	// TraceParent is passed to the event of the summary.
	TraceParent string
}

// DiscardWorkspaceCommand is Workspace.Discard, as data.
//
//	store.DiscardWorkspaceCommand{Namespace: "acme", Workspace: "import-42"}
type DiscardWorkspaceCommand struct {
	Namespace string
	Workspace string
}

// SubmitWorkspace carries out a write to a workspace without waiting. It calls done once,
// before SubmitWorkspace returns or later from a goroutine of the store. A few writes are
// carried out at once, in turns of the namespaces. A request waits while another request with
// the same id runs. Ids are shared by all workspaces and all other commands of the namespace,
// see Request. All commands but OpenWorkspaceCommand return ErrNotFound for a missing
// workspace.
//
//	store.SubmitWorkspace(store.Request{Namespace: "acme", ID: "4Xr9", Digest: digest, Answer: encode},
//		store.CommitWorkspaceCommand{Namespace: "acme", Workspace: "import-42"}, func(outcome store.Outcome, err error) { … })
func (store *Store) SubmitWorkspace(request Request, command WorkspaceCommand, done func(Outcome, error)) {
	if err := commands.Check(command); err != nil {
		fail(done, err)
		return
	}
	submitWork(store, command.namespace(), func() (Outcome, error) { return command.carryOut(store.workspaces, request) }, done)
}

// submitWork has work done that takes a while, in turns of namespaces.
func submitWork[Result any](store *Store, namespace string, work func() (Result, error), done func(Result, error)) {
	submitBackground(store, func() (Result, error) { return workInPlace(store.workspaces, namespace, work) }, done)
}

func (command OpenWorkspaceCommand) namespace() string { return command.Namespace }

func (command OpenWorkspaceCommand) carryOut(workspaces *workspaces, request Request) (Outcome, error) {
	name := workspaceName{namespace: command.Namespace, name: command.Workspace}
	return workspaces.once(request, func(request fileRequest) (Outcome, error) { return workspaces.openFor(request, name) })
}

func (command PutWorkspaceCommand) namespace() string { return command.Namespace }

func (command PutWorkspaceCommand) carryOut(workspaces *workspaces, request Request) (Outcome, error) {
	name := workspaceName{namespace: command.Namespace, name: command.Workspace}
	return workspaces.once(request, func(request fileRequest) (Outcome, error) {
		return workspaces.putFor(request, name, command.Kind, command.Data)
	})
}

func (command CommitWorkspaceCommand) namespace() string { return command.Namespace }

func (command CommitWorkspaceCommand) carryOut(workspaces *workspaces, request Request) (Outcome, error) {
	name := workspaceName{namespace: command.Namespace, name: command.Workspace}
	return workspaces.endOnce(request, name, func(workspace *workspace) (Outcome, error) {
		return workspace.commit(workspaces.host, request, command.TraceParent)
	})
}

func (command DiscardWorkspaceCommand) namespace() string { return command.Namespace }

func (command DiscardWorkspaceCommand) carryOut(workspaces *workspaces, request Request) (Outcome, error) {
	name := workspaceName{namespace: command.Namespace, name: command.Workspace}
	return workspaces.endOnce(request, name, func(workspace *workspace) (Outcome, error) {
		return workspace.discard(workspaces.host, request)
	})
}

// SubmitWorkspaceAggregate is Workspace.Aggregate without waiting, as SubmitWorkspace.
func (store *Store) SubmitWorkspaceAggregate(namespace, name string, done func(map[string]int64, error)) {
	submitWork(store, namespace, func() (map[string]int64, error) {
		workspace, err := store.workspaces.find(workspaceName{namespace: namespace, name: name})
		if err != nil {
			return nil, err
		}
		summary, err := workspace.summary()
		return summary, workspace.failure(err)
	}, done)
}

// SubmitWorkspaces is GetWorkspaces without waiting, as SubmitWorkspace.
func (store *Store) SubmitWorkspaces(query WorkspacesQuery, done func(WorkspacesPage, error)) {
	submitWork(store, query.Namespace, func() (WorkspacesPage, error) { return store.GetWorkspaces(query) }, done)
}

// WorkspaceQuery is a query of a workspace, as data.
//
//	store.WorkspaceQuery{Namespace: "acme", Workspace: "import-42", SQL: "SELECT count(*) FROM entries", Limit: 1}
type WorkspaceQuery struct {
	Namespace string
	Workspace string
	// SQL is as Workspace.Query takes it.
	SQL string
	// Limit is 1 to MaxQueryRows.
	Limit int
}

// SubmitWorkspaceQuery is Workspace.QueryLimit without waiting. It calls done once, before
// SubmitWorkspaceQuery returns or later from a goroutine of the store. Queries wait for each
// other, in turns of their namespaces. Nothing else waits for them.
func (store *Store) SubmitWorkspaceQuery(query WorkspaceQuery, done func(QueryRows, error)) {
	submitBackground(store, func() (QueryRows, error) {
		return store.workspaces.query(workspaceName{namespace: query.Namespace, name: query.Workspace}, query.SQL, query.Limit)
	}, done)
}
