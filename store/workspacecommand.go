// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/json"

	"dappco.re/go/storebus/store/internal/workspace"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// WorkspaceCommand is a write to a workspace, as data: OpenWorkspaceCommand,
// PutWorkspaceCommand, CommitWorkspaceCommand or DiscardWorkspaceCommand.
type WorkspaceCommand interface {
	// name is the name of the workspace.
	name() workspacefile.Name
	// carryOut carries the command out and answers the request in the same transaction.
	carryOut(workspaces *workspace.Workspaces, request Request) (Outcome, error)
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

func (command OpenWorkspaceCommand) name() workspacefile.Name {
	return workspacefile.Name{Namespace: command.Namespace, Workspace: command.Workspace}
}

func (command OpenWorkspaceCommand) carryOut(workspaces *workspace.Workspaces, request Request) (Outcome, error) {
	return workspaces.OpenFor(request, command.name())
}

func (command PutWorkspaceCommand) name() workspacefile.Name {
	return workspacefile.Name{Namespace: command.Namespace, Workspace: command.Workspace}
}

func (command PutWorkspaceCommand) carryOut(workspaces *workspace.Workspaces, request Request) (Outcome, error) {
	return workspaces.PutFor(request, command.name(), command.Kind, command.Data)
}

func (command CommitWorkspaceCommand) name() workspacefile.Name {
	return workspacefile.Name{Namespace: command.Namespace, Workspace: command.Workspace}
}

func (command CommitWorkspaceCommand) carryOut(workspaces *workspace.Workspaces, request Request) (Outcome, error) {
	return workspaces.CommitFor(request, command.name(), command.TraceParent)
}

func (command DiscardWorkspaceCommand) name() workspacefile.Name {
	return workspacefile.Name{Namespace: command.Namespace, Workspace: command.Workspace}
}

func (command DiscardWorkspaceCommand) carryOut(workspaces *workspace.Workspaces, request Request) (Outcome, error) {
	return workspaces.DiscardFor(request, command.name())
}

// WorkspacesQuery asks for one page of the workspaces of a namespace, in byte order of their
// names.
//
//	store.WorkspacesQuery{Namespace: "acme", Limit: 100}
type WorkspacesQuery struct {
	// Namespace is empty for workspaces outside every namespace.
	Namespace string
	// After, if not nil, is the name of the last workspace before the page.
	After *string
	// Limit is the largest number of workspaces; 0 is DefaultPageLimit.
	Limit int
	// Fits is as in ChangesQuery.
	Fits func(*WorkspaceInfo) bool
}

// WorkspacesPage is one page of the workspaces of a namespace.
type WorkspacesPage struct {
	Workspaces []WorkspaceInfo
	// Next is as in Page.
	Next *string
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
