// SPDX-License-Identifier: EUPL-1.2

package sqlite

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

// Database is the one connection to the SQLite file. It is pinned for life: a pool would
// replace a connection silently, and lose its prepared statements.
type Database struct {
	pool       *sql.DB
	Connection *sql.Conn
	lock       *Lock
}

// PageBytes is the size of a page of a database.
const PageBytes = 4096

// RowBytes estimates what a row adds to the write-ahead log: rows are written in key order, a few
// to a page.
const RowBytes = PageBytes / 4

// Companions are behind the path of a database in the names of the files that SQLite reads and
// writes beside it.
var Companions = []string{"-shm", "-journal", "-wal"}

// MemoryPath is the path of a database that keeps nothing on disk.
const MemoryPath = ":memory:"

// Open locks and opens the database at a path, which may be MemoryPath. If the file is
// missing, it creates the file. synchronous decides how a commit waits for the disk.
func Open(path string, synchronous Synchronous) (*Database, error) {
	opened := &Database{}
	if err := opened.open(path, synchronous); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

func (database *Database) open(path string, synchronous Synchronous) (err error) {
	if path != MemoryPath {
		if database.lock, err = TakeLock(path); err != nil {
			return err
		}
	}
	if database.pool, err = sql.Open("sqlite", DataSourceName(path, synchronous)); err != nil {
		return err
	}
	database.pool.SetMaxOpenConns(1)
	database.Connection, err = database.pool.Conn(context.Background())
	return err
}

// CreatePrivate creates a missing file that only its owner may read. SQLite gives the files
// beside it the same mode. No database of this process may have the file open.
func CreatePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// Close closes the connection and the pool, and releases the lock, even if Open failed
// halfway.
func (database *Database) Close() error {
	var err error
	if database.Connection != nil {
		err = errors.Join(err, database.Connection.Close())
	}
	if database.pool != nil {
		err = errors.Join(err, database.pool.Close())
	}
	if database.lock != nil {
		err = errors.Join(err, database.lock.Release())
	}
	return err
}

// Path returns the path of the database without symbolic links, "" in memory.
func (database *Database) Path() string {
	if database.lock == nil {
		return ""
	}
	return database.lock.DatabasePath()
}

// Places returns where the files of the database are, none in memory. The first statement makes the
// files that SQLite has beside the database.
func (database *Database) Places() Places {
	if database.lock == nil {
		return nil
	}
	return PlacesOf(database.Path())
}

// Use passes the driver's connection to function, which must not keep it afterwards.
func (database *Database) Use(function func(session *Session) error) error {
	return database.Connection.Raw(func(driverConnection any) error {
		connection, ok := driverConnection.(driver.ConnPrepareContext)
		if !ok {
			return fmt.Errorf("driver connection is a %T, which prepares no statements", driverConnection)
		}
		return function(&Session{Connection: connection})
	})
}

// DataSourceName carries every setting of the connection. A setting made by a statement is lost
// when the connection is replaced.
func DataSourceName(path string, synchronous Synchronous) string {
	settings := url.Values{"_pragma": {
		"busy_timeout(5000)",
		"wal_autocheckpoint(0)",
		"synchronous(" + string(synchronous) + ")",
		"temp_store(MEMORY)",
		"cache_size(-32768)",
		"journal_size_limit(67108864)",
		"trusted_schema(0)",
	}}
	if path == MemoryPath {
		return MemoryPath + "?" + settings.Encode()
	}
	return FileAddress(path) + "?" + settings.Encode()
}

// FileAddress returns a path as a URI, so that no character in it is read as a parameter.
// The authority is empty, so that no part is read as one.
func FileAddress(path string) string {
	address := url.URL{Path: filepath.ToSlash(path)}
	if strings.HasPrefix(address.Path, "/") {
		return "file://" + address.EscapedPath()
	}
	return "file:" + address.EscapedPath()
}

// Synchronous is a level of PRAGMA synchronous.
type Synchronous string

const (
	// SynchronousFull syncs the write-ahead log on every commit.
	SynchronousFull Synchronous = "FULL"
	// SynchronousNormal syncs the write-ahead log before a checkpoint only.
	SynchronousNormal Synchronous = "NORMAL"
)
