// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"errors"
	"fmt"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/store/internal/backup"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/mark"
	"dappco.re/go/storebus/store/internal/schema"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Errors of opening a database.
var (
	// ErrDatabaseInUse is returned by NewConfigured if another process, or another Store of
	// this process, owns the database file.
	ErrDatabaseInUse = sqlite.ErrInUse
	// ErrDatabaseFromFuture is returned by NewConfigured for a database of a newer version.
	ErrDatabaseFromFuture = schema.ErrDatabaseFromFuture
	// ErrNotAStore is returned by NewConfigured for another SQLite database, and for a file
	// that is not a SQLite database.
	ErrNotAStore = schema.ErrNotAStore
)

// openDatabase locks, opens and migrates the database of a checked configuration, and reads its
// mark.
func openDatabase(config StoreConfig) (*sqlite.Database, *marked, error) {
	opened, err := sqlite.Open(config.DatabasePath, synchronousOf(config.Durability))
	if err != nil {
		return nil, nil, openError(config.DatabasePath, err)
	}
	err = schema.Migrate(context.Background(), opened.Connection, clock.New(config.Clock, config.Elapsed).Now(), config.Logger)
	if err == nil {
		err = backup.Adopt(context.Background(), opened.Connection, func(id string) error { return beginMark(opened.Path(), id) }, config.Logger)
	}
	marked := &marked{}
	if err == nil && opened.Path() != "" {
		marked, err = readMark(opened.Path())
	}
	if err != nil {
		return nil, nil, errors.Join(openError(config.DatabasePath, err), opened.Close())
	}
	if opened.Path() != "" {
		marked.writer = mark.NewWriter(opened.Path(), config.Logger)
	}
	return opened, marked, nil
}

// beginMark begins the mark of a store with a new id.
func beginMark(path, id string) error {
	if path == "" {
		return nil
	}
	// The newest commits of another store are not those of this one.
	if err := logfile.SetAside(path, replacedSuffix()); err != nil {
		return err
	}
	return mark.Write(path, mark.Mark{Store: id})
}

// synchronousOf is how a commit waits for the disk.
func synchronousOf(durability Durability) sqlite.Synchronous {
	if durability == DurabilityFull {
		return sqlite.SynchronousFull
	}
	return sqlite.SynchronousNormal
}

// openError tells a file that is something else from one that cannot be opened.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, ErrDatabaseInUse):
		return err
	case sqlite.Code(err) == sqlitelib.SQLITE_NOTADB:
		return fmt.Errorf("%s: %w: %w", path, ErrNotAStore, err)
	default:
		return fmt.Errorf("open %s: %w", path, err)
	}
}
