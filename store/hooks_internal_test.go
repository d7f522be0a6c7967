// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"modernc.org/sqlite"
)

// What stands in this file is all that the tests of package store_test know of the
// inside of a store: that a committer takes turns, has one connection, and keeps
// house; that the newest part of the log is in memory; and what a row of the log says.

// connections are those that the driver has opened, by their data source names.
var connections sync.Map

func init() {
	sqlite.RegisterConnectionHook(func(connection sqlite.ExecQuerierContext, dataSourceName string) error {
		connections.Store(dataSourceName, connection)
		return nil
	})
}

func connectionOf(store *Store) sqlite.ExecQuerierContext {
	connection, _ := connections.Load(dataSourceName(store.config))
	opened, _ := connection.(sqlite.ExecQuerierContext)
	return opened
}

// OnCommitter runs function in the committer's goroutine, between two batches.
func OnCommitter(store *Store, function func() error) error {
	_, err := ask(store, func(*view) (struct{}, error) { return struct{}{}, function() })
	return err
}

// Hold stops the committer until release is called: what is submitted in between
// becomes one batch.
func Hold(store *Store) (release func()) {
	held, released := make(chan struct{}), make(chan struct{})
	store.submitRead(func(*view) func() {
		close(held)
		<-released
		return func() {}
	}, func(error) { close(held) })
	<-held
	return func() { close(released) }
}

// WaitForWrite returns when a write waits for the committer, which is held.
func WaitForWrite(store *Store) {
	<-store.committer.writes.ready
	store.committer.writes.mutex.Lock()
	defer store.committer.writes.mutex.Unlock()
	store.committer.writes.signal()
}

// Closing reports whether Close has begun.
func Closing(store *Store) bool { return store.closing.Load() }

// KeepHouse does now what the committer does every second, and returns after the
// first slice of trimming that follows from it.
func KeepHouse(store *Store) error {
	err := OnCommitter(store, func() error {
		store.committer.keepHouse()
		return nil
	})
	if err != nil {
		return err
	}
	return OnCommitter(store, func() error { return nil })
}

// Settle does now what the committer does when it is left alone: what is due
// expires, the tables are brought up to the log, and the log is trimmed.
func Settle(store *Store) error {
	return OnCommitter(store, func() error {
		for store.committer.expireDue() {
		}
		store.committer.idle = true
		for store.committer.materialiseIdle() {
		}
		for store.committer.trim() {
		}
		return nil
	})
}

// Execute runs a statement on the connection of a store that has a database file.
func Execute(store *Store, statement string) error {
	return OnCommitter(store, func() error {
		_, err := connectionOf(store).ExecContext(context.Background(), statement, nil)
		return err
	})
}

// LeaveRoom lets the database of a store grow by so many pages and no more, as on a
// disk that is full; a negative number lifts that.
func LeaveRoom(store *Store, pages int) error {
	if pages < 0 {
		return Execute(store, "PRAGMA max_page_count = 1000000000")
	}
	var size int64
	err := OnCommitter(store, func() error {
		rows, err := connectionOf(store).QueryContext(context.Background(), "PRAGMA page_count", nil)
		if err != nil {
			return err
		}
		row := make([]driver.Value, 1)
		err = rows.Next(row)
		size, _ = row[0].(int64)
		return errors.Join(err, rows.Close())
	})
	if err != nil {
		return err
	}
	return Execute(store, fmt.Sprintf("PRAGMA max_page_count = %d", size+int64(pages)))
}

// OnCommit has function carry out each COMMIT of a store from now on, or fail to;
// it is given the real one.
func OnCommit(store *Store, function func(commit func() error) error) error {
	return OnCommitter(store, func() error {
		commit := store.committer.commit
		replaced, ok := commit.executor.(*replacedCommit)
		if !ok {
			replaced = &replacedCommit{StmtExecContext: commit.executor}
			commit.executor = replaced
		}
		replaced.function = function
		return nil
	})
}

// replacedCommit is a COMMIT that a test has got hold of.
type replacedCommit struct {
	driver.StmtExecContext
	function func(commit func() error) error
}

func (replaced *replacedCommit) ExecContext(ctx context.Context, arguments []driver.NamedValue) (driver.Result, error) {
	return nil, replaced.function(func() error {
		_, err := replaced.StmtExecContext.ExecContext(ctx, arguments)
		return err
	})
}

// Evict makes the store forget all but the newest commit of what it holds in memory of the log.
func Evict(store *Store) {
	store.tail.mutex.Lock()
	defer store.tail.mutex.Unlock()
	store.tail.bytes += tailBytes
	store.tail.evictLocked()
	store.tail.bytes -= tailBytes
}

// WaitingReaders returns how many readers wait for a change.
func WaitingReaders(store *Store) int {
	store.tail.mutex.RLock()
	defer store.tail.mutex.RUnlock()
	return store.tail.waiters
}

// DecodeLog returns the changes of a row of the log.
func DecodeLog(blob []byte) ([]Event, error) {
	var zero Commit
	return decodeEvents(blob, zero.committedAt)
}

// DueQuery is how the tables are asked for what is due in a namespace.
const DueQuery = selectDue
