// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// workspaceSuffix is how the file of a workspace ends. It begins with its run id.
	workspaceSuffix = ".workspace"
	// workspacesSuffix is behind the path of a database in the name of the folder of its
	// workspaces.
	workspacesSuffix = ".workspaces"
	// partialSuffix is the ending of an unfinished file. No write to such a file was
	// acknowledged.
	partialSuffix = ".partial"
	// workspaceFormat tells the file of a workspace from other databases.
	workspaceFormat = 0x5357_4231
)

// workspaceSchema is the whole schema of a workspace's file.
const workspaceSchema = `CREATE TABLE workspace (
    namespace TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    opened_at INTEGER NOT NULL -- Unix nanoseconds
);
CREATE TABLE entries (
    id         INTEGER PRIMARY KEY,
    kind       TEXT    NOT NULL,
    data       TEXT    NOT NULL, -- JSON
    created_at INTEGER NOT NULL  -- Unix milliseconds
);
CREATE TABLE kinds (
    kind    TEXT    NOT NULL PRIMARY KEY,
    entries INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE requests (
    id          INTEGER PRIMARY KEY,
    request_id  TEXT    NOT NULL UNIQUE,
    digest      BLOB    NOT NULL,
    answer      BLOB    NOT NULL,
    answered_at INTEGER NOT NULL -- Unix nanoseconds
)`

// workspaceFile is one run of a workspace: a SQLite file, from its creation to its
// commit or discard. Its path is made of its run id alone.
type workspaceFile struct {
	workspaceName
	runID    string
	folder   *workspaceFolder
	openedAt time.Time
	entries  atomic.Int64
	// answers are the answers that the file remembered when it was found.
	answers []*batch.Answer
	// orphaned tells that nobody has opened the workspace since its folder was taken
	// up; guarded by the registry.
	orphaned bool

	// ended is closed when the run ends, which stops its queries; reading is held by them.
	ended   chan struct{}
	reading sync.RWMutex

	// state is for the holder of the turn, and pooled for the pool.
	state  guarded[workspaceState]
	pooled pooledFile
}

func newWorkspaceFile(folder *workspaceFolder, runID string) *workspaceFile {
	return &workspaceFile{folder: folder, runID: runID, ended: make(chan struct{})}
}

func (file *workspaceFile) path() string {
	return filepath.Join(file.folder.path, file.runID+workspaceSuffix)
}

// workspaceAddress carries every setting of a connection that writes.
func workspaceAddress(path string, durability Durability) string {
	return sqlite.FileAddress(path) + "?" + url.Values{
		"_defensive": {"1"},
		"_pragma": {
			"busy_timeout(5000)",
			"synchronous(" + string(synchronousOf(durability)) + ")",
			"temp_store(MEMORY)",
			"cache_size(-512)",
			"trusted_schema(0)",
			"cell_size_check(1)",
			"mmap_size(0)",
		},
	}.Encode()
}

func openWorkspaceDatabase(path string, durability Durability) (*sql.DB, error) {
	database, err := sql.Open("sqlite", workspaceAddress(path, durability))
	if err != nil {
		return nil, err
	}
	database.SetMaxOpenConns(1)
	return database, nil
}

// create makes the file. The file is whole and on disk before it has its name. fill, if not
// nil, writes the first content.
func (file *workspaceFile) create(durability Durability, fill func(transaction *sql.Tx) error) error {
	partial := filepath.Join(file.folder.path, file.runID+partialSuffix)
	if err := sqlite.CreatePrivate(partial); err != nil {
		return err
	}
	err := file.writeSchema(partial, durability, fill)
	if err == nil {
		err = os.Rename(partial, file.path())
	}
	if err != nil {
		return errors.Join(err, removeDatabase(partial))
	}
	return platform.SyncFolder(file.folder.path)
}

