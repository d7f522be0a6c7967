// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// markedStore has a database that was closed with 10 keys, then written to further, and closed.
type markedStore struct {
	config store.StoreConfig
	id     string
	// older is a copy of the database with 10 keys, at rest.
	older string
}

func newMarkedStore(t *testing.T) *markedStore {
	t.Helper()
	made := &markedStore{config: store.StoreConfig{DatabasePath: databasePath(t)}, older: databasePath(t)}
	made.write(t, 0, 10)
	require.NoError(t, copyDatabase(made.config.DatabasePath, made.older))
	made.write(t, 10, 20)
	return made
}

func (made *markedStore) write(t *testing.T, from, to int) {
	t.Helper()
	opened, err := store.NewConfigured(made.config)
	require.NoError(t, err)
	for key := from; key < to; key++ {
		require.NoError(t, opened.Set("acme:g", fmt.Sprint(key), "value"))
	}
	made.id = opened.ID()
	require.NoError(t, opened.Close())
}

// open opens the database, which is closed again with the test.
func (made *markedStore) open(t *testing.T) *store.Store {
	t.Helper()
	opened, err := store.NewConfigured(made.config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

// requireBehind asserts that a store only reads, and says why.
func requireBehind(t *testing.T, opened *store.Store, reason string) {
	t.Helper()
	status, err := opened.Status()
	require.NoError(t, err)
	assert.False(t, status.Writable)
	assert.Contains(t, status.Reason, reason)
	assert.Contains(t, status.Reason, "storebus restore")
	err = opened.Set("acme:g", "new", "")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "behind its mark")
	require.NotContains(t, err.Error(), "commits", "tenants learn nothing of each other")
	require.NoError(t, store.KeepHouse(opened))
}

func TestMark_NewConfigured_Good(t *testing.T) {
	t.Run("AStoreThatWasClosedOrKilled", func(t *testing.T) {
		made := newMarkedStore(t)
		require.FileExists(t, made.config.DatabasePath+".mark")
		made.write(t, 20, 21)
		opened := made.open(t)
		require.NoError(t, opened.Set("acme:g", "killed", ""))
		killed := crashCopy(t, opened, made.config.DatabasePath)
		content, err := os.ReadFile(made.config.DatabasePath + ".mark")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(killed+".mark", content, 0o600))
		again := openStore(t, store.StoreConfig{DatabasePath: killed})
		setKeys(t, again, "after")
	})
	t.Run("ATrimmedLog", func(t *testing.T) {
		made := newMarkedStore(t)
		content, err := os.ReadFile(made.config.DatabasePath + ".mark")
		require.NoError(t, err)
		made.config.Retention.Count = 1
		opened := made.open(t)
		writeAll(t, opened, "acme:h", 3000, 0)
		require.NoError(t, store.Settle(opened))
		require.NoError(t, opened.Close())
		require.NoError(t, os.WriteFile(made.config.DatabasePath+".mark", content, 0o600))
		setKeys(t, made.open(t), "after")
	})
	t.Run("ABackupTakesAnIDOfItsOwn", func(t *testing.T) {
		made := newMarkedStore(t)
		opened := made.open(t)
		copied := databasePath(t)
		_, err := opened.Backup(copied)
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		require.NoError(t, os.Rename(copied, made.config.DatabasePath))
		again := made.open(t)
		assert.NotEqual(t, made.id, again.ID())
		setKeys(t, again, "after")
		id := again.ID()
		require.NoError(t, again.Close())
		assert.Equal(t, id, made.open(t).ID(), "it has its own mark now")
	})
	t.Run("NoneInMemory", func(t *testing.T) {
		folder := t.TempDir()
		t.Chdir(folder)
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		setKeys(t, opened, "a")
		require.NoError(t, opened.Close())
		found, err := os.ReadDir(folder)
		require.NoError(t, err)
		assert.Empty(t, found)
	})
}

