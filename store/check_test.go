// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// folderContent gives every file of a folder with its time and a digest.
func folderContent(t *testing.T, folder string) map[string]string {
	t.Helper()
	content := map[string]string{}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		information, err := entry.Info()
		require.NoError(t, err)
		digest := [sha256.Size]byte{}
		if !entry.IsDir() {
			bytes, err := os.ReadFile(filepath.Join(folder, entry.Name()))
			require.NoError(t, err)
			digest = sha256.Sum256(bytes)
		}
		content[entry.Name()] = fmt.Sprintf("%s %x", information.ModTime(), digest)
	}
	return content
}

// checkUnchanged is CheckDatabase, which must change nothing.
func checkUnchanged(t *testing.T, path string) (store.DatabaseState, error) {
	t.Helper()
	before := folderContent(t, filepath.Dir(path))
	state, err := store.CheckDatabase(t.Context(), path)
	assert.Equal(t, before, folderContent(t, filepath.Dir(path)), "no file is changed")
	return state, err
}

// closedDatabase makes a database with some entries.
func closedDatabase(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "storebus.db")
	opened, err := store.New(path)
	require.NoError(t, err)
	writeAll(t, opened, "acme:g", 100, 0)
	require.NoError(t, opened.Close())
	return path
}

func TestCheck_CheckDatabase_Good(t *testing.T) {
	path := closedDatabase(t)
	for name, check := range map[string]struct {
		path  func() string
		state store.DatabaseState
	}{
		"Missing": {func() string { return filepath.Join(t.TempDir(), "none.db") }, store.DatabaseMissing},
		"Empty": {func() string {
			empty := filepath.Join(t.TempDir(), "empty.db")
			require.NoError(t, os.WriteFile(empty, nil, 0o600))
			return empty
		}, store.DatabaseMissing},
		"WithoutTables": {func() string {
			bare := filepath.Join(t.TempDir(), "bare.db")
			execute(t, bare, "VACUUM")
			return bare
		}, store.DatabaseMissing},
		"Closed": {func() string { return path }, store.DatabaseSound},
		"WithoutItsLock": {func() string {
			copied := filepath.Join(t.TempDir(), "copy.db")
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(copied, content, 0o600))
			return copied
		}, store.DatabaseSound},
		"BehindALink": {func() string {
			link := filepath.Join(t.TempDir(), "link.db")
			require.NoError(t, os.Symlink(path, link))
			return link
		}, store.DatabaseSound},
		"OfTheOriginalLibrary": {func() string { return originalDatabase(t, originalEntries) }, store.DatabaseOutdated},
		"OfAnOlderVersion": {func() string {
			older := closedDatabase(t)
			execute(t, older, "PRAGMA user_version = 1")
			return older
		}, store.DatabaseOutdated},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := checkUnchanged(t, check.path())
			require.NoError(t, err)
			assert.Equal(t, check.state, state)
		})
	}
}

func TestCheck_CheckDatabase_Bad(t *testing.T) {
	t.Run("InUse", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "storebus.db")
		opened, err := store.New(path)
		require.NoError(t, err)
		_, err = store.CheckDatabase(t.Context(), path)
		require.ErrorIs(t, err, store.ErrDatabaseInUse)
		require.ErrorContains(t, err, fmt.Sprintf("by process %d", os.Getpid()))
		require.NoError(t, opened.Close())
		state, err := checkUnchanged(t, path)
		require.NoError(t, err)
		assert.Equal(t, store.DatabaseSound, state)
	})
	t.Run("NoDatabase", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "text.db")
		require.NoError(t, os.WriteFile(path, make([]byte, 4096), 0o600))
		require.NoError(t, os.WriteFile(path, []byte("this is a text, and it is longer than the header of SQLite is; that has one hundred bytes, no more"), 0o600))
		_, err := checkUnchanged(t, path)
		require.ErrorIs(t, err, store.ErrNotAStore)
	})
	t.Run("OfSomebodyElse", func(t *testing.T) {
		for _, statement := range []string{"CREATE TABLE songs (name TEXT)", "CREATE TABLE songs (name TEXT); PRAGMA user_version = 3"} {
			path := filepath.Join(t.TempDir(), "songs.db")
			execute(t, path, statement)
			_, err := checkUnchanged(t, path)
			require.ErrorIs(t, err, store.ErrNotAStore)
		}
	})
	t.Run("OfANewerVersion", func(t *testing.T) {
		path := closedDatabase(t)
		execute(t, path, "PRAGMA user_version = 1000")
		_, err := checkUnchanged(t, path)
		require.ErrorIs(t, err, store.ErrDatabaseFromFuture)
	})
	t.Run("AFolder", func(t *testing.T) {
		_, err := store.CheckDatabase(t.Context(), t.TempDir())
		require.ErrorContains(t, err, "is a directory")
	})
	t.Run("NoContext", func(t *testing.T) {
		_, err := store.CheckDatabase(nil, "storebus.db") //nolint:staticcheck // it is what is tested
		require.ErrorIs(t, err, store.ErrInvalidArgument)
	})
	t.Run("AContextThatHasEnded", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := store.CheckDatabase(ctx, closedDatabase(t))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestCheck_CheckDatabase_Ugly(t *testing.T) {
	t.Run("Damaged", func(t *testing.T) {
		path := closedDatabase(t)
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		require.NoError(t, err)
		information, err := file.Stat()
		require.NoError(t, err)
		_, err = file.WriteAt(make([]byte, information.Size()/2), information.Size()/2)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		_, err = checkUnchanged(t, path)
		require.ErrorContains(t, err, "malformed")
	})
	t.Run("NotClosed", func(t *testing.T) {
		path := closedDatabase(t)
		require.NoError(t, os.WriteFile(path+"-wal", []byte("what was not checkpointed"), 0o600))
		state, err := checkUnchanged(t, path)
		require.NoError(t, err)
		assert.Equal(t, store.DatabaseUnfinished, state)
	})
}
