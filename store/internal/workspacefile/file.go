// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// suffix is how the file of a workspace ends. Its stem comes before.
	suffix = ".workspace"
	// partialSuffix is the ending of an unfinished file. No write to such a file was
	// acknowledged.
	partialSuffix = ".partial"
	// format tells the file of a workspace from other databases.
	format = 0x5357_4231
	// runIDBytes is how many bytes a run id stands for, in hexadecimal digits, and keyBytes how
	// many the key of a namespace stands for.
	runIDBytes = 16
	keyBytes   = 8
)

// schema is the whole schema of a workspace's file.
const schema = `CREATE TABLE workspace (
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

// File is one run of a workspace: a SQLite file, from its creation to its commit or discard. Its
// path is made of the key of its namespace and of its run id, and has no part of a name.
type File struct {
	Name     Name
	RunID    string
	OpenedAt time.Time
	folder   *Folder
	// stem is the name of the file without its suffix.
	stem string
}

// Key tells whose a file is, in the name of the file. Two namespaces may share a key, which costs
// them the time of each other's files and nothing else.
type Key string

// KeyOf returns the key of a namespace.
func KeyOf(namespace string) Key {
	sum := sha256.Sum256([]byte(namespace))
	return Key(hex.EncodeToString(sum[:keyBytes]))
}

// The names of files, without the suffix: with the key and the run id, and of an earlier version,
// with the run id alone.
var (
	stems    = regexp.MustCompile(fmt.Sprintf(`^([0-9a-f]{%d})-([0-9a-f]{%d})$`, 2*keyBytes, 2*runIDBytes))
	oldStems = regexp.MustCompile(fmt.Sprintf(`^[0-9a-f]{%d}$`, 2*runIDBytes))
)

func stemOf(namespace, runID string) string { return string(KeyOf(namespace)) + "-" + runID }

// readStem returns the key and the run id in the name of a file. The key is empty if it has none.
func readStem(stem string) (key Key, runID string) {
	if parts := stems.FindStringSubmatch(stem); parts != nil {
		return Key(parts[1]), parts[2]
	}
	return "", stem
}

// NewFile returns a file that is still to be created, for a run that no other has, ever.
func (folder *Folder) NewFile(name Name, openedAt time.Time) *File {
	var random [runIDBytes]byte
	_, _ = rand.Read(random[:]) // It never fails: the process would end.
	return folder.newFile(name, hex.EncodeToString(random[:]), openedAt)
}

func (folder *Folder) newFile(name Name, runID string, openedAt time.Time) *File {
	return &File{Name: name, RunID: runID, OpenedAt: openedAt, folder: folder, stem: stemOf(name.Namespace, runID)}
}

// Path returns the path of the file.
func (file *File) Path() string { return filepath.Join(file.folder.path, file.stem+suffix) }

// Open opens a connection that writes. The caller closes it.
func (file *File) Open() (*Database, error) { return openDatabase(file.Path(), file.folder.settings) }

// Size is the size of the file and of its write-ahead log on disk, 0 if there is none.
func (file *File) Size() int64 { return sizeOf(file.Path()) + sizeOf(file.Path()+"-wal") }

func sizeOf(path string) int64 {
	found, err := os.Lstat(path)
	if err != nil {
		return 0
	}
	return found.Size()
}

// Create makes the file. The file is whole and on disk before it has its name. fill, if not nil,
// writes the first content.
func (file *File) Create(fill func(transaction *Transaction) error) error {
	partial := filepath.Join(file.folder.path, file.stem+partialSuffix)
	if err := sqlite.CreatePrivate(partial); err != nil {
		return err
	}
	err := file.write(partial, fill)
	if err == nil {
		err = os.Rename(partial, file.Path())
	}
	if err != nil {
		return errors.Join(err, removeDatabase(partial))
	}
	return platform.SyncFolder(file.folder.path)
}

// write writes the schema and the first content.
func (file *File) write(path string, fill func(transaction *Transaction) error) error {
	database, err := openDatabase(path, file.folder.settings)
	if err != nil {
		return err
	}
	_, err = database.connection.ExecContext(context.Background(), fmt.Sprintf(`PRAGMA journal_mode = WAL; PRAGMA application_id = %d; BEGIN; %s;
		INSERT INTO workspace (namespace, name, opened_at) VALUES (?1, ?2, ?3); COMMIT`, format, schema),
		file.Name.Namespace, file.Name.Workspace, file.OpenedAt.UnixNano())
	if err == nil && fill != nil {
		err = database.Change(fill)
	}
	if err == nil {
		// The file alone gets a name. If there were no room for it, SQLite would leave it behind
		// its log, and not say so.
		err = database.Checkpoint()
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

// Remove removes the file of a run that has ended. Nobody has the file open.
func (file *File) Remove() error {
	return errors.Join(file.folder.removeRun(file.stem), platform.SyncFolder(file.folder.path))
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

// LacksFile reports whether a file could not be opened, perhaps because too many are open.
func LacksFile(err error) bool { return platform.HasTooManyFiles(err) || sqlite.RefusedFile(err) }

// Failure is sqlite.Refusal for the file of a workspace. A failed write that may be on disk has an
// unknown outcome.
func Failure(err error) error {
	switch {
	case errors.Is(err, failure.ErrUnavailable):
		return err
	case platform.IsDiskFull(err):
		return fmt.Errorf("%w: disk takes no more", failure.ErrUnavailable)
	case platform.HasTooManyFiles(err):
		return fmt.Errorf("%w: too many files are open", failure.ErrUnavailable)
	}
	switch sqlite.Code(err) {
	case sqlitelib.SQLITE_IOERR:
		if !sqlite.RefusedWrite(err) && !sqlite.RefusedFile(err) {
			return fmt.Errorf("%w: %w", failure.ErrOutcomeUnknown, err)
		}
	case sqlitelib.SQLITE_CANTOPEN, sqlitelib.SQLITE_NOMEM:
		return fmt.Errorf("%w: the workspace's file cannot be opened now: %w", failure.ErrUnavailable, err)
	}
	return sqlite.Refusal(err)
}
