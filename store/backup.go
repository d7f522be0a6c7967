// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
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
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// pagesPerBackupStep is how much is copied between two batches at least.
	pagesPerBackupStep = 256
	// pagesPerBackupSync is how much is copied between two fsyncs of the copy, which
	// leaves little for the last one: that is done by the committer.
	pagesPerBackupSync = 64 * pagesPerBackupStep
)

func backUp(store *Store, path string) (int64, error) {
	if err := cmp.Or(CheckFileName(filepath.Base(path)), requireAbsent(path)); err != nil {
		return 0, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.partial")
	if err != nil {
		return 0, err
	}
	bytes, err := backUpInto(store, file, path)
	// After a rename there is nothing to remove.
	if removeErr := os.Remove(file.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return bytes, errors.Join(err, file.Close())
}

// requireAbsent returns fs.ErrExist if path exists, or if a file beside it would be taken for a
// part of a database by SQLite.
func requireAbsent(path string) error {
	for _, suffix := range append([]string{""}, sqlite.Companions...) {
		if _, err := os.Lstat(path + suffix); err == nil {
			return fmt.Errorf("%w; a backup overwrites nothing", &fs.PathError{Op: "back up into", Path: path + suffix, Err: fs.ErrExist})
		}
	}
	return nil
}

// backUpInto copies the store into a file that nobody knows, and gives it its name
// when all of it is on disk.
func backUpInto(store *Store, file *os.File, path string) (int64, error) {
	copied, err := copyPages(store, file)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(stampBackup(copied), copied.Close(), file.Sync(), requireAbsent(path)); err != nil {
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
func copyPages(store *Store, file *os.File) (driver.Conn, error) {
	backup, err := ask(store, func(committer *engine.Committer) (*sqlitedriver.Backup, error) {
		return committer.BeginBackup(file.Name())
	})
	if err != nil {
		return nil, err
	}
	progress := backupProgress{}
	backedUp := &store.backedUp
	defer backedUp.Store(0)
	for more := true; more && err == nil; {
		more, err = ask(store, func(committer *engine.Committer) (bool, error) { return progress.step(backup) })
		backedUp.Store(int64(progress.total-progress.left) * sqlite.PageBytes)
		if err == nil && more {
			err = betweenSteps(store, &progress, file)
		}
	}
	return ask(store, func(committer *engine.Committer) (driver.Conn, error) {
		if err != nil {
			return nil, errors.Join(err, backup.Finish())
		}
		return backup.Commit()
	})
}

// betweenSteps has the disk catch up, while the committer is about something else.
func betweenSteps(store *Store, progress *backupProgress, file *os.File) error {
	if store.closing.Load() {
		return failure.ErrClosed
	}
	if progress.unsynced < pagesPerBackupSync && progress.left > pagesPerBackupStep {
		return nil
	}
	progress.unsynced = 0
	return file.Sync()
}

// backupProgress is how far a backup has come.
type backupProgress struct {
	left, total, unsynced int
}

// step copies some pages, and more if the database grows: the copy must catch up.
func (progress *backupProgress) step(backup *sqlitedriver.Backup) (more bool, err error) {
	pages := pagesPerBackupStep + 2*max(0, backup.PageCount()-progress.total)
	if progress.total == 0 {
		pages = pagesPerBackupStep
	}
	progress.total = backup.PageCount()
	more, err = backup.Step(int32(pages))
	progress.left = backup.Remaining()
	progress.unsynced += pages
	return more, err
}

// stampBackup marks a copy as one, for adoptBackup, and makes it a single file.
func stampBackup(copied driver.Conn) error {
	connection, ok := copied.(driver.ExecerContext)
	if !ok {
		return fmt.Errorf("driver connection is a %T, which executes nothing", copied)
	}
	// An archive that is being written is the business of the store that writes it.
	_, err := connection.ExecContext(context.Background(), `PRAGMA journal_mode = DELETE; DELETE FROM journal_archives WHERE finished_at IS NULL; INSERT OR IGNORE INTO meta (name, value) VALUES ('backup', 1)`, nil)
	return err
}

// adoptBackup gives a backup an id of its own, because it has another future than its original.
func adoptBackup(ctx context.Context, connection *sql.Conn, logger *slog.Logger) error {
	var id string
	err := connection.QueryRowContext(ctx, `SELECT (SELECT value FROM meta WHERE name = 'store_id') FROM meta WHERE name = 'backup'`).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	transaction, err := connection.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var own string
	err = transaction.QueryRowContext(ctx, `UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'store_id' RETURNING value`).Scan(&own)
	if err == nil {
		_, err = transaction.ExecContext(ctx, `DELETE FROM meta WHERE name = 'backup'`)
	}
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
