// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"bytes"
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits of what a workspace takes.
const (
	// MaxWorkspaceKinds is how many kinds of entries a workspace may hold.
	MaxWorkspaceKinds = 1000
	// MaxWorkspaceKindBytes is the longest name of a kind.
	MaxWorkspaceKindBytes = 128
	// MaxWorkspaceDataBytes is the largest entry, as JSON.
	MaxWorkspaceDataBytes = 1 << 20
)

// Workspace gathers entries in a SQLite file of its own, until it is committed or
// discarded. Its methods may be called from many goroutines. When it has ended they
// return ErrNotFound.
type Workspace struct {
	store  *Store
	file   *workspaceFile
	closed atomic.Bool
}

// WorkspaceInfo is what is known of a workspace.
type WorkspaceInfo struct {
	Name     string
	Entries  int64
	OpenedAt time.Time
	// Orphaned tells that nobody has opened it since the store was.
	Orphaned bool
}

// NewWorkspace opens a workspace outside every namespace, and makes it where there is
// none of that name: one that a crash has left goes on. A name is 1 to 128 letters,
// digits, '.', '_' and '-', begins with a letter or a digit, and has no two dots in a
// row; else NewWorkspace returns ErrInvalidName.
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

// OpenWorkspace is NewWorkspace in a namespace, the empty one for none. It tells
// whether the workspace was made.
//
//	workspace, created, err := store.OpenWorkspace("acme", "import-42")
func (store *Store) OpenWorkspace(namespace, name string) (workspace *Workspace, created bool, err error) {
	return store.openWorkspace("store.OpenWorkspace", namespace, name)
}

func (store *Store) openWorkspace(operation, namespace, name string) (workspace *Workspace, created bool, err error) {
	var file *workspaceFile
	if err = store.unusable(); err == nil {
		file, created, err = store.workspaces.open(workspaceName{namespace: namespace, name: name}, nil, time.Time{})
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: namespace %q workspace %q: %w", operation, namespace, name, err)
	}
	file.turn.Unlock()
	return &Workspace{store: store, file: file}, created, nil
}

// FindWorkspace returns a workspace that is there already, else ErrNotFound.
//
//	workspace, err := store.FindWorkspace("acme", "import-42")
func (store *Store) FindWorkspace(namespace, name string) (*Workspace, error) {
	var file *workspaceFile
	err := store.unusable()
	if err == nil {
		file, err = store.workspaces.find(workspaceName{namespace: namespace, name: name})
	}
	if err != nil {
		return nil, fmt.Errorf("store.FindWorkspace: namespace %q workspace %q: %w", namespace, name, err)
	}
	return &Workspace{store: store, file: file}, nil
}

// Workspaces returns the workspaces of a namespace, by name; the empty namespace is
// that of those outside every namespace.
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

// WorkspacesQuery asks for workspaces of a namespace, in byte order of their names.
//
//	store.WorkspacesQuery{Namespace: "acme", Limit: 100}
type WorkspacesQuery struct {
	// Namespace is empty for those outside every namespace.
	Namespace string
	// After, where given, is the name of the workspace behind which the page begins.
	After *string
	// Limit is the largest number of workspaces; 0 is DefaultPageLimit.
	Limit int
	// Fits is as in ChangesQuery.
	Fits func(*WorkspaceInfo) bool
}

// WorkspacesPage is a part of the workspaces of a namespace.
type WorkspacesPage struct {
	Workspaces []WorkspaceInfo
	// Next is as in Page.
	Next *string
}

// GetWorkspaces returns one page of the workspaces of a namespace.
//
//	page, err := store.GetWorkspaces(store.WorkspacesQuery{Namespace: "acme"})
func (store *Store) GetWorkspaces(query WorkspacesQuery) (page WorkspacesPage, err error) {
	err = cmp.Or(store.unusable(), checkLimit(query.Limit))
	var infos []WorkspaceInfo
	if err == nil {
		infos, err = store.workspaces.list(query.Namespace)
	}
	if err != nil {
		return page, namespaceError("store.GetWorkspaces", query.Namespace, err)
	}
	filling := fillingOf(query.Limit, query.Fits)
	for _, info := range infos {
		if (query.After == nil || info.Name > *query.After) && !filling.take(info) {
			break
		}
	}
	page.Workspaces = filling.elements
	if filling.full {
		page.Next = &page.Workspaces[len(page.Workspaces)-1].Name
	}
	return page, nil
}

