// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// database is the one connection to the SQLite file. It is pinned for life: the
// pool would replace a connection silently, and with it whatever was prepared.
type database struct {
	pool       *sql.DB
	connection *sql.Conn
	lock       *databaseLock
}

// memoryPath is the path of a database that keeps nothing on disk.
const memoryPath = ":memory:"

// connectDatabase locks and opens the database at a path, which may be MemoryPath, and
// creates a missing file. A commit waits for the disk as synchronous says.
func connectDatabase(path string, synchronous synchronous) (*database, error) {
	opened := &database{}
	if err := opened.open(path, synchronous); err != nil {
		return nil, errors.Join(err, opened.close())
	}
	return opened, nil
}

func (database *database) open(path string, synchronous synchronous) (err error) {
	if path != memoryPath {
		if database.lock, err = lockDatabase(path); err != nil {
			return err
		}
		if err := createPrivate(path); err != nil {
			return err
		}
	}
	if database.pool, err = sql.Open("sqlite", dataSourceName(path, synchronous)); err != nil {
		return err
	}
	database.pool.SetMaxOpenConns(1)
	database.connection, err = database.pool.Conn(context.Background())
	return err
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
func dataSourceName(path string, synchronous synchronous) string {
	settings := url.Values{"_pragma": {
		"busy_timeout(5000)",
		"wal_autocheckpoint(0)",
		"synchronous(" + string(synchronous) + ")",
		"temp_store(MEMORY)",
		"cache_size(-32768)",
		"journal_size_limit(67108864)",
		"trusted_schema(0)",
	}}
	if path == memoryPath {
		return memoryPath + "?" + settings.Encode()
	}
	return fileAddress(path) + "?" + settings.Encode()
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

// synchronous is a level of PRAGMA synchronous.
type synchronous string

const (
	// synchronousFull syncs the write-ahead log on every commit.
	synchronousFull synchronous = "FULL"
	// synchronousNormal syncs the write-ahead log before a checkpoint only.
	synchronousNormal synchronous = "NORMAL"
)
