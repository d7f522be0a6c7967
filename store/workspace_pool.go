// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"container/list"
	"database/sql"
	"errors"

	"dappco.re/go/storebus/store/internal/failure"
)

// maxWorkspaceConnections is how many files of workspaces are open at once at most.
// Each takes three file handles.
const maxWorkspaceConnections = 64

// workspacePool lends connections to the files of workspaces. An unused connection stays open
// until its place is needed: the least recently used is closed first.
type workspacePool struct {
	// places are taken by connections in use.
	places      chan struct{}
	closed      chan struct{}
	connections guarded[workspaceConnections]
}

// workspaceConnections are the connections of a pool, and the field pooled of every file.
type workspaceConnections struct {
	durability Durability
	// idle are the open connections that are not in use, the most recently used first.
	idle list.List
	open int
}

// pooledFile is the part of a file that belongs to the connections of the pool.
type pooledFile struct {
	// writer is the connection, nil while none is open.
	writer *sql.DB
	users  int
	// idle is the place among the unused connections, nil for a connection in use.
	idle *list.Element
}

func newWorkspacePool(durability Durability) *workspacePool {
	pool := &workspacePool{places: make(chan struct{}, maxWorkspaceConnections), closed: make(chan struct{})}
	pool.connections.value.durability = durability
	return pool
}

// use lends the connection of a file until function returns.
func (pool *workspacePool) use(turn turn, function func(database *sql.DB) error) error {
	database, err := pool.acquire(turn)
	if err != nil {
		return err
	}
	defer pool.release(turn.file)
	return function(database)
}

// acquire keeps the connection of a file open until it is released. The turn may be given back
// before that.
func (pool *workspacePool) acquire(turn turn) (*sql.DB, error) {
	select {
	case <-pool.closed:
		return nil, failure.ErrClosed
	case pool.places <- struct{}{}:
	}
	connections, unlock := pool.connections.lock()
	defer unlock()
	database, err := connections.take(turn.file)
	if err != nil {
		<-pool.places
	}
	return database, err
}

func (connections *workspaceConnections) take(file *workspaceFile) (*sql.DB, error) {
	if file.pooled.writer == nil {
		if err := connections.openFor(file); err != nil {
			return nil, err
		}
	}
	if file.pooled.idle != nil {
		connections.idle.Remove(file.pooled.idle)
		file.pooled.idle = nil
	}
	file.pooled.users++
	return file.pooled.writer, nil
}

// openFor opens a connection, for which another gives way at the bound: those in
// use have a place each, and so has the caller, so that one is idle then.
func (connections *workspaceConnections) openFor(file *workspaceFile) error {
	if connections.open == maxWorkspaceConnections {
		if err := connections.closeOldest(); err != nil {
			return err
		}
	}
	database, err := openWorkspaceDatabase(file.path(), connections.durability)
	if err != nil {
		return err
	}
	file.pooled.writer = database
	connections.open++
	return nil
}

func (connections *workspaceConnections) closeOldest() error {
	oldest, _ := connections.idle.Back().Value.(*workspaceFile)
	return connections.closeOf(oldest)
}

func (connections *workspaceConnections) closeOf(file *workspaceFile) error {
	database := file.pooled.writer
	if file.pooled.idle != nil {
		connections.idle.Remove(file.pooled.idle)
	}
	file.pooled.writer, file.pooled.idle = nil, nil
	connections.open--
	return database.Close()
}

// release ends one use of a connection. It needs no turn.
func (pool *workspacePool) release(file *workspaceFile) {
	connections, unlock := pool.connections.lock()
	if file.pooled.users--; file.pooled.users == 0 {
		file.pooled.idle = connections.idle.PushFront(file)
	}
	unlock()
	<-pool.places
}

// drop closes the connection of a file that nobody uses.
func (pool *workspacePool) drop(turn turn) error {
	connections, unlock := pool.connections.lock()
	defer unlock()
	if turn.file.pooled.writer == nil {
		return nil
	}
	return connections.closeOf(turn.file)
}

// close waits for the connections in use, refuses new uses, and closes every connection.
func (pool *workspacePool) close() (err error) {
	close(pool.closed)
	for range maxWorkspaceConnections {
		pool.places <- struct{}{}
	}
	connections, unlock := pool.connections.lock()
	defer unlock()
	for connections.idle.Len() > 0 {
		err = errors.Join(err, connections.closeOldest())
	}
	return err
}
