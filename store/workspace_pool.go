// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"container/list"
	"database/sql"
	"errors"
	"sync"

	"dappco.re/go/storebus/store/internal/kv"
)

// maxWorkspaceConnections is how many files of workspaces are open at once at most.
// Each takes three file handles.
const maxWorkspaceConnections = 64

// workspacePool lends connections to the files of workspaces. An unused connection stays open
// until its place is needed: the least recently used is closed first.
type workspacePool struct {
	durability Durability
	// places are taken by connections in use.
	places chan struct{}
	closed chan struct{}

	mutex sync.Mutex
	// idle are the open connections that are not in use, the most recently used first.
	idle list.List
	open int
}

func newWorkspacePool(durability Durability) *workspacePool {
	return &workspacePool{durability: durability, places: make(chan struct{}, maxWorkspaceConnections), closed: make(chan struct{})}
}

// use lends the connection of a file, whose turn the caller has, until function returns.
func (pool *workspacePool) use(file *workspaceFile, function func(database *sql.DB) error) error {
	database, err := pool.acquire(file)
	if err != nil {
		return err
	}
	defer pool.release(file)
	return function(database)
}

// acquire keeps the connection of a file open until it is released. The caller has
// the file's turn, which it may give back before that.
func (pool *workspacePool) acquire(file *workspaceFile) (*sql.DB, error) {
	select {
	case <-pool.closed:
		return nil, kv.ErrClosed
	case pool.places <- struct{}{}:
	}
	database, err := pool.take(file)
	if err != nil {
		<-pool.places
	}
	return database, err
}

func (pool *workspacePool) take(file *workspaceFile) (*sql.DB, error) {
	pool.mutex.Lock()
	defer pool.mutex.Unlock()
	if file.writer == nil {
		if err := pool.openLocked(file); err != nil {
			return nil, err
		}
	}
	if file.idle != nil {
		pool.idle.Remove(file.idle)
		file.idle = nil
	}
	file.users++
	return file.writer, nil
}

// openLocked opens a connection, for which another gives way at the bound: those in
// use have a place each, and so has the caller, so that one is idle then.
func (pool *workspacePool) openLocked(file *workspaceFile) error {
	if pool.open == maxWorkspaceConnections {
		oldest, _ := pool.idle.Back().Value.(*workspaceFile)
		if err := pool.closeLocked(oldest); err != nil {
			return err
		}
	}
	database, err := openWorkspaceDatabase(file.path(), pool.durability)
	if err != nil {
		return err
	}
	file.writer = database
	pool.open++
	return nil
}

func (pool *workspacePool) closeLocked(file *workspaceFile) error {
	database := file.writer
	if file.idle != nil {
		pool.idle.Remove(file.idle)
	}
	file.writer, file.idle = nil, nil
	pool.open--
	return database.Close()
}

func (pool *workspacePool) release(file *workspaceFile) {
	pool.mutex.Lock()
	if file.users--; file.users == 0 {
		file.idle = pool.idle.PushFront(file)
	}
	pool.mutex.Unlock()
	<-pool.places
}

// drop closes the connection of a file that nobody uses.
func (pool *workspacePool) drop(file *workspaceFile) error {
	pool.mutex.Lock()
	defer pool.mutex.Unlock()
	if file.writer == nil {
		return nil
	}
	return pool.closeLocked(file)
}

// close waits for the connections in use, refuses new uses, and closes every connection.
func (pool *workspacePool) close() (err error) {
	close(pool.closed)
	for range maxWorkspaceConnections {
		pool.places <- struct{}{}
	}
	pool.mutex.Lock()
	defer pool.mutex.Unlock()
	for pool.idle.Len() > 0 {
		oldest, _ := pool.idle.Back().Value.(*workspaceFile)
		err = errors.Join(err, pool.closeLocked(oldest))
	}
	return err
}
