// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// database is the one connection to the SQLite file. It is pinned for life: the
// pool would replace a connection silently, and with it whatever was prepared.
type database struct {
	pool       *sql.DB
	connection *sql.Conn
	lock       *databaseLock
}

// openDatabase locks, opens and migrates the database of a checked configuration.
func openDatabase(config StoreConfig) (*database, error) {
	opened := &database{}
	if err := opened.open(config); err != nil {
		return nil, errors.Join(err, opened.close())
	}
	return opened, nil
}

func (database *database) open(config StoreConfig) (err error) {
	if config.DatabasePath != MemoryDatabase {
		if database.lock, err = lockDatabase(config.DatabasePath); err != nil {
			return err
		}
		if err := createPrivate(config.DatabasePath); err != nil {
			return err
		}
	}
	if database.pool, err = sql.Open("sqlite", dataSourceName(config)); err != nil {
		return err
	}
	database.pool.SetMaxOpenConns(1)
	if database.connection, err = database.pool.Conn(context.Background()); err != nil {
		return openError(config.DatabasePath, err)
	}
	if err = migrate(context.Background(), database.connection, config); err == nil {
		err = adoptBackup(context.Background(), database.connection, config.Logger)
	}
	return openError(config.DatabasePath, err)
}

// createPrivate makes a missing file that only its owner may read; SQLite gives the
// files beside it the same mode.
func createPrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// close releases whatever open got hold of.
func (database *database) close() error {
	var err error
	if database.connection != nil {
		err = errors.Join(err, database.connection.Close())
	}
	if database.pool != nil {
		err = errors.Join(err, database.pool.Close())
	}
	if database.lock != nil {
		err = errors.Join(err, database.lock.release())
	}
	return err
}

// use lends the driver's connection to function, which may keep it until it returns.
func (database *database) use(function func(session *session) error) error {
	return database.connection.Raw(func(driverConnection any) error {
		connection, ok := driverConnection.(driver.ConnPrepareContext)
		if !ok {
			return fmt.Errorf("driver connection is a %T, which prepares no statements", driverConnection)
		}
		return function(&session{connection: connection})
	})
}

// dataSourceName carries every setting of the connection. A setting made by a statement is lost
// when the connection is replaced.
func dataSourceName(config StoreConfig) string {
	settings := url.Values{"_pragma": {
		"busy_timeout(5000)",
		"wal_autocheckpoint(0)",
		"synchronous(" + synchronousLevel(config.Durability) + ")",
		"temp_store(MEMORY)",
		"cache_size(-32768)",
		"journal_size_limit(67108864)",
		"trusted_schema(0)",
	}}
	if config.DatabasePath == MemoryDatabase {
		return MemoryDatabase + "?" + settings.Encode()
	}
	return fileAddress(config.DatabasePath) + "?" + settings.Encode()
}

// fileAddress returns a path as a URI. No character of the path can be taken for a parameter.
// The authority is empty, so no part of the path can be taken for an authority.
func fileAddress(path string) string {
	address := url.URL{Path: filepath.ToSlash(path)}
	if strings.HasPrefix(address.Path, "/") {
		return "file://" + address.EscapedPath()
	}
	return "file:" + address.EscapedPath()
}

// synchronousLevel: FULL syncs the write-ahead log on every commit, NORMAL only
// before a checkpoint.
func synchronousLevel(durability Durability) string {
	if durability == DurabilityFull {
		return "FULL"
	}
	return "NORMAL"
}

// openError separates a file of another kind from a file that cannot be opened.
func openError(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case resultCode(err) == sqlitelib.SQLITE_NOTADB:
		return fmt.Errorf("%s: %w: %w", path, ErrNotAStore, err)
	default:
		return fmt.Errorf("open %s: %w", path, err)
	}
}

// resultCode returns SQLite's primary result code of an error, 0 if it is none of SQLite's.
func resultCode(err error) int { return extendedCode(err) & 0xff }

// extendedCode returns SQLite's extended result code of an error, 0 if it is none of SQLite's.
func extendedCode(err error) int {
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		return failure.Code()
	}
	return 0
}

// session prepares statements on the driver's connection. It belongs to one goroutine.
type session struct {
	connection driver.ConnPrepareContext
	statements []driver.Stmt
	err        error
}

// prepare returns a statement; the first error is kept in session.err, so that a
// list of statements is prepared without a check behind each.
func (session *session) prepare(text string) *statement {
	prepared := &statement{}
	if session.err != nil {
		return prepared
	}
	driverStatement, err := session.connection.PrepareContext(context.Background(), text)
	if err != nil {
		session.err = fmt.Errorf("prepare %q: %w", text, err)
		return prepared
	}
	session.statements = append(session.statements, driverStatement)
	var executes, queries bool
	prepared.executor, executes = driverStatement.(driver.StmtExecContext)
	prepared.querier, queries = driverStatement.(driver.StmtQueryContext)
	if !executes || !queries {
		session.err = fmt.Errorf("driver statement is a %T, which takes no context", driverStatement)
	}
	return prepared
}

// run executes a text once. Settings are made this way: SQLite applies them when
// the text is prepared.
func (session *session) run(text string) error {
	driverStatement, err := session.connection.PrepareContext(context.Background(), text)
	if err != nil {
		return fmt.Errorf("prepare %q: %w", text, err)
	}
	if executor, executes := driverStatement.(driver.StmtExecContext); executes {
		_, err = executor.ExecContext(context.Background(), nil)
	}
	return errors.Join(err, driverStatement.Close())
}

// close finalises every statement.
func (session *session) close() error {
	var err error
	for _, statement := range session.statements {
		err = errors.Join(err, statement.Close())
	}
	return err
}

// statement is a prepared statement whose argument and row buffers are used again.
type statement struct {
	executor  driver.StmtExecContext
	querier   driver.StmtQueryContext
	arguments []driver.NamedValue
	row       []driver.Value
}

// execute runs the statement to its end. No context: an interrupt would undo the
// whole shared transaction.
func (statement *statement) execute(values ...driver.Value) error {
	_, err := statement.executor.ExecContext(context.Background(), statement.bind(values))
	return err
}

// query calls scan for each row, until scan returns false. The arguments of scan are valid
// during the call only.
func (statement *statement) query(scan func(row []driver.Value) bool, values ...driver.Value) error {
	rows, err := statement.querier.QueryContext(context.Background(), statement.bind(values))
	if err != nil {
		return err
	}
	if statement.row == nil {
		statement.row = make([]driver.Value, len(rows.Columns()))
	}
	for {
		err = rows.Next(statement.row)
		if err != nil || !scan(statement.row) {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// integer runs a query for a single integer; found is false if there is no row or the value is
// NULL.
func (statement *statement) integer(values ...driver.Value) (result int64, found bool, err error) {
	err = statement.query(func(row []driver.Value) bool {
		result, found = row[0].(int64)
		return false
	}, values...)
	return result, found, err
}

func (statement *statement) bind(values []driver.Value) []driver.NamedValue {
	statement.arguments = statement.arguments[:0]
	for index, value := range values {
		statement.arguments = append(statement.arguments, driver.NamedValue{Ordinal: index + 1, Value: value})
	}
	return statement.arguments
}