// RecoverOrphans returns the workspaces in a folder that nobody has opened since the
// store was, or since the folder was first named here, the oldest first. Empty is the store's own
// folder; another one belongs to the store from then on, until it is closed. Files
// that are no workspaces are moved to the folder's "quarantine". Those of the original
// library's workspaces, NAME.duckdb, become workspaces outside every namespace where they
// are SQLite, and are moved to "imported"; see OriginalName for those whose names
// no workspace may have. RecoverOrphans returns nothing for a folder that is not there,
// and ErrDatabaseInUse for one that another store has.
//
//	orphans, err := store.RecoverOrphans("/var/lib/storebus/state")
func (store *Store) RecoverOrphans(stateDirectory string) ([]*Workspace, error) {
	var files []*workspaceFile
	err := store.unusable()
	if err == nil {
		files, err = store.workspaces.recover(stateDirectory)
	}
	if err != nil {
		return nil, fmt.Errorf("store.RecoverOrphans: %w", err)
	}
	orphans := make([]*Workspace, len(files))
	for index, file := range files {
		orphans[index] = &Workspace{store: store, file: file}
	}
	return orphans, nil
}

// Name returns the name of the workspace.
func (workspace *Workspace) Name() string {
	if !workspace.opened() {
		return ""
	}
	return workspace.file.name
}

// DatabasePath returns the SQLite file that holds the entries. Other programs may read
// it while the workspace is there; its name says nothing of the workspace's.
func (workspace *Workspace) DatabasePath() string {
	if !workspace.opened() {
		return ""
	}
	return workspace.file.path()
}

// opened reports whether a store has made the workspace.
func (workspace *Workspace) opened() bool { return workspace != nil && workspace.file != nil }

// Put adds an entry of a kind, and returns when it is on disk. data is anything that
// encoding/json encodes; a json.RawMessage is kept as it is. Put returns
// ErrInvalidName for a kind that is not 1 to MaxWorkspaceKindBytes of UTF-8 without
// control characters, or that no field of a journal entry can be named by: "time",
// "namespace", "workspace", and what NewJournalCommand refuses in a name. It returns ErrInvalidData for what is no JSON, or nested
// deeper than MaxWorkspaceDataDepth, and ErrTooLarge beyond MaxWorkspaceDataBytes or
// MaxWorkspaceKinds, and for a kind with which the summary would be larger than a commit
// may store within Limits.
//
//	err := workspace.Put("row", map[string]any{"sku": "A-17", "stock": 4})
func (workspace *Workspace) Put(kind string, data any) error {
	if _, err := workspace.add(kind, data); err != nil {
		return fmt.Errorf("store.Workspace.Put: %w", err)
	}
	return nil
}

// Add is Put, and returns how many entries there are then.
//
//	entries, err := workspace.Add("row", json.RawMessage(`{"sku":"A-17"}`))
func (workspace *Workspace) Add(kind string, data any) (entries int64, err error) {
	if entries, err = workspace.add(kind, data); err != nil {
		return 0, fmt.Errorf("store.Workspace.Add: %w", err)
	}
	return entries, nil
}

func (workspace *Workspace) add(kind string, data any) (entries int64, err error) {
	if !workspace.opened() {
		return 0, workspace.failure(errNeverOpened)
	}
	encoded, err := encodeWorkspaceEntry(kind, data)
	if err != nil {
		return 0, workspace.failure(err)
	}
	outcome, err := workspace.put(Request{}, kind, encoded)
	if err != nil {
		return 0, workspace.failure(err)
	}
	return outcome.Entries, nil
}