func TestMark_NewConfigured_Bad(t *testing.T) {
	t.Run("AnOlderCopy", func(t *testing.T) {
		made := newMarkedStore(t)
		require.NoError(t, copyDatabase(made.older, made.config.DatabasePath))
		before, err := os.ReadFile(made.config.DatabasePath)
		require.NoError(t, err)
		opened := made.open(t)
		requireBehind(t, opened, "behind its mark by 10 commits: it ends at commit 10, and the mark has commit 20")
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Len(t, all, 10, "reads go on")
		require.NoError(t, opened.Close())
		after, err := os.ReadFile(made.config.DatabasePath)
		require.NoError(t, err)
		assert.Equal(t, before, after, "nothing was written")
		requireBehind(t, made.open(t), "behind its mark by 10 commits")
	})
	t.Run("AnOlderCopyThatWentOn", func(t *testing.T) {
		made := newMarkedStore(t)
		other := &markedStore{config: store.StoreConfig{DatabasePath: made.older}}
		other.write(t, 50, 70)
		require.NoError(t, copyDatabase(made.older, made.config.DatabasePath))
		requireBehind(t, made.open(t), "the database has another commit 20 than its mark")
	})
	t.Run("AnotherStore", func(t *testing.T) {
		made, other := newMarkedStore(t), newMarkedStore(t)
		require.NoError(t, copyDatabase(other.config.DatabasePath, made.config.DatabasePath))
		requireBehind(t, made.open(t), "the database is of store "+other.id+", and its mark has commit 20 of store "+made.id)
	})
	t.Run("WriteAheadLogRemoved", func(t *testing.T) {
		made := newMarkedStore(t)
		opened := made.open(t)
		for key := range 5 {
			require.NoError(t, opened.Set("acme:g", fmt.Sprint("later", key), ""))
		}
		killed := crashCopy(t, opened, made.config.DatabasePath)
		require.NoError(t, opened.Close())
		content, err := os.ReadFile(made.config.DatabasePath + ".mark")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(killed+".mark", content, 0o600))
		require.NoError(t, os.Remove(killed+"-wal"))
		again := &markedStore{config: store.StoreConfig{DatabasePath: killed}}
		requireBehind(t, again.open(t), "behind its mark by 5 commits")
	})
	t.Run("DatabaseRemoved", func(t *testing.T) {
		made := newMarkedStore(t)
		require.NoError(t, os.Remove(made.config.DatabasePath))
		opened := made.open(t)
		requireBehind(t, opened, "the database is new and empty, and its mark has commit 20 of store "+made.id)
		require.NoError(t, opened.Close())
		requireBehind(t, made.open(t), "the database is new and empty")
	})
}

// What a loss of power, a full disk or an editor can make of a mark never costs data, and never
// passes in silence.
func TestMark_Damaged_Ugly(t *testing.T) {
	made := newMarkedStore(t)
	path := made.config.DatabasePath + ".mark"
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := map[string][]byte{
		"Zeroed": make([]byte, len(whole)), "Garbage": []byte("no mark at all"), "Empty": nil, "Twice": append(slices.Clone(whole), whole...),
		"NoStore": []byte(`{"commit":20,"hash":"1","sum":0}`), "OtherCommit": bytes.Replace(whole, []byte(`"commit":20`), []byte(`"commit":10`), 1),
		"OtherHash": bytes.Replace(whole, []byte(`"hash":"`), []byte(`"hash":"1`), 1),
	}
	for length := 1; length < len(whole)-1; length += 9 {
		damaged[fmt.Sprint("CutAt", length)] = whole[:length]
	}
	for name, content := range damaged {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, content, 0o600))
			before, err := os.ReadFile(made.config.DatabasePath)
			require.NoError(t, err)
			opened, err := store.NewConfigured(made.config)
			require.NoError(t, err)
			status, err := opened.Status()
			require.NoError(t, err)
			assert.True(t, status.BehindMark)
			assert.Contains(t, status.Reason, "storebus.db.mark: the mark is damaged; the database ends at commit 20; ")
			require.ErrorIs(t, opened.Set("acme:g", "new", ""), store.ErrUnavailable)
			all, err := opened.GetAll("acme:g")
			require.NoError(t, err)
			assert.Len(t, all, 20, "reads go on")
			require.NoError(t, opened.Close())
			after, err := os.ReadFile(made.config.DatabasePath)
			require.NoError(t, err)
			assert.Equal(t, before, after, "nothing was written")
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Len(t, left, len(content), "the next start says it again")
		})
	}
	found, err := store.InspectDatabase(t.Context(), made.config.DatabasePath)
	require.NoError(t, err)
	assert.Contains(t, joined(found.Differences), "the mark is damaged")
	t.Run("Accepted", func(t *testing.T) {
		require.NoError(t, store.AcceptDatabase(t.Context(), made.config.DatabasePath))
		opened := made.open(t)
		assert.NotEqual(t, made.id, opened.ID())
		made.id = opened.ID()
		setKeys(t, opened, "after")
		require.NoError(t, opened.Close())
		setKeys(t, made.open(t), "again")
	})
	t.Run("Removed", func(t *testing.T) {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Remove(path))
		opened := made.open(t)
		assert.Equal(t, made.id, opened.ID(), "it counts as the newest one")
		setKeys(t, opened, "removed")
		require.NoError(t, opened.Close())
		assert.FileExists(t, path)
	})
}

