// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/store/internal/backup"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/inspect"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/mark"
	"dappco.re/go/storebus/store/internal/schema"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
)

// Inspection is what InspectDatabase has found.
type Inspection = inspect.Report

// InspectDatabase reads a whole database or backup, and counts again what the database says of
// itself: SQLite's own check, the tables and their columns, the log and its chain of hashes, the
// entries against the log, the counters of groups, namespaces and the journal, and the mark. It changes nothing, and keeps others from opening
// the database meanwhile. It needs memory for the last change of each key in the log. It returns
// ErrDatabaseInUse while a store has the database, and an error for a database that it cannot read
// or that is of an older version. A fault in the database is no error, and is in the result.
//
//	found, err := store.InspectDatabase(ctx, "storebus.db")
func InspectDatabase(ctx context.Context, path string) (Inspection, error) {
	found, err := inspectDatabase(ctx, path)
	if err != nil {
		err = fmt.Errorf("store.InspectDatabase: %s: %w", path, err)
	}
	return found, err
}

func inspectDatabase(ctx context.Context, path string) (found Inspection, err error) {
	if err := failure.CheckContext(ctx); err != nil {
		return found, err
	}
	lock, err := sqlite.ShareLock(path)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	file := lock.DatabasePath()
	settings := url.Values{"mode": {"ro"}}
	if fileSize(file+"-wal") == 0 {
		settings.Set("immutable", "1") // then SQLite makes no file beside it
	}
	pool, err := sql.Open("sqlite", sqlite.FileAddress(file)+"?"+settings.Encode())
	if err != nil {
		return found, err
	}
	pool.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, pool.Close()) }()
	reader, err := pool.Conn(ctx)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	err = requireCurrent(ctx, reader)
	stamped, newest := false, uint64(0)
	if err == nil {
		stamped, err = backup.IsStamped(ctx, reader)
	}
	if err == nil {
		absent := func() ([]string, bool, error) { return schema.Absent(ctx, reader) }
		found, err = inspect.Run(ctx, reader, absent, func(storeID string, log *sqlitelog.Log) (fault, err error) {
			if stamped { // its next store has another id, and begins another mark
				return nil, nil
			}
			end, err := logfile.EndOf(file, storeID, log)
			if err != nil {
				return nil, err
			}
			newest = uint64(len(end.Records))
			known, marked, fault := mark.Read(file)
			if fault == nil && marked {
				fault, err = behind(known, storeID, &end)
			}
			if fault == nil {
				fault = end.Gap
			}
			return fault, err
		})
	}
	found.Newest = newest
	switch sqlite.Code(err) {
	case sqlitelib.SQLITE_NOTADB:
		err = fmt.Errorf("%w: %w", ErrNotAStore, err)
	case sqlitelib.SQLITE_CORRUPT:
		found.Differences = append(found.Differences, "SQLite: "+err.Error())
		err = nil
	}
	return found, err
}

// requireCurrent refuses a database whose tables are not those of this version.
func requireCurrent(ctx context.Context, reader *sql.Conn) error {
	transaction, err := reader.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	state, err := schema.Compatibility(ctx, transaction)
	if err := errors.Join(err, transaction.Rollback()); err != nil {
		return err
	}
	switch state {
	case schema.Missing:
		return fmt.Errorf("%w: it has no tables", ErrNotAStore)
	case schema.Outdated:
		return errors.New("the database is of an older version: start a sidecar on it once")
	default:
		return nil
	}
}
