// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/backup"
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/mark"
	"dappco.re/go/storebus/store/internal/schema"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
)

// restoreSuffix is behind the name of a database that is being restored.
const restoreSuffix = ".restore.partial"

// Restored is the result of RestoreDatabase.
type Restored struct {
	// Aside is the path of the database that was there before, empty if there was none.
	Aside string
	// Bytes is the size of the restored database.
	Bytes int64
}

// RestoreDatabase puts a copy of a backup in the place of a database. It keeps the database that was
// there beside it, with its write-ahead log. The store that opens the restored database takes a
// store id of its own, so consumers see that they follow another store. RestoreDatabase returns
// ErrDatabaseInUse while a store has the database, and an error for a backup that is damaged. After
// an error the database is as it was, or is at Restored.Aside.
//
//	restored, err := store.RestoreDatabase(ctx, "storebus.db", "backup/monday.db")
func RestoreDatabase(ctx context.Context, path, backupPath string) (restored Restored, err error) {
	restored, err = restoreDatabase(ctx, path, backupPath)
	if err != nil {
		err = fmt.Errorf("store.RestoreDatabase: %w", err)
	}
	return restored, err
}

func restoreDatabase(ctx context.Context, path, backupPath string) (restored Restored, err error) {
	if err := checkBackup(path, backupPath); err != nil {
		return restored, err
	}
	lock, err := sqlite.TakeLock(path)
	if err != nil {
		return restored, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	path = lock.DatabasePath()
	partial := path + restoreSuffix
	defer func() {
		if removeErr := os.Remove(partial); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if restored.Bytes, err = copyFile(backupPath, partial); err != nil {
		return restored, err
	}
	if _, err := readUnchanged(ctx, partial); err != nil {
		return restored, fmt.Errorf("%s: %w", backupPath, err)
	}
	if err := stampFile(ctx, partial); err != nil {
		return restored, fmt.Errorf("%s: %w", backupPath, err)
	}
	if err := lock.LetGo(); err != nil { // some systems rename no open file
		return restored, err
	}
	if restored.Aside, err = setAside(path); err != nil {
		return restored, err
	}
	return restored, errors.Join(os.Rename(partial, path), platform.SyncFolder(filepath.Dir(path)))
}

// checkBackup refuses a file that is no whole copy at rest.
func checkBackup(path, backupPath string) error {
	information, err := os.Stat(backupPath)
	if err != nil {
		return err
	}
	if there, err := os.Stat(path); err == nil && os.SameFile(there, information) {
		return fmt.Errorf("%w: %s is the database itself", failure.ErrInvalidArgument, backupPath)
	}
	if information.Size() == 0 || !information.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is empty or no file", ErrNotAStore, backupPath)
	}
	for _, suffix := range []string{"-wal", logfile.Suffix, "-journal"} {
		if fileSize(backupPath+suffix) > 0 {
			return fmt.Errorf("%w: %s was not closed: a part of it is in %s", failure.ErrInvalidArgument, backupPath, filepath.Base(backupPath)+suffix)
		}
	}
	return nil
}

// copyFile copies a file into a new one for its owner only, and returns when it is on disk.
func copyFile(from, to string) (int64, error) {
	source, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, errors.Join(err, source.Close())
	}
	bytes, err := io.Copy(target, source)
	if err == nil {
		err = target.Sync()
	}
	return bytes, errors.Join(err, target.Close(), source.Close())
}

// stampFile has a database take a store id of its own when it is opened. It leaves one file.
func stampFile(ctx context.Context, path string) error {
	opened, err := sqlite.Open(path, sqlite.SynchronousFull)
	if err != nil {
		return err
	}
	err = backup.Stamp(ctx, opened.Connection)
	if err == nil {
		_, err = opened.Connection.ExecContext(ctx, `PRAGMA journal_mode = DELETE`)
	}
	return errors.Join(err, opened.Close(), os.Remove(path+sqlite.LockSuffix))
}

// setAside gives a database another name, with the files that SQLite has beside it. The write-ahead
// log goes first: without it the database is behind its mark, and a crash in between is noticed. It
// returns "" if there is no database.
func setAside(path string) (aside string, err error) {
	if fileSize(path) == 0 && fileSize(path+"-wal") == 0 && fileSize(path+logfile.Suffix) == 0 {
		return "", nil // a rename replaces it
	}
	aside = path + replacedSuffix()
	for _, suffix := range []string{"-wal", logfile.Suffix, "-journal", ""} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return aside, err
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return aside, err
	}
	return aside, platform.SyncFolder(filepath.Dir(path))
}

// replacedSuffix is behind the name of a file that gives way to another.
func replacedSuffix() string { return ".replaced-" + time.Now().UTC().Format("20060102T150405.000") }

// AcceptDatabase has a database count as the newest one, although it is behind its mark or the mark
// is damaged. The store that opens it next takes writes, and takes a store id of its own.
// AcceptDatabase returns ErrDatabaseInUse while a store has the database, and ErrNotBehind if there
// is nothing to accept.
//
//	err := store.AcceptDatabase(ctx, "storebus.db")
func AcceptDatabase(ctx context.Context, path string) error {
	if err := acceptDatabase(ctx, path); err != nil {
		return fmt.Errorf("store.AcceptDatabase: %s: %w", path, err)
	}
	return nil
}

// ErrNotBehind is returned by AcceptDatabase for a database that is not behind its mark, or has none.
var ErrNotBehind = errors.New("database is not behind a mark")

func acceptDatabase(ctx context.Context, path string) error {
	opened, err := sqlite.Open(path, sqlite.SynchronousFull)
	if err != nil {
		return err
	}
	err = acceptOpened(ctx, opened)
	return errors.Join(err, opened.Close())
}

func acceptOpened(ctx context.Context, opened *sqlite.Database) error {
	known, found, damage := mark.Read(opened.Path())
	switch {
	case errors.Is(damage, mark.ErrDamaged): // the next start begins another
	case damage != nil:
		return damage
	case !found && fileSize(opened.Path()+logfile.Suffix) == 0:
		return ErrNotBehind
	}
	transaction, err := opened.Connection.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	state, err := schema.Compatibility(ctx, transaction)
	if err := errors.Join(err, transaction.Rollback()); err != nil {
		return err
	}
	switch state {
	case schema.Missing:
		return mark.Remove(opened.Path())
	case schema.Outdated:
		if err := schema.Migrate(ctx, opened.Connection, time.Now(), slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
	}
	if err := takeNewest(ctx, opened, known, damage == nil); err != nil {
		return err
	}
	return backup.Stamp(ctx, opened.Connection)
}

// takeNewest brings the newest commits beside a database into it, as far as they follow. If marked is
// set, it returns ErrNotBehind for a database that is not behind a mark. Who accepts such a database
// would have all consumers read it again.
func takeNewest(ctx context.Context, opened *sqlite.Database, known mark.Mark, marked bool) error {
	var id string
	if err := opened.Connection.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'store_id'`).Scan(&id); err != nil {
		return err
	}
	return sqlitelog.OfSession(opened, id, func(session *sqlite.Session, log *sqlitelog.Log) error {
		end, err := logfile.EndOf(opened.Path(), id, log)
		if err != nil {
			return err
		}
		if marked && end.Gap == nil {
			if known.Store == "" { // it has no mark
				return ErrNotBehind
			}
			if reason, err := behind(known, id, &end); reason == nil {
				return cmp.Or(err, ErrNotBehind)
			}
		}
		answers := batch.NewAnswers(session)
		if err := cmp.Or(session.Err, answers.Load()); err != nil {
			return err
		}
		return log.Take(session, end.Records, answers.Take)
	})
}
