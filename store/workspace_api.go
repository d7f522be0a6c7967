// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"fmt"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/paging"
)

// Workspace collects entries in a SQLite file of its own, until it is committed or discarded.
// Any number of goroutines may call its methods. After the end they return ErrNotFound.
type Workspace struct {
	store  *Store
	within *workspace
}

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

// NewWorkspace is Store.NewWorkspace in the namespace.
//
//	workspace, err := scoped.NewWorkspace("import-42")
func (scoped *ScopedStore) NewWorkspace(name string) (*Workspace, error) {
	workspace, _, err := scoped.within().openWorkspace("store.NewWorkspace", scoped.Namespace(), name)
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
	whole := workspaceName{namespace: namespace, name: name}
	var within *workspace
	if err = store.unusable(); err == nil {
		within, created, err = store.workspaces.open(whole)
	}
	if err != nil {
		return nil, false, whole.failure(operation, err)
	}
	return &Workspace{store: store, within: within}, created, nil
}

// FindWorkspace returns an existing workspace, or ErrNotFound.
//
//	workspace, err := store.FindWorkspace("acme", "import-42")
func (store *Store) FindWorkspace(namespace, name string) (*Workspace, error) {
	whole := workspaceName{namespace: namespace, name: name}
	if err := store.unusable(); err != nil {
		return nil, whole.failure("store.FindWorkspace", err)
	}
	within, err := store.workspaces.find(whole)
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
		infos, err = store.workspaces.list(namespace)
	}
	return infos, namespaceError("store.Workspaces", namespace, err)
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

