// SPDX-License-Identifier: EUPL-1.2

package backup

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	sqlitedriver "modernc.org/sqlite"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// pagesPerStep is how much is copied between two batches at least.
	pagesPerStep = 256
	// pagesPerSync is how much is copied between two fsyncs of the copy, which
	// leaves little for the last one: that is done by the committer.
	pagesPerSync = 64 * pagesPerStep
)

// Host is the store as a backup sees it.
type Host interface {
	// Begin has the owner of the connection begin a copy into a file.
	Begin(path string) (*sqlitedriver.Backup, error)
	// Between has the owner of the connection call function between two batches, and waits.
	Between(function func() error) error
	// Room returns why nothing is written into a folder, nil if there is no reason.
	Room(folder string) error
	// CloseIdle closes files that nobody uses now, and reports whether there were any.
	CloseIdle() bool
	// Closing reports whether the store is being closed.
	Closing() bool
	// Copied is told how many bytes are copied so far, and 0 at the end.
	Copied(bytes int64)
}

// Make copies the database of a store into a new file and returns its size in bytes. It returns an
// error that wraps fs.ErrExist if the file exists, or if SQLite would take a file beside it for a
// part of it.
//
// It returns ErrUnavailable if the disk of the copy is full, or if the process has too many files
// open.
func Make(host Host, path string) (bytes int64, err error) {
	if err := host.Room(filepath.Dir(path)); err != nil {
		return 0, err
	}
	bytes, err = makeOnce(host, path)
	if lacksFiles(err) && host.CloseIdle() {
		bytes, err = makeOnce(host, path)
	}
	return bytes, refusal(err)
}

