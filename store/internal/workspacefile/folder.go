// SPDX-License-Identifier: EUPL-1.2

package workspacefile

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
	"dappco.re/go/storebus/store/internal/batch"
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

// The names that files and folders have, apart from the part that differs.
var (
	// Suffixes are behind the names of files.
	Suffixes = []string{partialSuffix, suffix, FolderSuffix, originalSuffix}
	// FolderNames are the folders within the folder of workspaces.
	FolderNames = []string{quarantineFolder, importedFolder}
)

// FolderSuffix is behind the path of a database in the name of the folder of its workspaces.
const FolderSuffix = ".workspaces"

// Settings are the same for all files of a folder.
type Settings struct {
	Logger *slog.Logger
	// Synchronous is how a write waits for the disk.
	Synchronous sqlite.Synchronous
	// CheckKind returns an error for a kind that no entry may have.
	CheckKind func(kind string) error
}

// Folder holds the files of workspaces. It belongs to one store at a time.
type Folder struct {
	path     string
	settings Settings
	lock     *sqlite.Lock
}

// Found is a file that was found in a folder, with the content that is kept in memory.
type Found struct {
	*File
	Entries int64
	// Answers are the answers that the file remembers.
	Answers []*batch.Answer
}

// TakeFolder locks a folder. If another store has the folder, it returns ErrInUse with the owner.
// The caller releases the folder.
func TakeFolder(path string, settings Settings) (*Folder, error) {
	lock, err := sqlite.TakeFolderLock(path, "workspaces")
	if err != nil {
		return nil, err
	}
	return &Folder{path: path, settings: settings, lock: lock}, nil
}

// Path returns the path of the folder.
func (folder *Folder) Path() string { return folder.path }

// Release gives up the lock of the folder.
func (folder *Folder) Release() error { return folder.lock.Release() }

// Finish removes the files of ended runs, and unfinished files. It returns the runs that have
// no file any more.
func (folder *Folder) Finish(ended map[string]bool) (finished []string, err error) {
	entries, err := os.ReadDir(folder.path)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		stem, isRun := strings.CutSuffix(entry.Name(), suffix)
		switch _, runID := readStem(stem); {
		case strings.HasSuffix(entry.Name(), partialSuffix):
			err = folder.removePartial(strings.TrimSuffix(entry.Name(), partialSuffix))
		case isRun && ended[runID]:
			err = folder.removeRun(stem)
			finished = append(finished, runID)
		}
		if err != nil {
			return nil, err
		}
	}
	return finished, platform.SyncFolder(folder.path)
}

// removeRun removes the file of a run in one step: a crash leaves the whole file or nothing.
func (folder *Folder) removeRun(stem string) error {
	path := filepath.Join(folder.path, stem)
	if err := os.Rename(path+suffix, path+partialSuffix); err != nil {
		return err
	}
	return errors.Join(platform.SyncFolder(folder.path), folder.removePartial(stem))
}

// removePartial removes a file that has no name yet or no longer. The files beside it under its
// name go first, so that after a crash the file is found again.
func (folder *Folder) removePartial(stem string) error {
	path := filepath.Join(folder.path, stem)
	if err := removeDatabase(path + suffix); err != nil {
		return err
	}
	return removeDatabase(path + partialSuffix)
}

// Index returns the files of the folder by the keys of their namespaces, and opens none of them.
// Files of an earlier version are the exception: they get a name with a key. Other files are moved
// to quarantine, and files of the original library are taken over.
func (folder *Folder) Index() (files map[Key][]*File, err error) {
	if err := folder.takeOver(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder.path)
	if err != nil {
		return nil, err
	}
	files = map[Key][]*File{}
	for _, entry := range entries {
		stem, isRun := strings.CutSuffix(entry.Name(), suffix)
		if !isRun {
			continue
		}
		file := &File{folder: folder, stem: stem}
		var key Key
		if key, file.RunID = readStem(stem); key == "" {
			key, err = file.giveKey()
		}
		if errors.Is(err, errNoWorkspace) {
			err = folder.quarantine(entry.Name(), err)
		} else if err == nil {
			files[key] = append(files[key], file)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path(), err)
		}
	}
	return files, nil
}

// Sizes returns the bytes of the files in the folder, by the keys of their namespaces. It leaves out
// files of an earlier version, which have no key.
func (folder *Folder) Sizes() (sizes map[Key]int64, err error) {
	entries, err := os.ReadDir(folder.path)
	if err != nil {
		return nil, err
	}
	sizes = map[Key]int64{}
	for _, entry := range entries {
		stem, isRun := strings.CutSuffix(entry.Name(), suffix)
		if !isRun {
			continue
		}
		if key, _ := readStem(stem); key != "" {
			file := File{folder: folder, stem: stem}
			sizes[key] += file.Size()
		}
	}
	return sizes, nil
}

