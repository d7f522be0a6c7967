// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"fmt"

	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/paging"
	"dappco.re/go/storebus/store/internal/workspace"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// NewWorkspace opens a workspace outside every namespace, and makes it if there is none of that
// name. A workspace from before a crash continues. A name is 1 to 128 letters, digits, '.', '_'
// and '-'. It begins with a letter or a digit, and has no two dots in a row. For any other name
// NewWorkspace returns ErrInvalidName.
//
//	workspace, err := store.NewWorkspace("import-42")
func (store *Store) NewWorkspace(name string) (*Workspace, error) {
	workspace, _, err := store.openWorkspace("store.NewWorkspace", "", name)
	return workspace, err
}

// OpenWorkspace is NewWorkspace in a namespace; an empty namespace is outside all. created
// tells whether the workspace was made.
//
//	workspace, created, err := store.OpenWorkspace("acme", "import-42")
func (store *Store) OpenWorkspace(namespace, name string) (workspace *Workspace, created bool, err error) {
	return store.openWorkspace("store.OpenWorkspace", namespace, name)
}

func (store *Store) openWorkspace(operation, namespace, name string) (opened *Workspace, created bool, err error) {
	whole := workspacefile.Name{Namespace: namespace, Workspace: name}
	var within *workspace.Workspace
	if err = store.unusable(); err == nil {
		within, created, err = store.workspaces.Open(whole)
	}
	if err != nil {
		return nil, false, whole.Failure(operation, err)
	}
	return &Workspace{store: store, within: within}, created, nil
}

// FindWorkspace returns an existing workspace, or ErrNotFound.
//
//	workspace, err := store.FindWorkspace("acme", "import-42")
func (store *Store) FindWorkspace(namespace, name string) (*Workspace, error) {
	whole := workspacefile.Name{Namespace: namespace, Workspace: name}
	if err := store.unusable(); err != nil {
		return nil, whole.Failure("store.FindWorkspace", err)
	}
	within, err := store.workspaces.Find(whole)
	if err != nil {
		return nil, err
	}
	return &Workspace{store: store, within: within}, nil
}

// Workspaces returns the workspaces of a namespace, by name. An empty namespace returns the
// workspaces outside every namespace.
//
//	infos, err := store.Workspaces("acme")
func (store *Store) Workspaces(namespace string) ([]WorkspaceInfo, error) {
	var infos []WorkspaceInfo
	err := store.unusable()
	if err == nil {
		infos, err = store.workspaces.List(namespace)
	}
	return infos, namespaceError("store.Workspaces", namespace, err)
}

// GetWorkspaces returns one page of the workspaces of a namespace.
//
//	page, err := store.GetWorkspaces(store.WorkspacesQuery{Namespace: "acme"})
func (store *Store) GetWorkspaces(query WorkspacesQuery) (page WorkspacesPage, err error) {
	err = cmp.Or(store.unusable(), paging.CheckLimit(query.Limit))
	var infos []WorkspaceInfo
	if err == nil {
		infos, err = store.workspaces.List(query.Namespace)
	}
	if err != nil {
		return page, namespaceError("store.GetWorkspaces", query.Namespace, err)
	}
	filling := paging.New(query.Limit, query.Fits)
	for _, info := range infos {
		if (query.After == nil || info.Name > *query.After) && !filling.Take(info) {
			break
		}
	}
	page.Workspaces = filling.Elements
	if filling.Full {
		page.Next = &page.Workspaces[len(page.Workspaces)-1].Name
	}
	return page, nil
}

