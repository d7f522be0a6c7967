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

	"dappco.re/go/storebus/store/internal/kv"
)

// The limits of a workspace.
const (
	// MaxWorkspaceKinds is the largest number of kinds of entries in a workspace.
	MaxWorkspaceKinds = 1000
	// MaxWorkspaceKindBytes is the length of the longest name of a kind.
	MaxWorkspaceKindBytes = 128
	// MaxWorkspaceDataBytes is the size of the largest entry, as JSON.
	MaxWorkspaceDataBytes = 1 << 20
)

// Workspace collects entries in a SQLite file of its own, until it is committed or discarded.
// Any number of goroutines may call its methods. After the end they return ErrNotFound.
type Workspace struct {
	store  *Store
	file   *workspaceFile
	closed atomic.Bool
}

// WorkspaceInfo describes a workspace.
type WorkspaceInfo struct {
	Name     string
	Entries  int64
	OpenedAt time.Time
	// Orphaned is true if nobody has opened the workspace since the store was opened.
	Orphaned bool
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

// FindWorkspace returns an existing workspace, or ErrNotFound.
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

// DatabasePath returns the path of the SQLite file with the entries. Other programs may read it
// while the workspace exists. The file name is random.
func (workspace *Workspace) DatabasePath() string {
	if !workspace.opened() {
		return ""
	}
	return workspace.file.path()
}

// opened reports whether a store has made the workspace.
func (workspace *Workspace) opened() bool { return workspace != nil && workspace.file != nil }

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
	if _, err := workspace.add(kind, data); err != nil {
		return fmt.Errorf("store.Workspace.Put: %w", err)
	}
	return nil
}

// Add is Put, and returns the new number of entries.
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
	entry := workspaceEntry{kind: kind, data: data, createdAt: workspace.store.committer.clock.Now()}
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
		return "", fmt.Errorf("%w: %w", kv.ErrInvalidData, err)
	case !utf8.Valid(encoded):
		return "", fmt.Errorf("%w: it is not UTF-8", kv.ErrInvalidData)
	case len(encoded) > MaxWorkspaceDataBytes:
		return "", &kv.TooLargeError{What: "workspace entry", Size: len(encoded), Limit: MaxWorkspaceDataBytes}
	}
	return string(encoded), checkDepth(encoded)
}

// CheckWorkspaceKind returns ErrInvalidName for a kind that Put does not take. A commit uses
// the kind as the name of a field.
//
//	err := store.CheckWorkspaceKind("row")
func CheckWorkspaceKind(kind string) error {
	if kind == "" || len(kind) > MaxWorkspaceKindBytes {
		return fmt.Errorf("%w: kind %q has %d bytes, 1 to %d are allowed", kv.ErrInvalidName, kind, len(kind), MaxWorkspaceKindBytes)
	}
	for _, letter := range kind {
		if letter == utf8.RuneError || unicode.IsControl(letter) {
			return fmt.Errorf("%w: kind %q holds %q; use UTF-8 without control characters", kv.ErrInvalidName, kind, letter)
		}
	}
	if kind == namespaceTag || kind == workspaceTag {
		return fmt.Errorf("%w: kind %q is the name of a tag of the journal entry that a commit makes", kv.ErrInvalidName, kind)
	}
	if err := checkJournalKey("field", kind); err != nil {
		return fmt.Errorf("%w: kind %q cannot be in the journal: %w", kv.ErrInvalidName, kind, err)
	}
	return nil
}

// Count returns the number of entries.
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

// Aggregate returns the number of entries of each kind.
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

// Discard ends the workspace and removes its entries.
func (workspace *Workspace) Discard() error {
	if _, err := workspace.discard(Request{}); err != nil {
		return fmt.Errorf("store.Workspace.Discard: %w", workspace.failure(err))
	}
	return nil
}

// Close releases the workspace and keeps the entries. NewWorkspace with the same name continues
// it. The store closes open workspaces when it is closed.
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

// write is use for a change of the database. After an unknown outcome there are no more writes:
// the file is read again when the store is opened again.
func (workspace *Workspace) write(function func(database *sql.DB) error) error {
	return workspace.use(func(database *sql.DB) error {
		err := function(database)
		if err == nil {
			return nil
		}
		err = workspaceFailure(err)
		if errors.Is(err, kv.ErrOutcomeUnknown) {
			workspace.file.gone = fmt.Errorf("%w: the workspace rests until the store is opened again: %s", kv.ErrUnavailable, err.Error())
		}
		return err
	})
}

// usable returns why the workspace cannot be used. The caller has the file's turn.
func (workspace *Workspace) usable() error {
	if workspace.closed.Load() {
		return kv.ErrClosed
	}
	return workspace.file.gone
}

func (workspace *Workspace) failure(err error) error {
	return fmt.Errorf("workspace %q: %w", workspace.Name(), err)
}
