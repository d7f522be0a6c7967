// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// refusal returns why a database is not opened, which must be refused.
func refusal(t *testing.T, path string) error {
	t.Helper()
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
	if err == nil {
		require.NoError(t, opened.Close())
	}
	require.ErrorContains(t, err, "store.NewConfigured: ")
	return err
}

func TestDatabase_Open_Good(t *testing.T) {
	for name, path := range map[string]string{
		"QuestionMark": "what?mode=memory.db",
		"Fragment":     "number #1.db",
		"Percent":      "100%25 %2F.db",
		"Spaces":       " a b ",
		"Colon":        "a:b.db",
		"Quotes":       `'";--.db`,
		"NotASCII":     "ünï.db",
		"Ampersand":    "a&_pragma=x(1).db",
		"NotUTF8":      "\xff.db",
		"LikeAURI":     "file:x?mode=ro",
	} {
		t.Run(name, func(t *testing.T) {
			config := store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), path)}
			opened := openStore(t, config)
			require.NoError(t, opened.Set("acme:config", "theme", "dark"))
			require.FileExists(t, config.DatabasePath)
			opened = reopen(t, opened, config)
			value, err := opened.Get("acme:config", "theme")
			require.NoError(t, err)
			assert.Equal(t, "dark", value)
		})
	}
	t.Run("RelativePath", func(t *testing.T) {
		directory := t.TempDir()
		t.Chdir(directory)
		for _, path := range []string{"storebus.db", "./other.db", "a:b.db"} {
			opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
			require.NoError(t, err)
			require.NoError(t, opened.Set("acme:config", "theme", "dark"))
			require.NoError(t, opened.Close())
			require.FileExists(t, filepath.Join(directory, path))
		}
	})
	t.Run("TwoSlashesInFront", func(t *testing.T) {
		path := databasePath(t)
		opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: "/" + path})
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		require.FileExists(t, path)
	})
	t.Run("EmptyFile", func(t *testing.T) {
		path := databasePath(t)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		opened := openStore(t, store.StoreConfig{DatabasePath: path})
		require.NoError(t, opened.Set("acme:config", "theme", "dark"))
	})
}

func TestDatabase_Open_Bad(t *testing.T) {
	t.Run("FileThatIsNoDatabase", func(t *testing.T) {
		path := databasePath(t)
		content := []byte("this is not a database, though it is long enough to be looked at as one: " + string(make([]byte, 4096)))
		require.NoError(t, os.WriteFile(path, content, 0o600))
		require.ErrorIs(t, refusal(t, path), store.ErrNotAStore)
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, left, "it is left alone")
	})
	t.Run("MissingFolder", func(t *testing.T) {
		require.ErrorIs(t, refusal(t, filepath.Join(t.TempDir(), "missing", "storebus.db")), os.ErrNotExist)
	})
	t.Run("Folder", func(t *testing.T) {
		require.Error(t, refusal(t, t.TempDir()))
	})
	t.Run("UnderAFile", func(t *testing.T) {
		path := databasePath(t)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.Error(t, refusal(t, filepath.Join(path, "storebus.db")))
	})
	t.Run("UnwritableFolder", func(t *testing.T) {
		directory := t.TempDir()
		require.NoError(t, os.Chmod(directory, 0o500))
		t.Cleanup(func() { os.Chmod(directory, 0o700) })
		if os.Geteuid() == 0 {
			// Nothing stops root but a file system that takes no files.
			if directory = "/proc"; runtime.GOOS != "linux" {
				t.Skip("root may write everywhere")
			}
		}
		require.Error(t, refusal(t, filepath.Join(directory, "storebus.db")))
	})
	t.Run("DamagedSchema", func(t *testing.T) {
		path := databasePath(t)
		require.NoError(t, openStore(t, store.StoreConfig{DatabasePath: path}).Close())
		execute(t, path, "ALTER TABLE entries RENAME TO other")
		err := refusal(t, path)
		require.ErrorContains(t, err, "prepare ")
		execute(t, path, "ALTER TABLE other RENAME TO entries")
	})
	t.Run("MayBeOpenedOnceItsFaultIsMended", func(t *testing.T) {
		path := databasePath(t)
		require.NoError(t, os.WriteFile(path, []byte("this is not a database"), 0o600))
		require.Error(t, refusal(t, path))
		require.NoError(t, os.Remove(path))
		openStore(t, store.StoreConfig{DatabasePath: path})
	})
}

func TestDatabase_Open_Ugly(t *testing.T) {
	t.Run("TruncatedFile", func(t *testing.T) {
		path := databasePath(t)
		opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
		require.NoError(t, err)
		require.NoError(t, opened.Set("acme:config", "theme", "dark"))
		require.NoError(t, opened.Close())
		require.NoError(t, os.Truncate(path, 5000))
		require.Error(t, refusal(t, path))
	})
	t.Run("CopyOfAnOpenStore", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		writeAll(t, opened, "acme:g", 1000, 0)
		copied := openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)})
		all, err := copied.GetAll("acme:g")
		require.NoError(t, err)
		assert.Len(t, all, 1000)
	})
	t.Run("WriteAheadLogCutShort", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		setKeys(t, opened, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
		path := crashCopy(t, opened, config.DatabasePath)
		size, err := os.Stat(path + "-wal")
		require.NoError(t, err)
		whole, err := os.ReadFile(path + "-wal")
		require.NoError(t, err)
		for cut := size.Size(); cut > 0; cut -= size.Size() / 10 {
			copied := databasePath(t)
			require.NoError(t, copyDatabase(path, copied))
			require.NoError(t, os.WriteFile(copied+"-wal", whole[:cut], 0o600))
			torn, err := store.NewConfigured(store.StoreConfig{DatabasePath: copied})
			require.NoError(t, err)
			last := revision(t, torn, "acme")
			assert.Len(t, changes(t, torn, "acme", 0), int(last))
			require.NoError(t, torn.Close())
			requireSound(t, copied)
		}
	})
}
