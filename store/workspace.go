// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/workspace"
)

// Workspace collects entries in a SQLite file of its own, until it is committed or discarded.
// Any number of goroutines may call its methods. After the end they return ErrNotFound.
type Workspace struct {
	store  *Store
	within *workspace.Workspace
}

// Name returns the name of the workspace.
func (workspace *Workspace) Name() string {
	if !workspace.opened() {
		return ""
	}
	return workspace.within.Name()
}

// DatabasePath returns the path of the SQLite file with the entries. Other programs may read it
// while the workspace exists. The file name is random.
func (workspace *Workspace) DatabasePath() string {
	if !workspace.opened() {
		return ""
	}
	return workspace.within.Path()
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
	return workspace.within.Put(kind, data)
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
	return workspace.within.Summary()
}

// Discard ends the workspace and removes its entries.
func (workspace *Workspace) Discard() error {
	err := failure.ErrNeverOpened
	if workspace.opened() {
		err = workspace.within.Discard()
	}
	return workspace.failure("store.Workspace.Discard", err)
}

// Close releases the workspace and keeps the entries. NewWorkspace with the same name continues
// it. The store closes open workspaces when it is closed.
func (workspace *Workspace) Close() error {
	if !workspace.opened() {
		return workspace.failure("store.Workspace.Close", failure.ErrNeverOpened)
	}
	workspace.within.Close()
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
// "workspace:" and the name. Both count towards the quota: after a QuotaExceededError the
// workspace goes on. A workspace without entries makes no journal entry, because a point needs a
// field; its empty summary is stored. After a crash in between, the next opening of the store
// finishes the commit, and never repeats it. After ErrOutcomeUnknown the workspace cannot be used
// until the store is opened again.
//
//	commit, err := workspace.Commit() // commit.Summary: {"row": 41, "warning": 2}
func (workspace *Workspace) Commit() (WorkspaceCommit, error) {
	if !workspace.opened() {
		return WorkspaceCommit{}, workspace.failure("store.Workspace.Commit", failure.ErrNeverOpened)
	}
	caller := &callerHost{store: workspace.store}
	outcome, err := workspace.within.Commit(caller)
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
	rows, err := workspace.within.Query(query, limit)
	return rows, workspace.failure("store.Workspace.Query", err)
}

// failure says which operation on which workspace an error is about.
func (workspace *Workspace) failure(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: workspace %q: %w", operation, workspace.Name(), err)
}