func makeOnce(host Host, path string) (bytes int64, err error) {
	if err := requireAbsent(path); err != nil {
		return 0, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.partial")
	if err != nil {
		return 0, err
	}
	bytes, err = copyInto(host, file, path)
	// After a rename there is nothing to remove.
	if removeErr := os.Remove(file.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return bytes, errors.Join(err, file.Close())
}

// lacksFiles reports whether a file could not be opened, perhaps because too many are open.
func lacksFiles(err error) bool { return platform.HasTooManyFiles(err) || sqlite.RefusedFile(err) }

// refusal returns the error of a backup that may be tried again when there is room.
func refusal(err error) error {
	switch {
	case errors.Is(err, failure.ErrUnavailable):
		return err
	case platform.IsDiskFull(err) || sqlite.IsFull(err):
		return fmt.Errorf("%w: the disk of the copy is full", failure.ErrUnavailable)
	case lacksFiles(err):
		return fmt.Errorf("%w: too many files are open for a backup", failure.ErrUnavailable)
	default:
		return err
	}
}

// requireAbsent returns fs.ErrExist if path exists, or if a file beside it would be taken for a
// part of a database by SQLite.
func requireAbsent(path string) error {
	for _, suffix := range append([]string{"", logfile.Suffix}, sqlite.Companions...) {
		if _, err := os.Lstat(path + suffix); err == nil {
			return fmt.Errorf("%w; a backup overwrites nothing", &fs.PathError{Op: "back up into", Path: path + suffix, Err: fs.ErrExist})
		}
	}
	return nil
}

// copyInto copies the store into a file that nobody knows, and gives it its name when all of it is
// on disk.
func copyInto(host Host, file *os.File, path string) (int64, error) {
	copied, err := copyPages(host, file)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(stamp(copied), copied.Close(), file.Sync(), requireAbsent(path)); err != nil {
		return 0, err
	}
	size, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return 0, err
	}
	return size.Size(), platform.SyncFolder(filepath.Dir(path))
}

// copyPages copies the database step by step, each step between two batches, and returns the
// connection to the copy. SQLite updates the copied part with every commit in between, so the
// copy is the store at the last step.
func copyPages(host Host, file *os.File) (copied driver.Conn, err error) {
	copying, err := host.Begin(file.Name())
	if err != nil {
		return nil, err
	}
	progress := progress{}
	defer host.Copied(0)
	for more := true; more && err == nil; {
		err = host.Between(func() (err error) {
			more, err = progress.step(copying)
			return err
		})
		host.Copied(int64(progress.total-progress.left) * sqlite.PageBytes)
		if err == nil && more {
			err = betweenSteps(host, &progress, file)
		}
	}
	endErr := host.Between(func() error {
		if err != nil {
			return errors.Join(err, copying.Finish())
		}
		copied, err = copying.Commit()
		return err
	})
	return copied, endErr
}

// betweenSteps has the disk catch up, while the committer is about something else.
func betweenSteps(host Host, progress *progress, file *os.File) error {
	if host.Closing() {
		return failure.ErrClosed
	}
	if progress.unsynced < pagesPerSync && progress.left > pagesPerStep {
		return nil
	}
	progress.unsynced = 0
	return file.Sync()
}

// progress is how far a backup has come.
type progress struct {
	left, total, unsynced int
}

// step copies some pages, and more if the database grows: the copy must catch up.
func (progress *progress) step(copying *sqlitedriver.Backup) (more bool, err error) {
	pages := pagesPerStep + 2*max(0, copying.PageCount()-progress.total)
	if progress.total == 0 {
		pages = pagesPerStep
	}
	progress.total = copying.PageCount()
	more, err = copying.Step(int32(pages))
	progress.left = copying.Remaining()
	progress.unsynced += pages
	return more, err
}

// stamp marks a copy as one, for Adopt, and makes it a single file.
func stamp(copied driver.Conn) error {
	connection, ok := copied.(driver.ExecerContext)
	if !ok {
		return fmt.Errorf("driver connection is a %T, which executes nothing", copied)
	}
	// An archive that is being written is the business of the store that writes it.
	_, err := connection.ExecContext(context.Background(), `PRAGMA journal_mode = DELETE; DELETE FROM journal_archives WHERE finished_at IS NULL; `+markAsBackup, nil)
	return err
}

// markAsBackup is the stamp.
const markAsBackup = `INSERT OR IGNORE INTO meta (name, value) VALUES ('backup', 1)`

// Stamp marks a database as a backup, which takes a store id of its own when it is opened.
func Stamp(ctx context.Context, connection *sql.Conn) error {
	_, err := connection.ExecContext(ctx, markAsBackup)
	return err
}

// IsStamped reports whether a database takes a store id of its own when it is opened.
func IsStamped(ctx context.Context, connection *sql.Conn) (stamped bool, err error) {
	err = connection.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'backup')`).Scan(&stamped)
	return stamped, err
}

// Adopt gives a backup an id of its own, because it has another future than its original. beforehand
// is told the id before the database has it. If the process ends in between, the next Adopt takes
// another one.
func Adopt(ctx context.Context, connection *sql.Conn, beforehand func(id string) error, logger *slog.Logger) error {
	var id string
	err := connection.QueryRowContext(ctx, `SELECT (SELECT value FROM meta WHERE name = 'store_id') FROM meta WHERE name = 'backup'`).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var own string
	if err := connection.QueryRowContext(ctx, `SELECT lower(hex(randomblob(16)))`).Scan(&own); err != nil {
		return err
	}
	if err := beforehand(own); err != nil {
		return err
	}
	transaction, err := connection.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = transaction.ExecContext(ctx, `UPDATE meta SET value = ? WHERE name = 'store_id'; DELETE FROM meta WHERE name = 'backup'`, own)
	if err == nil {
		// The records up to now are of another store. Nobody has the record before the first own one.
		_, err = transaction.ExecContext(ctx, `DELETE FROM record_sections; UPDATE record_start SET (record_id, commit_id, hash) = (SELECT ifnull(max(id), 0) + 1, ifnull(max(id), 0), 0 FROM commits)`)
	}
	if err != nil {
		return errors.Join(err, transaction.Rollback())
	}
	if err := transaction.Commit(); err != nil {
		return err
	}
	logger.Warn("the database is a backup: it has got a store id of its own", slog.String("store", own), slog.String("backup_of", id))
	return nil
}