// put adds an entry for a request, whose answer is remembered with it.
func (workspace *Workspace) put(request Request, kind, data string) (outcome Outcome, err error) {
	entry := workspaceEntry{kind: kind, data: data, createdAt: workspace.store.committer.clock.now()}
	limits := workspace.store.committer.limits.Load()
	err = workspace.write(func(database *sql.DB) error {
		err := inTransaction(database, func(transaction *sql.Tx) error {
			outcome, err = request.answeredIn(transaction, func() (Outcome, error) {
				if err := workspace.file.admit(transaction, kind, limits); err != nil {
					return Outcome{}, err
				}
				entries, err := entry.insertIn(transaction)
				return Outcome{Entries: entries}, err
			})
			return err
		})
		if err == nil && !outcome.Replayed {
			workspace.file.entries.Store(outcome.Entries)
			workspace.file.admitted(kind, limits)
		}
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	return outcome, nil
}

func encodeWorkspaceEntry(kind string, data any) (string, error) {
	if err := CheckWorkspaceKind(kind); err != nil {
		return "", err
	}
	encoded, err := json.Marshal(data)
	if raw, isRaw := data.(json.RawMessage); isRaw && err == nil {
		encoded = bytes.TrimSpace(raw)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrInvalidData, err)
	case !utf8.Valid(encoded):
		return "", fmt.Errorf("%w: it is not UTF-8", ErrInvalidData)
	case len(encoded) > MaxWorkspaceDataBytes:
		return "", &TooLargeError{What: "workspace entry", Size: len(encoded), Limit: MaxWorkspaceDataBytes}
	}
	return string(encoded), checkDepth(encoded)
}

// CheckWorkspaceKind returns ErrInvalidName for a kind that Put does not take: a commit
// makes the name of a field of it.
//
//	err := store.CheckWorkspaceKind("row")
func CheckWorkspaceKind(kind string) error {
	if kind == "" || len(kind) > MaxWorkspaceKindBytes {
		return fmt.Errorf("%w: kind %q has %d bytes, 1 to %d are allowed", ErrInvalidName, kind, len(kind), MaxWorkspaceKindBytes)
	}
	for _, letter := range kind {
		if letter == utf8.RuneError || unicode.IsControl(letter) {
			return fmt.Errorf("%w: kind %q holds %q; use UTF-8 without control characters", ErrInvalidName, kind, letter)
		}
	}
	if kind == namespaceTag || kind == workspaceTag {
		return fmt.Errorf("%w: kind %q is the name of a tag of the journal entry that a commit makes", ErrInvalidName, kind)
	}
	if err := checkJournalKey("field", kind); err != nil {
		return fmt.Errorf("%w: kind %q cannot be in the journal: %w", ErrInvalidName, kind, err)
	}
	return nil
}

// Count returns how many entries there are.
func (workspace *Workspace) Count() (int, error) {
	summary, err := workspace.summary()
	if err != nil {
		return 0, fmt.Errorf("store.Workspace.Count: %w", err)
	}
	count := int64(0)
	for _, entries := range summary {
		count += entries
	}
	return int(count), nil
}

// Aggregate returns how many entries there are of each kind.
//
//	summary, err := workspace.Aggregate() // {"row": 41, "warning": 2}
func (workspace *Workspace) Aggregate() (map[string]int64, error) {
	summary, err := workspace.summary()
	if err != nil {
		return nil, fmt.Errorf("store.Workspace.Aggregate: %w", err)
	}
	return summary, nil
}

func (workspace *Workspace) summary() (summary map[string]int64, err error) {
	err = workspace.use(func(database *sql.DB) error {
		summary, err = summariseWorkspace(database)
		return err
	})
	if err != nil {
		return nil, workspace.failure(err)
	}
	return summary, nil
}

// Discard ends the workspace and throws away what is in it.
func (workspace *Workspace) Discard() error {
	if _, err := workspace.discard(Request{}); err != nil {
		return fmt.Errorf("store.Workspace.Discard: %w", workspace.failure(err))
	}
	return nil
}

// Close gives the workspace up and keeps what is in it, for NewWorkspace with its name
// to go on with. The store closes what is left open.
func (workspace *Workspace) Close() error {
	if !workspace.opened() {
		return fmt.Errorf("store.Workspace.Close: %w", workspace.failure(errNeverOpened))
	}
	workspace.closed.Store(true)
	return nil
}

// use lends the database of the workspace to function.
func (workspace *Workspace) use(function func(database *sql.DB) error) error {
	if !workspace.opened() {
		return errNeverOpened
	}
	workspace.file.turn.Lock()
	defer workspace.file.turn.Unlock()
	if err := workspace.usable(); err != nil {
		return err
	}
	return workspace.store.workspaces.pool.use(workspace.file, function)
}

// write is use for what changes the database. What has an unknown outcome is the last:
// what stands in the file is read again when the store is opened again.
func (workspace *Workspace) write(function func(database *sql.DB) error) error {
	return workspace.use(func(database *sql.DB) error {
		err := function(database)
		if err == nil {
			return nil
		}
		err = workspaceFailure(err)
		if errors.Is(err, ErrOutcomeUnknown) {
			workspace.file.gone = fmt.Errorf("%w: the workspace rests until the store is opened again: %s", ErrUnavailable, err.Error())
		}
		return err
	})
}

// usable returns why the workspace cannot be used. The caller has the file's turn.
func (workspace *Workspace) usable() error {
	if workspace.closed.Load() {
		return ErrClosed
	}
	return workspace.file.gone
}

func (workspace *Workspace) failure(err error) error {
	return fmt.Errorf("workspace %q: %w", workspace.Name(), err)
}
