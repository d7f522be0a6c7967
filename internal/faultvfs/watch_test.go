// SPDX-License-Identifier: EUPL-1.2

package faultvfs_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver

	"dappco.re/go/storebus/internal/faultvfs"
)

// watchNothing makes the virtual file system the default, before a database is opened.
func watchNothing(t *testing.T) {
	t.Helper()
	stop, err := faultvfs.Watch(t.TempDir(), func(faultvfs.Operation) faultvfs.Fault { return faultvfs.None })
	require.NoError(t, err)
	stop()
}

func openDatabase(t *testing.T, path string) *sql.DB {
	t.Helper()
	database, err := sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(t, err)
	database.SetMaxOpenConns(1)
	t.Cleanup(func() { assert.NoError(t, database.Close()) })
	return database
}

func TestWatch_Watch_Good(t *testing.T) {
	watchNothing(t)
	path := filepath.Join(t.TempDir(), "watched.db")
	seen := map[string]int{}
	stop, err := faultvfs.Watch(filepath.Dir(path), func(operation faultvfs.Operation) faultvfs.Fault {
		seen[string(operation.Kind)+" "+filepath.Base(operation.Path)]++
		if operation.Kind == faultvfs.Write {
			assert.NotEmpty(t, operation.Bytes)
		}
		return faultvfs.None
	})
	require.NoError(t, err)
	database := openDatabase(t, path)
	_, err = database.Exec(`CREATE TABLE entries (key TEXT); INSERT INTO entries VALUES ('theme')`)
	require.NoError(t, err)
	for _, operation := range []string{"open watched.db", "open watched.db-wal", "write watched.db-wal", "sync watched.db-wal"} {
		assert.NotZero(t, seen[operation], operation)
	}
	before := seen["write watched.db-wal"]
	stop()
	_, err = database.Exec(`INSERT INTO entries VALUES ('language')`)
	require.NoError(t, err)
	assert.Equal(t, before, seen["write watched.db-wal"], "nothing is seen any more")
}

func TestWatch_Watch_Bad(t *testing.T) {
	_, err := faultvfs.Watch(filepath.Join(t.TempDir(), "missing"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Each operation fails in each way, and then the database is as if it had not been tried, or as if
// it had been done.
func TestWatch_Faults_Ugly(t *testing.T) {
	watchNothing(t)
	for _, test := range []struct {
		kind  faultvfs.Kind
		fault faultvfs.Fault
		says  string
	}{
		{faultvfs.Write, faultvfs.Fails, "disk I/O error"},
		{faultvfs.Write, faultvfs.Torn, "disk I/O error"},
		{faultvfs.Write, faultvfs.Full, "database or disk is full"},
		{faultvfs.Write, faultvfs.Reported, "disk I/O error"},
		{faultvfs.Sync, faultvfs.Fails, "disk I/O error"},
		{faultvfs.Sync, faultvfs.Reported, "disk I/O error"},
	} {
		path := filepath.Join(t.TempDir(), "watched.db")
		database := openDatabase(t, path)
		_, err := database.Exec(`CREATE TABLE entries (key TEXT)`)
		require.NoError(t, err)
		stop, err := faultvfs.Watch(filepath.Dir(path), func(operation faultvfs.Operation) faultvfs.Fault {
			if operation.Kind == test.kind {
				return test.fault
			}
			return faultvfs.None
		})
		require.NoError(t, err)
		_, err = database.Exec(`INSERT INTO entries VALUES ('theme')`)
		require.ErrorContains(t, err, test.says)
		stop()
		_, err = database.Exec(`INSERT INTO entries VALUES ('language')`)
		require.NoError(t, err)
		var sound string
		require.NoError(t, database.QueryRow(`PRAGMA integrity_check`).Scan(&sound))
		assert.Equal(t, "ok", sound)
	}
}

func TestWatch_Open_Ugly(t *testing.T) {
	watchNothing(t)
	for _, fault := range []faultvfs.Fault{faultvfs.Fails, faultvfs.Reported} {
		path := filepath.Join(t.TempDir(), "watched.db")
		stop, err := faultvfs.Watch(filepath.Dir(path), func(operation faultvfs.Operation) faultvfs.Fault {
			if operation.Kind == faultvfs.Open {
				return fault
			}
			return faultvfs.None
		})
		require.NoError(t, err)
		database := openDatabase(t, path)
		require.ErrorContains(t, database.Ping(), "unable to open database file")
		stop()
		require.NoError(t, database.Ping())
	}
}
