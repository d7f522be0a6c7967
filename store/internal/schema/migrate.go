// SPDX-License-Identifier: EUPL-1.2

package schema

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// Errors of opening a database; package store documents them.
var (
	ErrDatabaseFromFuture = errors.New("database was written by a newer version")
	ErrNotAStore          = errors.New("file is not a storebus database")
)

// migrationFiles are applied in the order of their names; PRAGMA user_version counts the
// applied ones.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrate brings the schema up to date, each step in a transaction of its own. now is the
// time of the store's clock.
func Migrate(ctx context.Context, connection *sql.Conn, now time.Time, logger *slog.Logger) error {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return err
	}
	version, err := readVersion(ctx, connection)
	if err != nil {
		return err
	}
	tables, err := tableNames(ctx, connection)
	if err != nil {
		return err
	}
	if version == 0 && len(tables) > 0 {
		if err := upgradeOriginal(ctx, connection, names, tables, now, logger); err != nil {
			return err
		}
		return useWriteAheadLog(ctx, connection)
	}
	if err := checkSchema(version, len(names), tables); err != nil {
		return err
	}
	if err := useWriteAheadLog(ctx, connection); err != nil {
		return err
	}
	for index := version; index < len(names); index++ {
		if err := applyMigration(ctx, connection, names[index], index+1); err != nil {
			return fmt.Errorf("%s: %w", names[index], err)
		}
	}
	return nil
}

// checkSchema refuses a schema that is not a store's, or is newer than the known ones.
func checkSchema(version, known int, tables []string) error {
	if version > 0 && !isOurs(tables) {
		return fmt.Errorf("%w: its schema is version %d of something else", ErrNotAStore, version)
	}
	if version > known {
		return fmt.Errorf("%w: its schema is version %d, this program knows up to %d", ErrDatabaseFromFuture, version, known)
	}
	return nil
}

// reader is a connection, or a transaction on one.
type reader interface {
	QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, arguments ...any) *sql.Row
}

func readVersion(ctx context.Context, connection reader) (version int, err error) {
	err = connection.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// tableNames returns the tables of a database, with SQLite's own tables last.
func tableNames(ctx context.Context, connection reader) (names []string, err error) {
	rows, err := connection.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIKE 'sqlite\\_%' ESCAPE '\\', name") //nolint:sqlclosecheck // ReadRows closes them
	if err != nil {
		return nil, err
	}
	return sqlite.ReadRows(rows, func(name *string) error { return rows.Scan(name) })
}

// isOurs reports, by its tables, whether a database is a store. If it is not, nothing in it
// may be changed.
func isOurs(tables []string) bool {
	return slices.Contains(tables, "commits") && slices.Contains(tables, "namespace_commits") && slices.Contains(tables, "meta")
}

// useWriteAheadLog sets the one setting that the file stores.
func useWriteAheadLog(ctx context.Context, connection *sql.Conn) error {
	var mode string
	err := connection.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
	if err == nil && mode != "wal" && mode != "memory" {
		err = fmt.Errorf("its folder takes no write-ahead log: the journal mode is %q", mode)
	}
	return err
}

func applyMigration(ctx context.Context, connection *sql.Conn, name string, version int) error {
	transaction, err := connection.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = executeMigration(ctx, transaction, name)
	if err == nil {
		_, err = transaction.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
	}
	if err != nil {
		return errors.Join(err, transaction.Rollback())
	}
	return transaction.Commit()
}

func executeMigration(ctx context.Context, transaction *sql.Tx, name string) error {
	text, err := migrationFiles.ReadFile(name)
	if err == nil {
		_, err = transaction.ExecContext(ctx, string(text))
	}
	return err
}

// State is the distance of a schema from the newest one.
type State int

const (
	// Missing is a database without tables.
	Missing State = iota
	// Outdated is a schema of an older version or of the original library.
	Outdated
	// Current is the newest schema.
	Current
)

// Compatibility reports, by the schema, whether Migrate would accept the database. It only
// reads.
func Compatibility(ctx context.Context, transaction *sql.Tx) (State, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return Missing, err
	}
	version, err := readVersion(ctx, transaction)
	if err != nil {
		return Missing, err
	}
	tables, err := tableNames(ctx, transaction)
	switch {
	case err != nil:
		return Missing, err
	case version == 0 && len(tables) == 0:
		return Missing, nil
	case version == 0:
		original := &original{ctx: ctx, transaction: transaction}
		return Outdated, original.check(tables)
	case version < len(names):
		return Outdated, checkSchema(version, len(names), tables)
	}
	return Current, checkSchema(version, len(names), tables)
}
