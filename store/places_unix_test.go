// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// If a file of the database is renamed, removed or replaced while the store is open, writes stop
// and reads go on. Nothing that was acknowledged is lost: a backup has it, and so has the file.
func TestPlaces_Look_Ugly(t *testing.T) {
	t.Parallel()
	rename := func(suffix string) func(t *testing.T, path string) string {
		return func(t *testing.T, path string) string {
			t.Helper()
			require.NoError(t, os.Rename(path+suffix, path+suffix+".moved"))
			return strings.TrimSuffix(path+suffix+".moved", suffix+".moved") + map[bool]string{true: ".moved"}[suffix == ""]
		}
	}
	for name, move := range map[string]func(t *testing.T, path string) (found string){
		"DatabaseRenamed":      rename(""),
		"WriteAheadLogRenamed": rename("-wal"),
		"WriteAheadLogRemoved": func(t *testing.T, path string) string {
			t.Helper()
			require.NoError(t, os.Remove(path+"-wal"))
			return path
		},
		"SharedMemoryRemoved": func(t *testing.T, path string) string {
			t.Helper()
			require.NoError(t, os.Remove(path+"-shm"))
			return path
		},
		"FolderRenamed": func(t *testing.T, path string) string {
			t.Helper()
			moved := filepath.Dir(path) + ".moved"
			require.NoError(t, os.Rename(filepath.Dir(path), moved))
			t.Cleanup(func() { assert.NoError(t, os.Rename(moved, filepath.Dir(path))) })
			return filepath.Join(moved, filepath.Base(path))
		},
		"DatabaseReplaced": func(t *testing.T, path string) string {
			t.Helper()
			other := openStore(t, store.StoreConfig{})
			require.NoError(t, other.Set("acme:other", "a", "other"))
			copied := databasePath(t)
			_, err := other.Backup(copied)
			require.NoError(t, err)
			require.NoError(t, os.Rename(path, path+".moved"))
			require.NoError(t, os.Rename(copied, path))
			return path + ".moved"
		},
		"DatabaseRemoved": func(t *testing.T, path string) string {
			t.Helper()
			require.NoError(t, os.Remove(path))
			return ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			var logged logged
			path := databasePath(t)
			opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path, Logger: logged.logger()})
			require.NoError(t, err)
			defer opened.Close()
			writeAll(t, opened, "acme:g", 100, 0)
			require.NoError(t, opened.Set("acme:g", "last", "acknowledged"))
			found := move(t, path)
			require.NoError(t, store.KeepHouse(opened))

			for range 3 {
				err := opened.Set("acme:g", "refused", "")
				require.ErrorIs(t, err, store.ErrUnavailable)
				require.NotErrorIs(t, err, store.ErrOutcomeUnknown)
				require.NoError(t, store.KeepHouse(opened))
			}
			status, err := opened.Status()
			require.NoError(t, err)
			assert.False(t, status.Writable)
			assert.Contains(t, status.Reason, "storebus.db")
			assert.Equal(t, 1, strings.Count(logged.String(), "a file of the database is not at its place"), "%s", &logged)
			requireAcknowledged(t, opened)
			copied := databasePath(t)
			_, err = opened.Backup(copied)
			require.NoError(t, err)
			require.NoError(t, opened.Close())
			for _, place := range []string{copied, found} {
				if place != "" {
					again := openStore(t, store.StoreConfig{DatabasePath: place})
					requireAcknowledged(t, again)
				}
			}
			if name == "DatabaseReplaced" {
				again := openStore(t, store.StoreConfig{DatabasePath: path})
				value, err := again.Get("acme:other", "a")
				require.NoError(t, err)
				assert.Equal(t, "other", value, "the other database is not touched")
			}
		})
	}
}

func requireAcknowledged(t *testing.T, opened *store.Store) {
	t.Helper()
	value, err := opened.Get("acme:g", "last")
	require.NoError(t, err)
	assert.Equal(t, "acknowledged", value)
	all, err := opened.GetAll("acme:g")
	require.NoError(t, err)
	assert.Len(t, all, 101)
}

// The same holds for the file of a workspace, which is used again when it is put back.
func TestPlaces_Workspace_Ugly(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		t.Run("File"+suffix, func(t *testing.T) {
			var logged logged
			opened := openStore(t, store.StoreConfig{Logger: logged.logger()})
			workspace, err := opened.NewWorkspace("job")
			require.NoError(t, err)
			require.NoError(t, workspace.Put("row", map[string]any{"a": 1}))
			path := workspace.DatabasePath() + suffix
			require.NoError(t, os.Rename(path, path+".moved"))
			for range 3 {
				err = workspace.Put("row", map[string]any{"a": 2})
				require.ErrorIs(t, err, store.ErrUnavailable)
				require.NotErrorIs(t, err, store.ErrOutcomeUnknown)
			}
			assert.Equal(t, 1, strings.Count(logged.String(), "the file of a workspace is not at its place"), "%s", &logged)
			require.NoError(t, opened.Set("acme:g", "a", ""), "nobody else is concerned")
			require.NoError(t, os.Rename(path+".moved", path))
			require.NoError(t, workspace.Put("row", map[string]any{"a": 3}))
			count, err := workspace.Count()
			require.NoError(t, err)
			assert.Equal(t, 2, count)
		})
	}
	t.Run("AFileThatIsNotOpenIsNotMadeAnew", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var first *store.Workspace
		for index := range 66 { // one more than are open at once
			workspace, err := opened.NewWorkspace(fmt.Sprint("job", index))
			require.NoError(t, err)
			require.NoError(t, workspace.Put("row", map[string]any{"a": 1}))
			if first == nil {
				first = workspace
			}
		}
		path := first.DatabasePath()
		require.NoError(t, os.Rename(path, path+".moved"))
		require.ErrorIs(t, first.Put("row", map[string]any{"a": 2}), store.ErrUnavailable)
		require.NoFileExists(t, path)
		require.NoError(t, os.Rename(path+".moved", path))
		require.NoError(t, first.Put("row", map[string]any{"a": 3}))
	})
}