// GetWorkspaces returns one page of the workspaces of a namespace.
//
//	page, err := store.GetWorkspaces(store.WorkspacesQuery{Namespace: "acme"})
func (store *Store) GetWorkspaces(query WorkspacesQuery) (page WorkspacesPage, err error) {
	err = cmp.Or(store.unusable(), paging.CheckLimit(query.Limit))
	var infos []WorkspaceInfo
	if err == nil {
		infos, err = store.workspaces.list(query.Namespace)
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
	var found []*workspace
	err := store.unusable()
	if err == nil {
		found, err = store.workspaces.recover(stateDirectory)
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

// Name returns the name of the workspace.
func (workspace *Workspace) Name() string {
	if !workspace.opened() {
		return ""
	}
	return workspace.within.name()
}

// DatabasePath returns the path of the SQLite file with the entries. Other programs may read it
// while the workspace exists. The file name is random.
func (workspace *Workspace) DatabasePath() string {
	if !workspace.opened() {
		return ""
	}
	return workspace.within.path()
}

// opened reports whether a store has made the workspace.
func (workspace *Workspace) opened() bool { return workspace != nil && workspace.within != nil }

// Put adds an entry of a kind, and returns when it is on disk. data is anything that
// encoding/json encodes; a json.RawMessage is kept as it is. Put returns ErrInvalidName if the
// kind is not 1 to MaxWorkspaceKindBytes of UTF-8 without control characters, or if no field of
// a journal entry can have that name: "time", "namespace", "workspace", and names that
// NewJournalCommand refuses. It returns ErrInvalidData for data that is not JSON, or is nested
// deeper than MaxWorkspaceDataDepth. It returns ErrTooLarge beyond MaxWorkspaceDataBytes or
// MaxWorkspaceKinds, and for a kind that would make the summary larger than Limits allow.
//
//	err := workspace.Put("row", map[string]any{"sku": "A-17", "stock": 4})
func (workspace *Workspace) Put(kind string, data any) error {
	_, err := workspace.add(kind, data)
	return workspace.failure("store.Workspace.Put", err)
}

// Add is Put, and returns the new number of entries.
//
//	entries, err := workspace.Add("row", json.RawMessage(`{"sku":"A-17"}`))
func (workspace *Workspace) Add(kind string, data any) (entries int64, err error) {
	entries, err = workspace.add(kind, data)
	return entries, workspace.failure("store.Workspace.Add", err)
}

func (workspace *Workspace) add(kind string, data any) (entries int64, err error) {
	if !workspace.opened() {
		return 0, failure.ErrNeverOpened
	}
	encoded, err := encodeWorkspaceEntry(kind, data)
	if err != nil {
		return 0, err
	}
	outcome, err := workspace.within.put(fileRequest{}, kind, encoded)
	return outcome.Entries, err
}

// Count returns the number of entries.
func (workspace *Workspace) Count() (int, error) {
	summary, err := workspace.summary()
	count := int64(0)
	for _, entries := range summary {
		count += entries
	}
	return int(count), workspace.failure("store.Workspace.Count", err)
}

// Aggregate returns the number of entries of each kind.
//
//	summary, err := workspace.Aggregate() // {"row": 41, "warning": 2}
func (workspace *Workspace) Aggregate() (map[string]int64, error) {
	summary, err := workspace.summary()
	return summary, workspace.failure("store.Workspace.Aggregate", err)
}

func (workspace *Workspace) summary() (map[string]int64, error) {
	if !workspace.opened() {
		return nil, failure.ErrNeverOpened
	}
	return workspace.within.summary()
}

// Discard ends the workspace and removes its entries.
func (workspace *Workspace) Discard() error {
	err := failure.ErrNeverOpened
	if workspace.opened() {
		_, err = workspace.within.discard(storeHost{workspace.store}, Request{})
	}
	return workspace.failure("store.Workspace.Discard", err)
}

// Close releases the workspace and keeps the entries. NewWorkspace with the same name continues
// it. The store closes open workspaces when it is closed.
func (workspace *Workspace) Close() error {
	if !workspace.opened() {
		return workspace.failure("store.Workspace.Close", failure.ErrNeverOpened)
	}
	workspace.within.close()
	return nil
}

// WorkspaceCommit is the result of Workspace.Commit.
type WorkspaceCommit struct {
	// EntryID is the id of the journal entry; 0 for a workspace without entries, which makes
	// none.
	EntryID int64
	// Summary is the number of entries of each kind.
	Summary map[string]int64
	// Revision is the revision of the change that set the summary.
	Revision uint64
}

// Commit ends the workspace in one transaction and removes its entries. It puts the summary
// into the journal as integers, with the name of the workspace as the measurement and as the
// tag "workspace". It also stores the summary as JSON under the key "summary" of the group
// "workspace:" and the name, outside quotas. A workspace without entries makes no journal
// entry, because a point needs a field; its empty summary is stored. After a crash in between,
// the next opening of the store finishes the commit, and never repeats it. After
// ErrOutcomeUnknown the workspace cannot be used until the store is opened again.
//
//	commit, err := workspace.Commit() // commit.Summary: {"row": 41, "warning": 2}
func (workspace *Workspace) Commit() (WorkspaceCommit, error) {
	if !workspace.opened() {
		return WorkspaceCommit{}, workspace.failure("store.Workspace.Commit", failure.ErrNeverOpened)
	}
	caller := &callerHost{store: workspace.store}
	outcome, err := workspace.within.commit(caller, Request{}, "")
	// Its callbacks may use the workspace's name again.
	workspace.store.followers.RunCallbacks(caller.events)
	if err != nil {
		return WorkspaceCommit{}, workspace.failure("store.Workspace.Commit", err)
	}
	return WorkspaceCommit{EntryID: outcome.EntryID, Summary: outcome.Summary, Revision: outcome.Revision}, nil
}

// Query runs one SELECT over the entries of the workspace: the table entries(id, kind, data,
// created_at), with data as JSON and created_at in Unix milliseconds. It sees nothing else and
// changes nothing. It returns at most MaxQueryRows rows. The errors are ErrInvalidQuery for any
// other statement and for functions that are not allowed, ErrDeadlineExceeded after
// MaxQueryTime, and ErrTooLarge if the values take more than MaxQueryBytes or the query takes
// too much memory. Two queries of a store run at once, one for each namespace. Others wait for
// their turn, and fail with ErrUnavailable after half a minute.
//
//	rows, err := workspace.Query("SELECT data ->> 'sku', count(*) FROM entries GROUP BY 1")
func (workspace *Workspace) Query(query string) (QueryRows, error) {
	return workspace.QueryLimit(query, MaxQueryRows)
}

// QueryLimit is Query with a limit of 1 to MaxQueryRows rows.
//
//	rows, err := workspace.QueryLimit("SELECT data FROM entries ORDER BY id DESC", 10)
func (workspace *Workspace) QueryLimit(query string, limit int) (QueryRows, error) {
	if !workspace.opened() {
		return QueryRows{}, workspace.failure("store.Workspace.Query", failure.ErrNeverOpened)
	}
	rows, err := workspace.within.query(query, limit)
	return rows, workspace.failure("store.Workspace.Query", err)
}

// failure says which operation on which workspace an error is about.
func (workspace *Workspace) failure(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, namedFailure(workspace.Name(), err))
}
