// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Database is a connection to the file of a workspace.
type Database struct {
	content
	connection *sql.DB
	path       string
	logger     *slog.Logger
	// places are where the files are since AdmitReaders, and misplaced is logged once.
	places    sqlite.Places
	misplaced logging.Condition
}

// Transaction is a change of a file, all of it or nothing.
type Transaction struct {
	content
	transaction *sql.Tx
}

// content is the content of a file, as a connection or a transaction reads it.
type content struct {
	reader interface {
		QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error)
	}
}

// Entry is an entry of a workspace.
type Entry struct {
	Kind string
	// Data is JSON, as EncodeData returns it.
	Data      string
	CreatedAt time.Time
}

// openDatabase opens a connection with every setting that one for writing needs.
func openDatabase(path string, settings Settings) (*Database, error) {
	address := sqlite.FileAddress(path) + "?" + url.Values{
		"mode":       {"rw"}, // a file that was removed is not made anew
		"_defensive": {"1"},
		"_pragma": {
			"busy_timeout(5000)",
			"synchronous(" + string(settings.Synchronous) + ")",
			"temp_store(MEMORY)",
			"cache_size(-512)",
			"trusted_schema(0)",
			"cell_size_check(1)",
			"mmap_size(0)",
		},
	}.Encode()
	connection, err := sql.Open("sqlite", address)
	if err != nil {
		return nil, err
	}
	connection.SetMaxOpenConns(1)
	return &Database{content: content{reader: connection}, connection: connection, path: path, logger: settings.Logger}, nil
}

// Close closes the connection.
func (database *Database) Close() error { return database.connection.Close() }

// Change carries out function in one transaction, all of it or nothing.
func (database *Database) Change(function func(transaction *Transaction) error) error {
	transaction, err := database.connection.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := function(&Transaction{content: content{reader: transaction}, transaction: transaction}); err != nil {
		return errors.Join(err, transaction.Rollback())
	}
	return transaction.Commit()
}

// Checkpoint writes the log beside the file into the file, and empties the log.
func (database *Database) Checkpoint() error {
	_, err := database.connection.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

// AdmitReaders makes the files that a read-only connection needs beside the database and cannot
// make. They stay as long as this connection is open.
func (database *Database) AdmitReaders() error {
	_, err := database.connection.ExecContext(context.Background(), `SELECT 1 FROM workspace`)
	if err == nil && database.places == nil {
		database.places = sqlite.PlacesOf(database.path)
	}
	return err
}

// Look returns ErrUnavailable if a file is no longer at its place since AdmitReaders. Nobody would
// find a write there.
func (database *Database) Look() error {
	err := database.places.Look()
	if err == nil {
		database.misplaced.Becomes("")
		return nil
	}
	if _, changed := database.misplaced.Becomes("misplaced"); changed {
		database.logger.Error("the file of a workspace is not at its place: the workspace cannot be used until the file is put back", slog.Any("error", err))
	}
	return fmt.Errorf("%w: the file of the workspace is not at its place: %w", failure.ErrUnavailable, err)
}

// Insert adds an entry, and returns how many there are.
func (transaction *Transaction) Insert(entry Entry) (entries int64, err error) {
	if err := transaction.count(entry.Kind); err != nil {
		return 0, err
	}
	// Nothing is ever taken out, so that the newest id is their number.
	err = transaction.transaction.QueryRowContext(context.Background(),
		`INSERT INTO entries (kind, data, created_at) SELECT ?1, ?2, ?3 WHERE json_valid(?2) RETURNING id`,
		entry.Kind, entry.Data, entry.CreatedAt.UnixMilli()).Scan(&entries)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: SQLite's JSON does not read it", failure.ErrInvalidData)
	}
	return entries, err
}

// count adds one to the count of a kind, or begins it if there is room for another.
func (transaction *Transaction) count(kind string) error {
	known, err := transaction.transaction.ExecContext(context.Background(), `UPDATE kinds SET entries = entries + 1 WHERE kind = ?`, kind)
	if err != nil {
		return err
	}
	if changed, err := known.RowsAffected(); err != nil || changed > 0 {
		return err
	}
	begun, err := transaction.transaction.ExecContext(context.Background(),
		`INSERT INTO kinds (kind, entries) SELECT ?1, 1 WHERE (SELECT count(*) FROM kinds) < ?2`, kind, MaxKinds)
	if err != nil {
		return err
	}
	if changed, err := begun.RowsAffected(); err != nil || changed > 0 {
		return err
	}
	return &failure.TooManyKindsError{Kind: kind, Limit: MaxKinds}
}

// Summary returns how many entries there are of each kind.
func (content content) Summary() (map[string]int64, error) {
	rows, err := content.reader.QueryContext(context.Background(), `SELECT kind, entries FROM kinds`)
	if err != nil {
		return nil, err
	}
	type count struct {
		kind    string
		entries int64
	}
	counts, err := sqlite.ReadRows(rows, func(row *count) error { return rows.Scan(&row.kind, &row.entries) })
	summary := make(map[string]int64, len(counts))
	for _, count := range counts {
		summary[count.kind] = count.entries
	}
	return summary, err
}
