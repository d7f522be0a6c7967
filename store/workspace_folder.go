// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// quarantineFolder receives files that are no workspaces, within their folder.
	quarantineFolder = "quarantine"
	// inspectionTime bounds how long one file is looked at for damage.
	inspectionTime = 5 * time.Second
	// The places in a SQLite file's header.
	headerBytes         = 100
	headerMagic         = "SQLite format 3\x00"
	headerApplicationID = 68
)

// errNoWorkspace says that a file can never be the file of a workspace.
var errNoWorkspace = errors.New("file holds no workspace")

// workspaceFolder holds the files of workspaces. It belongs to one store at a time.
type workspaceFolder struct {
	path   string
	logger *slog.Logger
	lock   *sqlite.Lock
}

// takeFolder locks a folder. If another store has the folder, it returns ErrDatabaseInUse with
// the owner.
func takeFolder(path string, logger *slog.Logger) (*workspaceFolder, error) {
	lock, err := sqlite.TakeLock(filepath.Join(path, "workspaces"))
	if err != nil {
		return nil, err
	}
	return &workspaceFolder{path: path, logger: logger, lock: lock}, nil
}

// finish removes the files of ended runs, and unfinished files. It returns the runs that have
// no file any more.
func (folder *workspaceFolder) finish(ended map[string]bool) (finished []string, err error) {
	entries, err := os.ReadDir(folder.path)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		switch runID, isRun := strings.CutSuffix(entry.Name(), workspaceSuffix); {
		case strings.HasSuffix(entry.Name(), partialSuffix):
			err = folder.removePartial(strings.TrimSuffix(entry.Name(), partialSuffix))
		case isRun && ended[runID]:
			err = folder.removeRun(runID)
			finished = append(finished, runID)
		}
		if err != nil {
			return nil, err
		}
	}
	return finished, platform.SyncFolder(folder.path)
}

// removeRun removes the file of a run in one step: a crash leaves the whole file or nothing.
func (folder *workspaceFolder) removeRun(runID string) error {
	path := filepath.Join(folder.path, runID)
	if err := os.Rename(path+workspaceSuffix, path+partialSuffix); err != nil {
		return err
	}
	return errors.Join(platform.SyncFolder(folder.path), folder.removePartial(runID))
}

// removePartial removes a file that has no name yet or no longer. The files beside it under its
// name go first, so that after a crash the file is found again.
func (folder *workspaceFolder) removePartial(runID string) error {
	path := filepath.Join(folder.path, runID)
	if err := removeDatabase(path + workspaceSuffix); err != nil {
		return err
	}
	return removeDatabase(path + partialSuffix)
}

// load returns the workspaces of the folder, each with its answers from after a time. Other
// files are moved to quarantine.
func (folder *workspaceFolder) load(durability Durability, answeredAfter time.Time) (files []*workspaceFile, err error) {
	if err := folder.takeOver(durability); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder.path)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		runID, isRun := strings.CutSuffix(entry.Name(), workspaceSuffix)
		if !isRun {
			continue
		}
		file := newWorkspaceFile(folder, runID)
		file.orphaned = true
		err := file.inspect(entry, durability, answeredAfter)
		if errors.Is(err, errNoWorkspace) {
			err = folder.quarantine(entry.Name(), err)
		} else if err == nil {
			files = append(files, file)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.path(), err)
		}
	}
	return files, nil
}

// inspect reads the owner of a file. It returns errNoWorkspace for a file that cannot be a
// workspace, and any other error if it cannot tell now.
func (file *workspaceFile) inspect(entry fs.DirEntry, durability Durability, answeredAfter time.Time) error {
	if !entry.Type().IsRegular() {
		return fmt.Errorf("%w: it is no regular file", errNoWorkspace)
	}
	applicationID, err := readHeader(file.path())
	if err != nil {
		return err
	}
	if applicationID != workspaceFormat {
		return fmt.Errorf("%w: it is another program's database", errNoWorkspace)
	}
	database, err := openWorkspaceDatabase(file.path(), durability)
	if err != nil {
		return err
	}
	err = file.read(database)
	if err == nil {
		file.answers, err = readAnswers(database, file.namespace, answeredAfter)
	}
	err = errors.Join(err, database.Close())
	if damaging(sqlite.Code(err)) {
		return fmt.Errorf("%w: %w", errNoWorkspace, err)
	}
	return err
}

