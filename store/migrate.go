// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// migrationFiles are applied in the order of their names; PRAGMA user_version
// counts those that were.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate brings the schema up to date, each step in a transaction of its own.
func migrate(ctx context.Context, connection *sql.Conn) error {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, connection)
	if err != nil {
		return err
	}
	if err := requireOurs(ctx, connection, version); err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("%w: its schema is version %d, this program knows up to %d", ErrDatabaseFromFuture, version, len(names))
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

func schemaVersion(ctx context.Context, connection *sql.Conn) (version int, err error) {
	err = connection.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// requireOurs refuses somebody else's database, before anything in it is changed.
func requireOurs(ctx context.Context, connection *sql.Conn, version int) error {
	if version == 0 {
		return requireEmpty(ctx, connection)
	}
	var tables int
	err := connection.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('commits', 'namespace_commits', 'meta')").Scan(&tables)
	if err == nil && tables != 3 {
		err = fmt.Errorf("%w: its schema is version %d of something else", ErrNotAStore, version)
	}
	return err
}

// useWriteAheadLog sets the one setting that the file keeps.
func useWriteAheadLog(ctx context.Context, connection *sql.Conn) error {
	var mode string
	err := connection.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
	if err == nil && mode != "wal" && mode != "memory" {
		err = fmt.Errorf("its folder takes no write-ahead log: the journal mode is %q", mode)
	}
	return err
}

// requireEmpty refuses to put a schema into somebody else's database.
func requireEmpty(ctx context.Context, connection *sql.Conn) error {
	var table string
	err := connection.QueryRowContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 1").Scan(&table)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	default:
		return fmt.Errorf("%w: it has a table %q and no schema version", ErrNotAStore, table)
	}
}

func applyMigration(ctx context.Context, connection *sql.Conn, name string, version int) error {
	text, err := migrationFiles.ReadFile(name)
	if err != nil {
		return err
	}
	transaction, err := connection.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = transaction.ExecContext(ctx, string(text))
	if err == nil {
		_, err = transaction.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
	}
	if err != nil {
		return errors.Join(err, transaction.Rollback())
	}
	return transaction.Commit()
}
