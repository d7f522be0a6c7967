// SPDX-License-Identifier: EUPL-1.2

package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// Session prepares statements on the driver's connection. It belongs to one goroutine.
type Session struct {
	Connection driver.ConnPrepareContext
	statements []driver.Stmt
	Err        error
}

// Prepare returns a statement. It keeps the first error in session.Err, so that a list of
// statements is prepared without a check after each.
func (session *Session) Prepare(text string) *Statement {
	prepared := &Statement{}
	if session.Err != nil {
		return prepared
	}
	driverStatement, err := session.Connection.PrepareContext(context.Background(), text)
	if err != nil {
		session.Err = fmt.Errorf("prepare %q: %w", text, err)
		return prepared
	}
	session.statements = append(session.statements, driverStatement)
	var executes, queries bool
	prepared.executor, executes = driverStatement.(driver.StmtExecContext)
	prepared.querier, queries = driverStatement.(driver.StmtQueryContext)
	if !executes || !queries {
		session.Err = fmt.Errorf("driver statement is a %T, which takes no context", driverStatement)
	}
	return prepared
}

// Run executes a text once. Settings are set this way: SQLite applies them when the text is
// prepared.
func (session *Session) Run(text string) error {
	driverStatement, err := session.Connection.PrepareContext(context.Background(), text)
	if err != nil {
		return fmt.Errorf("prepare %q: %w", text, err)
	}
	if executor, executes := driverStatement.(driver.StmtExecContext); executes {
		_, err = executor.ExecContext(context.Background(), nil)
	}
	return errors.Join(err, driverStatement.Close())
}

// Close finalises every statement.
func (session *Session) Close() error {
	var err error
	for _, statement := range session.statements {
		err = errors.Join(err, statement.Close())
	}
	return err
}

// Statement is a prepared statement whose argument and row buffers are used again.
type Statement struct {
	executor  driver.StmtExecContext
	querier   driver.StmtQueryContext
	arguments []driver.NamedValue
	row       Row
}

// execute runs the statement to its end. No context: an interrupt would undo the
// whole shared transaction.
func (statement *Statement) execute(values ...driver.Value) error {
	_, err := statement.executor.ExecContext(context.Background(), statement.bind(values))
	return err
}

// Query calls scan for each row, until scan returns false. The row is valid only during the
// call.
func (statement *Statement) Query(scan func(row Row) bool, values ...driver.Value) error {
	rows, err := statement.querier.QueryContext(context.Background(), statement.bind(values))
	if err != nil {
		return err
	}
	if statement.row == nil {
		statement.row = make(Row, len(rows.Columns()))
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

// Integer runs a query for a single integer; found is false if there is no row or the value is
// NULL.
func (statement *Statement) Integer(values ...driver.Value) (result int64, found bool, err error) {
	err = statement.Query(func(row Row) bool {
		result, found = row[0].(int64)
		return false
	}, values...)
	return result, found, err
}

func (statement *Statement) bind(values []driver.Value) []driver.NamedValue {
	statement.arguments = statement.arguments[:0]
	for index, value := range values {
		statement.arguments = append(statement.arguments, driver.NamedValue{Ordinal: index + 1, Value: value})
	}
	return statement.arguments
}