// RecoverOrphans returns the workspaces in a folder that nobody has opened since the store was
// opened, or since the folder was first named here, the oldest first. An empty stateDirectory
// is the store's own folder. Another folder belongs to the store from then on, until the store
// is closed. Files that are not workspaces are moved to the folder's "quarantine". Workspaces
// of the original library, NAME.duckdb, become workspaces outside every namespace if they are
// SQLite, and their files are moved to "imported". Names that are not allowed are changed: see
// OriginalName. RecoverOrphans returns nothing for a missing folder, and ErrDatabaseInUse for a
// folder that another store has.
//
//	orphans, err := store.RecoverOrphans("/var/lib/storebus/state")
func (store *Store) RecoverOrphans(stateDirectory string) ([]*Workspace, error) {
	var found []*workspace.Workspace
	err := store.unusable()
	if err == nil {
		found, err = store.workspaces.Recover(stateDirectory)
	}
	if err != nil {
		return nil, fmt.Errorf("store.RecoverOrphans: %w", err)
	}
	orphans := make([]*Workspace, len(found))
	for index, within := range found {
		orphans[index] = &Workspace{store: store, within: within}
	}
	return orphans, nil
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
	submitWork(store, command.name().Namespace, func() (Outcome, error) { return command.carryOut(store.workspaces, request) }, done)
}

// submitWork has work done that takes a while, in turns of namespaces.
func submitWork[Result any](store *Store, namespace string, work func() (Result, error), done func(Result, error)) {
	submitBackground(store, func() (result Result, err error) {
		leave, err := store.workspaces.TakePlace(namespace)
		if err != nil {
			return result, err
		}
		defer leave()
		return work()
	}, done)
}

// SubmitWorkspaceAggregate is Workspace.Aggregate without waiting, as SubmitWorkspace.
func (store *Store) SubmitWorkspaceAggregate(namespace, name string, done func(map[string]int64, error)) {
	submitWork(store, namespace, func() (map[string]int64, error) {
		return store.workspaces.Summary(workspacefile.Name{Namespace: namespace, Workspace: name})
	}, done)
}

// SubmitWorkspaces is GetWorkspaces without waiting, as SubmitWorkspace.
func (store *Store) SubmitWorkspaces(query WorkspacesQuery, done func(WorkspacesPage, error)) {
	submitWork(store, query.Namespace, func() (WorkspacesPage, error) { return store.GetWorkspaces(query) }, done)
}

// SubmitWorkspaceQuery is Workspace.QueryLimit without waiting. It calls done once, before
// SubmitWorkspaceQuery returns or later from a goroutine of the store. Queries wait for each
// other, in turns of their namespaces. Nothing else waits for them.
func (store *Store) SubmitWorkspaceQuery(query WorkspaceQuery, done func(QueryRows, error)) {
	submitBackground(store, func() (QueryRows, error) {
		return store.workspaces.Query(workspacefile.Name{Namespace: query.Namespace, Workspace: query.Workspace}, query.SQL, query.Limit)
	}, done)
}

// NewWorkspace is Store.NewWorkspace in the namespace.
//
//	workspace, err := scoped.NewWorkspace("import-42")
func (scoped *ScopedStore) NewWorkspace(name string) (*Workspace, error) {
	workspace, _, err := scoped.within().openWorkspace("store.NewWorkspace", scoped.Namespace(), name)
	return workspace, err
}

// OpenWorkspace is Store.OpenWorkspace in the namespace.
//
//	workspace, created, err := scoped.OpenWorkspace("import-42")
func (scoped *ScopedStore) OpenWorkspace(name string) (workspace *Workspace, created bool, err error) {
	return scoped.within().OpenWorkspace(scoped.Namespace(), name)
}

// FindWorkspace is Store.FindWorkspace in the namespace.
//
//	workspace, err := scoped.FindWorkspace("import-42")
func (scoped *ScopedStore) FindWorkspace(name string) (*Workspace, error) {
	return scoped.within().FindWorkspace(scoped.Namespace(), name)
}

// Workspaces returns the workspaces of the namespace, by name.
func (scoped *ScopedStore) Workspaces() ([]WorkspaceInfo, error) {
	return scoped.within().Workspaces(scoped.Namespace())
}

// GetWorkspaces is Store.GetWorkspaces of the namespace, whatever query.Namespace says.
//
//	page, err := scoped.GetWorkspaces(store.WorkspacesQuery{Limit: 100})
func (scoped *ScopedStore) GetWorkspaces(query WorkspacesQuery) (WorkspacesPage, error) {
	query.Namespace = scoped.Namespace()
	return scoped.within().GetWorkspaces(query)
}