// giveKey gives the file of an earlier version a name with the key of its namespace. A file with
// another name keeps it, and so does a file beside which SQLite keeps others.
func (file *File) giveKey() (Key, error) {
	found, old := Found{File: file}, oldStems.MatchString(file.stem)
	read := found.read
	if old {
		read = found.readOwner
	}
	if err := found.open(read); err != nil {
		return "", err
	}
	if !old {
		return KeyOf(file.Name.Namespace), nil
	}
	for _, companion := range sqlite.Companions {
		if _, err := os.Lstat(file.Path() + companion); err == nil {
			return KeyOf(file.Name.Namespace), nil
		}
	}
	before := file.Path()
	file.stem = stemOf(file.Name.Namespace, file.RunID)
	return KeyOf(file.Name.Namespace), errors.Join(os.Rename(before, file.Path()), platform.SyncFolder(file.folder.path))
}

// Read reads files, each with its answers from after a time. It returns the workspaces.
// All other files are moved to quarantine.
func Read(files []*File, answeredAfter time.Time) (read []Found, err error) {
	for _, file := range files {
		found := Found{File: file}
		err := found.inspect(answeredAfter)
		if errors.Is(err, errNoWorkspace) {
			err = file.folder.quarantine(filepath.Base(file.Path()), err)
		} else if err == nil {
			read = append(read, found)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path(), err)
		}
	}
	return read, nil
}

// inspect checks a file, and reads the part of it that memory keeps.
func (found *Found) inspect(answeredAfter time.Time) error {
	return found.open(func(database *Database) error {
		err := found.read(database)
		if err == nil {
			found.Answers, err = database.answers(found.Name.Namespace, answeredAfter, `true`)
		}
		return err
	})
}

// open opens a file for a function that reads it. It returns errNoWorkspace for a file that cannot
// be a workspace, and any other error if it cannot tell now.
func (found *Found) open(read func(database *Database) error) error {
	entry, err := os.Lstat(found.Path())
	if err != nil {
		return err
	}
	if !entry.Mode().IsRegular() {
		return fmt.Errorf("%w: it is no regular file", errNoWorkspace)
	}
	applicationID, err := readHeader(found.Path())
	if err != nil {
		return err
	}
	if applicationID != format {
		return fmt.Errorf("%w: it is another program's database", errNoWorkspace)
	}
	database, err := found.Open()
	if err != nil {
		return err
	}
	err = read(database)
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
func (found *Found) read(database *Database) error {
	ctx, cancel := context.WithTimeout(context.Background(), inspectionTime)
	defer cancel()
	var tables string
	err := database.connection.QueryRowContext(ctx, `SELECT coalesce(group_concat(sql, ';' || char(10)), '') FROM (SELECT sql FROM sqlite_schema ORDER BY rowid)`).Scan(&tables)
	if err != nil {
		return err
	}
	if tables != schema {
		return fmt.Errorf("%w: its tables are %q", errNoWorkspace, tables)
	}
	var verdict string
	err = database.connection.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict)
	if errors.Is(err, context.DeadlineExceeded) {
		found.folder.settings.Logger.Warn("a workspace is too large to be checked for damage", slog.String("run", found.RunID))
	} else if err != nil {
		return err
	} else if verdict != "ok" {
		return fmt.Errorf("%w: it is damaged: %s", errNoWorkspace, verdict)
	}
	return found.readOwner(database)
}

func (found *Found) readOwner(database *Database) error {
	var openedAt int64
	err := database.connection.QueryRowContext(context.Background(), `SELECT namespace, name, opened_at, (SELECT coalesce(max(id), 0) FROM entries) FROM workspace`).
		Scan(&found.Name.Namespace, &found.Name.Workspace, &openedAt, &found.Entries)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: it says nobody's", errNoWorkspace)
	}
	if err != nil {
		return err
	}
	if err := found.Name.Check(); err != nil {
		return fmt.Errorf("%w: %w", errNoWorkspace, err)
	}
	found.OpenedAt = time.Unix(0, openedAt).UTC()
	return nil
}

// quarantine moves a file, with the files that SQLite keeps beside it, out of the way.
func (folder *Folder) quarantine(name string, reason error) error {
	folder.settings.Logger.Error("a file that is no workspace was moved to quarantine", slog.String("file", name), slog.Any("error", reason))
	return folder.setAside(quarantineFolder, name)
}

// setAside moves a file, with the files that SQLite and DuckDB keep beside it, into a folder of
// its own within another folder.
func (folder *Folder) setAside(within, name string) error {
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
