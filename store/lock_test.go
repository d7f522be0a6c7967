// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestLock_NewConfigured_Bad(t *testing.T) {
	path := databasePath(t)
	opened := openStore(t, store.StoreConfig{DatabasePath: path})
	directory := filepath.Dir(path)
	link := filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.Symlink(path, link))
	folderLink := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.Symlink(directory, folderLink))
	hardLink := filepath.Join(t.TempDir(), "hard.db")
	require.NoError(t, os.Link(path, hardLink))
	for name, other := range map[string]string{
		"SamePath":          path,
		"OtherSpelling":     filepath.Join(directory, "..", filepath.Base(directory), ".", filepath.Base(path)),
		"SymbolicLink":      link,
		"LinkedFolder":      filepath.Join(folderLink, filepath.Base(path)),
		"LinkOfALinkToItIs": filepath.Join(folderLink, ".", filepath.Base(path)),
		"HardLink":          hardLink,
	} {
		t.Run(name, func(t *testing.T) {
			err := refusal(t, other)
			require.ErrorIs(t, err, store.ErrDatabaseInUse)
			assert.ErrorContains(t, err, fmt.Sprintf("%s: database is in use by process %d", other, os.Getpid()))
		})
	}
	t.Run("OwnerThatIsNotSaid", func(t *testing.T) {
		require.NoError(t, os.WriteFile(path+".lock", nil, 0o600))
		require.ErrorContains(t, refusal(t, path), "in use by another process")
	})
	t.Run("LockFileRemoved", func(t *testing.T) {
		require.NoError(t, os.Remove(path+".lock"))
		require.ErrorIs(t, refusal(t, path), store.ErrDatabaseInUse)
	})
	t.Run("CheckOfAnOpenDatabase", func(t *testing.T) {
		for _, other := range []string{path, link, hardLink} {
			_, err := store.CheckDatabase(t.Context(), other)
			require.ErrorIs(t, err, store.ErrDatabaseInUse, other)
		}
	})
	require.NoError(t, opened.Set("acme:g", "a", ""), "its owner goes on")
	t.Run("FreeAfterClose", func(t *testing.T) {
		require.NoError(t, opened.Close())
		openStore(t, store.StoreConfig{DatabasePath: link})
	})
}

func TestLock_NewConfigured_Ugly(t *testing.T) {
	t.Run("LinkToAFileThatIsNotThereYet", func(t *testing.T) {
		path := databasePath(t)
		folder := t.TempDir()
		links := filepath.Join(folder, "links")
		require.NoError(t, os.Mkdir(links, 0o700))
		first, second := filepath.Join(links, "first.db"), filepath.Join(links, "second.db")
		relative, err := filepath.Rel(links, path)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(relative, first))
		require.NoError(t, os.Symlink("first.db", second))
		openStore(t, store.StoreConfig{DatabasePath: second})
		for _, other := range []string{path, first, second} {
			require.ErrorIs(t, refusal(t, other), store.ErrDatabaseInUse, other)
		}
	})
	t.Run("LinkToItself", func(t *testing.T) {
		path := databasePath(t)
		require.NoError(t, os.Symlink(path, path))
		require.Error(t, refusal(t, path))
	})
	t.Run("LockThatCannotBeTaken", func(t *testing.T) {
		path := databasePath(t)
		require.NoError(t, os.Mkdir(path+".lock", 0o700))
		require.Error(t, refusal(t, path))
	})
	t.Run("ChecksDoNotKeepEachOtherOut", func(t *testing.T) {
		path := databasePath(t)
		require.NoError(t, openStore(t, store.StoreConfig{DatabasePath: path}).Close())
		var checking sync.WaitGroup
		for range 8 {
			checking.Go(func() {
				state, err := store.CheckDatabase(t.Context(), path)
				assert.NoError(t, err)
				assert.Equal(t, store.DatabaseSound, state)
			})
		}
		checking.Wait()
		openStore(t, store.StoreConfig{DatabasePath: path})
	})
	t.Run("ManyAtOnceHaveOneWinner", func(t *testing.T) {
		path := databasePath(t)
		var winners atomic.Int64
		var opening sync.WaitGroup
		owners := make(chan *store.Store, 20)
		for range 20 {
			opening.Go(func() {
				opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
				if err != nil {
					assert.ErrorIs(t, err, store.ErrDatabaseInUse)
					return
				}
				winners.Add(1)
				owners <- opened
			})
		}
		opening.Wait()
		assert.Equal(t, int64(1), winners.Load())
		require.NoError(t, (<-owners).Close())
		requireSound(t, path)
	})
}
