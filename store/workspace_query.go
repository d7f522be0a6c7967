// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The limits of Workspace.Query.
const (
	// MaxQueryRows is the largest number of rows.
	MaxQueryRows = 1000
	// MaxQueryTime is the longest time that a query runs.
	MaxQueryTime = time.Second
	// MaxQueryBytes is the largest size of the values of all rows together.
	MaxQueryBytes = 1 << 20
	// MaxQueryTextBytes is the length of the longest SQL.
	MaxQueryTextBytes = 100_000
)

// queriesAtOnce is how many queries of a store run at once, half of them of one
// namespace; others wait.
const queriesAtOnce = 2

// maxQueryMemory is how much the process may grow while a query runs.
const maxQueryMemory = 256 << 20

// memoryInterval is how often that is looked at.
const memoryInterval = 5 * time.Millisecond

// QueryRows is the result of a query.
type QueryRows struct {
	// Columns has the names of the columns, as in the query.
	Columns []string
	// Rows has a list for each row, in the order of Columns. A value is nil, an int64, a
	// float64, a string or a []byte.
	Rows [][]any
	// Truncated tells that there were more rows.
	Truncated bool
}

// query answers a query of the workspace of a name.
func (workspaces *workspaces) query(name workspaceName, query string, limit int) (QueryRows, error) {
	workspace, err := workspaces.find(name)
	if err != nil {
		return QueryRows{}, err
	}
	rows, err := workspace.query(query, limit)
	return rows, workspace.failure(err)
}

func (workspace *workspace) query(query string, limit int) (QueryRows, error) {
	query, err := checkQuery(query, limit)
	if err != nil {
		return QueryRows{}, err
	}
	workspaces, file := workspace.workspaces, workspace.file
	leave, err := workspaces.queries.Enter(file.namespace)
	if err != nil {
		return QueryRows{}, err
	}
	defer leave()
	release, err := workspace.pin()
	if err != nil {
		return QueryRows{}, err
	}
	defer release()
	ctx, stop := workspaces.queryContext(file)
	defer stop()
	rows, err := runQuery(ctx, file.path(), query, limit)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return rows, cause
	}
	return rows, blameEntry(ctx, file.path(), err)
}

// checkQuery refuses a text that SQLite would read in another way than intended.
func checkQuery(query string, limit int) (string, error) {
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

// pin keeps the files of the workspace in place until release is called. Writes go on
// meanwhile.
func (workspace *workspace) pin() (release func(), err error) {
	turn, err := workspace.takeTurn()
	if err != nil {
		return nil, err
	}
	defer turn.giveBack()
	file, pool := turn.file, workspace.workspaces.pool
	database, err := pool.acquire(turn)
	if err != nil {
		return nil, workspaceFailure(err)
	}
	// A read by the writing connection makes the files that a read-only connection needs beside
	// the database and cannot make.
	if _, err := database.ExecContext(context.Background(), `SELECT 1 FROM workspace`); err != nil {
		pool.release(file)
		return nil, workspaceFailure(err)
	}
	file.reading.RLock()
	return func() {
		pool.release(file)
		file.reading.RUnlock()
	}, nil
}

// queryContext ends when the query's time is up, and when the workspace or the store
// ends. Its cause says which. The caller calls stop.
func (workspaces *workspaces) queryContext(file *workspaceFile) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	timer := time.AfterFunc(workspaces.queryTime, func() {
		cancel(fmt.Errorf("%w: the query has run for %s", failure.ErrDeadlineExceeded, workspaces.queryTime))
	})
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		workspaces.watchQuery(ctx, cancel, file.ended)
	}()
	return ctx, func() {
		timer.Stop()
		cancel(nil)
		<-watcher
	}
}

// watchQuery cancels a query whose workspace or store ends, or that makes the process
// grow too much: SQLite itself has no bound here.
func (workspaces *workspaces) watchQuery(ctx context.Context, cancel context.CancelCauseFunc, ended <-chan struct{}) {
	ticker := time.NewTicker(memoryInterval)
	defer ticker.Stop()
	before, measured := sqlite.ResidentBytes()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			cancel(errWorkspaceEnded)
		case <-workspaces.config.stopped:
			cancel(failure.ErrClosed)
		case <-ticker.C:
			if now, _ := sqlite.ResidentBytes(); measured && now-before > workspaces.queryMemory {
				cancel(&failure.TooLargeError{What: "memory of the query", Size: now - before, Limit: workspaces.queryMemory})
			}
		}
	}
}

// runQuery runs a query on a connection of its own, which can read one table and do
// nothing else. All of its work is done before SQLite returns the first row, for a
// context interrupts nothing after that: one function is given each row in turn.
func runQuery(ctx context.Context, path, query string, limit int) (QueryRows, error) {
	sandbox := &sandbox{limit: limit}
	database, connection, err := sandbox.open(ctx, path)
	if err != nil {
		return QueryRows{}, err
	}
	columns, err := columnsOf(connection, query)
	if err == nil {
		err = sandbox.collect(ctx, connection, query, len(columns))
	}
	if err = errors.Join(err, connection.Close(), database.Close()); err != nil {
		return QueryRows{}, sandbox.failure(err)
	}
	rows := QueryRows{Columns: columns, Rows: sandbox.rows, Truncated: len(sandbox.rows) > limit}
	rows.Rows = rows.Rows[:min(limit, len(rows.Rows))]
	return rows, nil
}