func (file *workspaceFile) writeSchema(path string, durability Durability, fill func(transaction *sql.Tx) error) error {
	database, err := openWorkspaceDatabase(path, durability)
	if err != nil {
		return err
	}
	_, err = database.ExecContext(context.Background(), fmt.Sprintf(`PRAGMA journal_mode = WAL; PRAGMA application_id = %d; BEGIN; %s;
		INSERT INTO workspace (namespace, name, opened_at) VALUES (?1, ?2, ?3); COMMIT`, workspaceFormat, workspaceSchema),
		file.namespace, file.name, file.openedAt.UnixNano())
	if err == nil && fill != nil {
		err = inTransaction(database, fill)
	}
	if closeErr := database.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return syncFile(path)
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// removeDatabase removes a database and the files that SQLite keeps beside it. The database
// goes last, because the other files mean nothing without it.
func removeDatabase(path string) error {
	for _, suffix := range append(slices.Clone(sqlite.Companions), "") {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// workspaceEntry is an entry that Put adds.
type workspaceEntry struct {
	kind      string
	data      string
	createdAt time.Time
}

// inTransaction carries out function in one transaction, all of it or nothing.
func inTransaction(database *sql.DB, function func(transaction *sql.Tx) error) error {
	transaction, err := database.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := function(transaction); err != nil {
		return errors.Join(err, transaction.Rollback())
	}
	return transaction.Commit()
}

// insertIn adds an entry, and returns how many there are.
func (entry *workspaceEntry) insertIn(transaction *sql.Tx) (entries int64, err error) {
	if err := countKind(transaction, entry.kind); err != nil {
		return 0, err
	}
	// Nothing is ever taken out, so that the newest id is their number.
	err = transaction.QueryRowContext(context.Background(),
		`INSERT INTO entries (kind, data, created_at) SELECT ?1, ?2, ?3 WHERE json_valid(?2) RETURNING id`,
		entry.kind, entry.data, entry.createdAt.UnixMilli()).Scan(&entries)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: SQLite's JSON does not read it", failure.ErrInvalidData)
	}
	return entries, err
}

// countKind adds one to the count of a kind, or begins it if there is room for another.
func countKind(transaction *sql.Tx, kind string) error {
	known, err := transaction.ExecContext(context.Background(), `UPDATE kinds SET entries = entries + 1 WHERE kind = ?`, kind)
	if err != nil {
		return err
	}
	if changed, err := known.RowsAffected(); err != nil || changed > 0 {
		return err
	}
	begun, err := transaction.ExecContext(context.Background(),
		`INSERT INTO kinds (kind, entries) SELECT ?1, 1 WHERE (SELECT count(*) FROM kinds) < ?2`, kind, MaxWorkspaceKinds)
	if err != nil {
		return err
	}
	if changed, err := begun.RowsAffected(); err != nil || changed > 0 {
		return err
	}
	return &failure.TooManyKindsError{Kind: kind, Limit: MaxWorkspaceKinds}
}

// summariseWorkspace returns how many entries there are of each kind.
func summariseWorkspace(database rowsQuerier) (map[string]int64, error) {
	rows, err := database.QueryContext(context.Background(), `SELECT kind, entries FROM kinds`)
	if err != nil {
		return nil, err
	}
	type count struct {
		kind    string
		entries int64
	}
	counts, err := sqlite.ReadRows(rows, func(row *count) error { return rows.Scan(&row.kind, &row.entries) })
	summary := make(map[string]int64, len(counts))
	for _, count := range counts {
		summary[count.kind] = count.entries
	}
	return summary, err
}

// workspaceFailure is sqlite.Refusal for the file of a workspace. A failed write that may be on
// disk has an unknown outcome.
func workspaceFailure(err error) error {
	if platform.IsDiskFull(err) {
		return fmt.Errorf("%w: disk takes no more", failure.ErrUnavailable)
	}
	switch sqlite.Code(err) {
	case sqlitelib.SQLITE_IOERR:
		if !sqlite.RefusedWrite(err) {
			return fmt.Errorf("%w: %w", failure.ErrOutcomeUnknown, err)
		}
	case sqlitelib.SQLITE_CANTOPEN, sqlitelib.SQLITE_NOMEM:
		return fmt.Errorf("%w: the workspace's file cannot be opened now: %w", failure.ErrUnavailable, err)
	}
	return sqlite.Refusal(err)
}
