// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The limits of a query.
const (
	// MaxQueryRows is the largest number of rows.
	MaxQueryRows = 1000
	// MaxQueryBytes is the largest size of the values of all rows together.
	MaxQueryBytes = 1 << 20
	// MaxQueryTextBytes is the length of the longest SQL.
	MaxQueryTextBytes = 100_000
)

// Rows is the result of a query.
type Rows struct {
	// Columns has the names of the columns, as in the query.
	Columns []string
	// Rows has a list for each row, in the order of Columns. A value is nil, an int64, a
	// float64, a string or a []byte.
	Rows [][]any
	// Truncated tells that there were more rows.
	Truncated bool
}

// CheckQuery returns the text of a query without its end. It refuses a text that SQLite would read
// in another way than intended.
func CheckQuery(query string, limit int) (string, error) {
	switch {
	case limit < 1 || limit > MaxQueryRows:
		return "", fmt.Errorf("%w: limit %d is not 1 to %d", failure.ErrInvalidQuery, limit, MaxQueryRows)
	case len(query) > MaxQueryTextBytes:
		return "", &failure.TooLargeError{What: "query", Size: len(query), Limit: MaxQueryTextBytes}
	case !utf8.ValidString(query) || strings.ContainsRune(query, 0):
		return "", fmt.Errorf("%w: it is not UTF-8, or holds NUL", failure.ErrInvalidQuery)
	}
	// A statement may end with a semicolon; within another it may not.
	return strings.TrimRight(query, "; \t\r\n"), nil
}

// Query runs a query that CheckQuery has returned, until ctx ends. The error is the cause of that
// end then. Meanwhile a Database that admits readers stays open, and nobody removes the file.
func (file *File) Query(ctx context.Context, query string, limit int) (Rows, error) {
	rows, err := runQuery(ctx, file.Path(), query, limit)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return rows, cause
	}
	if sqlite.RefusedFile(err) {
		return rows, err
	}
	return rows, blameEntry(ctx, file.Path(), err)
}

// runQuery runs a query on a connection of its own, which can read one table and do nothing else.
// All of its work is done before SQLite returns the first row, because a context interrupts nothing
// after that: one function is given each row in turn.
func runQuery(ctx context.Context, path, query string, limit int) (Rows, error) {
	sandbox := &sandbox{limit: limit}
	database, connection, err := sandbox.open(ctx, path)
	if err != nil {
		return Rows{}, err
	}
	columns, err := columnsOf(connection, query)
	if err == nil {
		err = sandbox.collect(ctx, connection, query, len(columns))
	}
	if err = errors.Join(err, connection.Close(), database.Close()); err != nil {
		return Rows{}, sandbox.failure(err)
	}
	rows := Rows{Columns: columns, Rows: sandbox.rows, Truncated: len(sandbox.rows) > limit}
	rows.Rows = rows.Rows[:min(limit, len(rows.Rows))]
	return rows, nil
}

// firstUnreadable finds the first entry whose data SQLite's JSON does not read.
const firstUnreadable = `SELECT id, kind FROM entries WHERE NOT json_valid(data) ORDER BY id LIMIT 1`

// blameEntry names the entry at which a query has failed because SQLite cannot read its data.
// Entries of an earlier version may be like that.
func blameEntry(ctx context.Context, path string, cause error) error {
	// SQLite has no code for it, only these words.
	if !errors.Is(cause, failure.ErrInvalidQuery) || !strings.Contains(cause.Error(), "malformed JSON") {
		return cause
	}
	found, err := runQuery(ctx, path, firstUnreadable, 1)
	if err != nil || len(found.Rows) == 0 {
		return cause // the query itself has made the malformed JSON
	}
	return fmt.Errorf("%w; if the query reads entries: SQLite's JSON reads %[4]d levels, and entry %[2]v, of kind %[3]q, is the first that it cannot read; leave such entries out with WHERE json_valid(data)",
		cause, found.Rows[0][0], found.Rows[0][1], MaxDataDepth)
}