// A loss of power leaves the mark before or the new one, and perhaps a part of the new one under its
// other name.
func TestMark_PowerLoss_Ugly(t *testing.T) {
	made := newMarkedStore(t)
	path := made.config.DatabasePath + ".mark"
	earlier, err := os.ReadFile(path)
	require.NoError(t, err)
	made.write(t, 20, 30)
	later, err := os.ReadFile(path)
	require.NoError(t, err)
	newest := databasePath(t)
	require.NoError(t, copyDatabase(made.config.DatabasePath, newest))
	for name, image := range map[string]struct{ mark, partial []byte }{
		"Created": {earlier, []byte{}}, "PartlyWritten": {earlier, later[:20]}, "Written": {earlier, later}, "Renamed": {later, nil}, "First": {nil, later[:20]},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, copyDatabase(newest, made.config.DatabasePath))
			for file, content := range map[string][]byte{path: image.mark, path + ".partial": image.partial} {
				if content == nil {
					require.NoError(t, os.RemoveAll(file))
				} else {
					require.NoError(t, os.WriteFile(file, content, 0o600))
				}
			}
			made.write(t, 30, 31) // the mark may lag
			assert.NoFileExists(t, path+".partial")
			moved, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.NotEqual(t, string(later), string(moved), "it has moved on")
			require.NoError(t, copyDatabase(made.older, made.config.DatabasePath))
			requireBehind(t, made.open(t), "behind its mark by 21 commits")
		})
	}
}

func TestRestore_RestoreDatabase_Good(t *testing.T) {
	made := newMarkedStore(t)
	opened := made.open(t)
	copied := filepath.Join(t.TempDir(), "monday.db")
	_, err := opened.Backup(copied)
	require.NoError(t, err)
	require.NoError(t, opened.Set("acme:g", "later", ""))
	require.NoError(t, opened.Close())

	for _, from := range []string{copied, made.older} {
		restored, err := store.RestoreDatabase(t.Context(), made.config.DatabasePath, from)
		require.NoError(t, err)
		assert.Positive(t, restored.Bytes)
		again := made.open(t)
		id := again.ID()
		assert.NotEqual(t, made.id, id, "consumers see another store")
		setKeys(t, again, "after")
		_, err = again.Get("acme:g", "later")
		require.ErrorIs(t, err, store.ErrNotFound)
		require.NoError(t, again.Close())
		requireSound(t, made.config.DatabasePath)
		again = made.open(t)
		assert.Equal(t, id, again.ID(), "once")
		setKeys(t, again, "again")
		require.NoError(t, again.Close())
		openStore(t, store.StoreConfig{DatabasePath: restored.Aside}) // what was there before is whole
		partial, err := filepath.Glob(filepath.Join(filepath.Dir(made.config.DatabasePath), "*.partial*"))
		require.NoError(t, err)
		assert.Empty(t, partial)
		made.id = id
	}
}

func TestRestore_RestoreDatabase_Bad(t *testing.T) {
	made := newMarkedStore(t)
	path := made.config.DatabasePath
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged, empty := databasePath(t), databasePath(t)
	require.NoError(t, os.WriteFile(damaged, []byte("no database at all, though it is long enough for a header of one, which has a hundred bytes .........."), 0o600))
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	unfinished := databasePath(t)
	require.NoError(t, copyDatabase(made.older, unfinished))
	require.NoError(t, os.WriteFile(unfinished+"-wal", []byte("x"), 0o600))
	for name, from := range map[string]string{
		"Missing": databasePath(t), "Damaged": damaged, "Empty": empty, "Itself": path, "Unfinished": unfinished, "Folder": t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.RestoreDatabase(t.Context(), path, from)
			require.ErrorContains(t, err, "store.RestoreDatabase: ")
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
	t.Run("WhileAStoreHasIt", func(t *testing.T) {
		opened := made.open(t)
		_, err := store.RestoreDatabase(t.Context(), path, made.older)
		require.ErrorIs(t, err, store.ErrDatabaseInUse)
		require.ErrorIs(t, store.AcceptDatabase(t.Context(), path), store.ErrDatabaseInUse)
		setKeys(t, opened, "goes on")
	})
}

func TestRestore_AcceptDatabase_Good(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, made *markedStore) error{
		"OlderCopy": func(_ *testing.T, made *markedStore) error { return copyDatabase(made.older, made.config.DatabasePath) },
		"Missing":   func(_ *testing.T, made *markedStore) error { return os.Remove(made.config.DatabasePath) },
		"NewAndEmpty": func(t *testing.T, made *markedStore) error {
			t.Helper()
			if err := os.Remove(made.config.DatabasePath); err != nil {
				return err
			}
			opened, err := store.NewConfigured(made.config)
			require.NoError(t, err)
			return opened.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			made := newMarkedStore(t)
			require.NoError(t, replace(t, made))
			require.NoError(t, store.AcceptDatabase(t.Context(), made.config.DatabasePath))
			opened := made.open(t)
			assert.NotEqual(t, made.id, opened.ID(), "consumers see another store")
			setKeys(t, opened, "after")
			require.NoError(t, opened.Close())
			setKeys(t, made.open(t), "again")
		})
	}
}

func TestRestore_AcceptDatabase_Bad(t *testing.T) {
	require.ErrorIs(t, store.AcceptDatabase(t.Context(), databasePath(t)), store.ErrNotBehind)
	made := newMarkedStore(t)
	require.ErrorIs(t, store.AcceptDatabase(t.Context(), made.config.DatabasePath), store.ErrNotBehind)
	assert.Equal(t, made.id, made.open(t).ID(), "consumers do not read everything again")
}