// damaging reports whether a result code of SQLite means that a file is damaged.
func damaging(code int) bool {
	switch code {
	case sqlitelib.SQLITE_CORRUPT, sqlitelib.SQLITE_NOTADB, sqlitelib.SQLITE_ERROR, sqlitelib.SQLITE_FORMAT:
		return true
	}
	return false
}

// readHeader reads a file before SQLite opens it, because SQLite may write to the file. It
// returns the application id of the database.
func readHeader(path string) (applicationID uint32, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	header := make([]byte, headerBytes)
	_, err = io.ReadFull(file, header)
	err = errors.Join(err, file.Close())
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 0, fmt.Errorf("%w: it is too short", errNoWorkspace)
	case err != nil:
		return 0, err
	case string(header[:len(headerMagic)]) != headerMagic:
		return 0, fmt.Errorf("%w: it is no SQLite database", errNoWorkspace)
	default:
		return binary.BigEndian.Uint32(header[headerApplicationID:]), nil
	}
}

// read checks that a file is sound, and reads its owner.
func (file *workspaceFile) read(database *sql.DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), inspectionTime)
	defer cancel()
	var schema string
	err := database.QueryRowContext(ctx, `SELECT coalesce(group_concat(sql, ';' || char(10)), '') FROM (SELECT sql FROM sqlite_schema ORDER BY rowid)`).Scan(&schema)
	if err != nil {
		return err
	}
	if schema != workspaceSchema {
		return fmt.Errorf("%w: its tables are %q", errNoWorkspace, schema)
	}
	var verdict string
	err = database.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict)
	if errors.Is(err, context.DeadlineExceeded) {
		file.folder.logger.Warn("a workspace is too large to be checked for damage", slog.String("run", file.runID))
	} else if err != nil {
		return err
	} else if verdict != "ok" {
		return fmt.Errorf("%w: it is damaged: %s", errNoWorkspace, verdict)
	}
	return file.readOwner(database)
}

func (file *workspaceFile) readOwner(database *sql.DB) error {
	var openedAt, entries int64
	err := database.QueryRowContext(context.Background(), `SELECT namespace, name, opened_at, (SELECT coalesce(max(id), 0) FROM entries) FROM workspace`).
		Scan(&file.namespace, &file.name, &openedAt, &entries)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: it says nobody's", errNoWorkspace)
	}
	if err != nil {
		return err
	}
	if err := file.check(); err != nil {
		return fmt.Errorf("%w: %w", errNoWorkspace, err)
	}
	file.openedAt = time.Unix(0, openedAt).UTC()
	file.entries.Store(entries)
	return nil
}

// quarantine moves a file, with the files that SQLite keeps beside it, out of the way.
func (folder *workspaceFolder) quarantine(name string, reason error) error {
	folder.logger.Error("a file that is no workspace was moved to quarantine", slog.String("file", name), slog.Any("error", reason))
	return folder.setAside(quarantineFolder, name)
}

// setAside moves a file, with the files that SQLite and DuckDB keep beside it, into a folder of
// its own within another folder.
func (folder *workspaceFolder) setAside(within, name string) error {
	shelf := filepath.Join(folder.path, within)
	if err := os.MkdirAll(shelf, 0o700); err != nil {
		return err
	}
	place, err := os.MkdirTemp(shelf, name+".")
	if err != nil {
		return err
	}
	for _, suffix := range append([]string{"", ".wal"}, sqlite.Companions...) {
		err := os.Rename(filepath.Join(folder.path, name+suffix), filepath.Join(place, name+suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(platform.SyncFolder(place), platform.SyncFolder(shelf), platform.SyncFolder(folder.path))
}
