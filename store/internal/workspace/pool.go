// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"container/list"
	"errors"
	"fmt"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// MaxConnections is how many files of workspaces are open at once at most.
// Each takes three file handles.
const MaxConnections = 64

// pool lends connections to the files of workspaces. An unused connection stays open
// until its place is needed: the least recently used is closed first.
type pool struct {
	// places are taken by connections in use.
	places      chan struct{}
	closed      chan struct{}
	connections guarded[poolConnections]
}

// poolConnections are the connections of a pool, and the field pooled of every file.
type poolConnections struct {
	// idle are the open connections that are not in use, the most recently used first.
	idle list.List
	open int
}

// pooledFile is the part of a file that belongs to the connections of the pool.
type pooledFile struct {
	// writer is the connection, nil while none is open.
	writer *workspacefile.Database
	users  int
	// idle is the place among the unused connections, nil for a connection in use.
	idle *list.Element
}

func newPool() *pool {
	return &pool{places: make(chan struct{}, MaxConnections), closed: make(chan struct{})}
}

// use lends the connection of a file until function returns.
func (pool *pool) use(turn turn, function func(database *workspacefile.Database) error) error {
	database, err := pool.acquire(turn)
	if err != nil {
		return err
	}
	defer pool.release(turn.run)
	return function(database)
}

// acquire keeps the connection of a file open until it is released. The turn may be given back
// before that.
func (pool *pool) acquire(turn turn) (*workspacefile.Database, error) {
	select {
	case <-pool.closed:
		return nil, failure.ErrClosed
	case pool.places <- struct{}{}:
	}
	connections, unlock := pool.connections.lock()
	defer unlock()
	database, err := connections.take(turn.run)
	if err != nil {
		<-pool.places
	}
	return database, err
}

func (connections *poolConnections) take(run *run) (*workspacefile.Database, error) {
	if run.pooled.writer == nil {
		if err := connections.openFor(run); err != nil {
			return nil, err
		}
		run.pooled.idle = connections.idle.PushFront(run)
	}
	if err := run.pooled.writer.Look(); err != nil {
		return nil, err
	}
	if run.pooled.idle != nil {
		connections.idle.Remove(run.pooled.idle)
		run.pooled.idle = nil
	}
	run.pooled.users++
	return run.pooled.writer, nil
}

// openFor opens a connection. At the bound, another connection gives way. One is idle then, because
// each connection in use has a place, and so has the caller.
func (connections *poolConnections) openFor(run *run) error {
	if connections.open == MaxConnections {
		if err := connections.closeOldest(); err != nil {
			return err
		}
	}
	database, err := openNow(run)
	for sqlite.RefusedFile(err) && connections.idle.Len() > 0 {
		// The process has no descriptor left: idle files give way to needed ones.
		if err := connections.closeOldest(); err != nil {
			return err
		}
		database, err = openNow(run)
	}
	if err != nil {
		return openFailure(err)
	}
	run.pooled.writer = database
	connections.open++
	return nil
}

// openFailure is workspacefile.Failure for a file that is opened: nothing was written.
func openFailure(err error) error {
	failed := workspacefile.Failure(err)
	if errors.Is(failed, failure.ErrOutcomeUnknown) {
		return fmt.Errorf("%w: the workspace's file cannot be read now: %s", failure.ErrUnavailable, err.Error())
	}
	return failed
}

// openNow opens a file with all that SQLite has beside it.
func openNow(run *run) (*workspacefile.Database, error) {
	database, err := run.Open()
	if err != nil {
		return nil, err
	}
	if err := database.AdmitReaders(); err != nil {
		return nil, errors.Join(err, database.Close())
	}
	return database, nil
}

// closeIdle closes every connection that is not in use, and reports whether there was one.
func (pool *pool) closeIdle() (closed bool) {
	connections, unlock := pool.connections.lock()
	defer unlock()
	for connections.idle.Len() > 0 && connections.closeOldest() == nil {
		closed = true
	}
	return closed
}

func (connections *poolConnections) closeOldest() error {
	oldest, _ := connections.idle.Back().Value.(*run)
	return connections.closeOf(oldest)
}

func (connections *poolConnections) closeOf(run *run) error {
	database := run.pooled.writer
	if run.pooled.idle != nil {
		connections.idle.Remove(run.pooled.idle)
	}
	run.pooled.writer, run.pooled.idle = nil, nil
	connections.open--
	return database.Close()
}

// release ends one use of a connection. It needs no turn.
func (pool *pool) release(run *run) {
	connections, unlock := pool.connections.lock()
	if run.pooled.users--; run.pooled.users == 0 {
		run.pooled.idle = connections.idle.PushFront(run)
	}
	unlock()
	<-pool.places
}

// drop closes the connection of a file that nobody uses.
func (pool *pool) drop(turn turn) error {
	connections, unlock := pool.connections.lock()
	defer unlock()
	if turn.run.pooled.writer == nil {
		return nil
	}
	return connections.closeOf(turn.run)
}

// close waits for the connections in use, refuses new uses, and closes every connection.
func (pool *pool) close() (err error) {
	close(pool.closed)
	for range MaxConnections {
		pool.places <- struct{}{}
	}
	connections, unlock := pool.connections.lock()
	defer unlock()
	for connections.idle.Len() > 0 {
		err = errors.Join(err, connections.closeOldest())
	}
	return err
}
