// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/schema"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// DatabaseState is what CheckDatabase says of a database that can be opened.
type DatabaseState string

const (
	// DatabaseMissing is one that is not there, or empty: opening it creates it.
	DatabaseMissing DatabaseState = "missing"
	// DatabaseSound is one that has passed the quick check of SQLite.
	DatabaseSound DatabaseState = "sound"
	// DatabaseOutdated is one that has passed it too, of an older version or of the
	// original library: opening it brings it up to date.
	DatabaseOutdated DatabaseState = "outdated"
	// DatabaseUnfinished is one that was not closed. It cannot be read without changing it:
	// opening it brings it to rest and checks it.
	DatabaseUnfinished DatabaseState = "unfinished"
)

// CheckDatabase says whether the database of a path can be opened, and changes no file. It
// returns ErrDatabaseInUse, ErrDatabaseFromFuture or ErrNotAStore as NewConfigured does,
// and another error for a file that is damaged or may not be written. It reads the whole
// file, and keeps others from opening it meanwhile.
//
//	state, err := store.CheckDatabase(ctx, "storebus.db")
func CheckDatabase(ctx context.Context, path string) (DatabaseState, error) {
	state, err := checkDatabase(ctx, path)
	if err != nil {
		return "", fmt.Errorf("store.CheckDatabase: %s: %w", path, err)
	}
	return state, nil
}

func checkDatabase(ctx context.Context, path string) (state DatabaseState, err error) {
	if err := failure.CheckContext(ctx); err != nil {
		return "", err
	}
	information, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && information.Mode().IsRegular() && information.Size() == 0 {
		return DatabaseMissing, nil
	}
	if err != nil {
		return "", err
	}
	lock, err := sqlite.ShareLock(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	file := lock.DatabasePath()
	if fileSize(file+"-wal") > 0 || fileSize(file+"-journal") > 0 || fileSize(file+logfile.Suffix) > 0 {
		return DatabaseUnfinished, nil
	}
	return readUnchanged(ctx, file)
}

// readUnchanged reads a file that nothing changes meanwhile: SQLite makes no file beside it.
func readUnchanged(ctx context.Context, path string) (state DatabaseState, err error) {
	settings := url.Values{"immutable": {"1"}, "mode": {"ro"}}
	pool, err := sql.Open("sqlite", sqlite.FileAddress(path)+"?"+settings.Encode())
	if err != nil {
		return "", err
	}
	pool.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, pool.Close()) }()
	transaction, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	state, err = stateOf(ctx, transaction)
	if sqlite.Code(err) == sqlitelib.SQLITE_NOTADB {
		err = fmt.Errorf("%w: %w", ErrNotAStore, err)
	}
	return state, errors.Join(err, transaction.Rollback())
}

func stateOf(ctx context.Context, transaction *sql.Tx) (DatabaseState, error) {
	found, err := schema.Compatibility(ctx, transaction)
	if err != nil {
		return "", err
	}
	state := map[schema.State]DatabaseState{schema.Missing: DatabaseMissing, schema.Outdated: DatabaseOutdated, schema.Current: DatabaseSound}[found]
	var said string
	if err := transaction.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return "", err
	}
	if said != "ok" {
		return "", fmt.Errorf("the file is damaged: %s; restore a backup", said)
	}
	return state, nil
}
