// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// files returns the names in a folder.
func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestBackup_Status_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for index := range 50 {
		require.NoError(t, opened.Set("acme:large", fmt.Sprint(index), strings.Repeat("x", 100_000)))
	}
	copied := func() int64 {
		status, err := opened.Status()
		require.NoError(t, err)
		return status.BackedUpBytes
	}
	folder, seen := t.TempDir(), int64(0)
	for number := 0; seen == 0; number++ { // a backup may be over before it is looked at
		done := make(chan error, 1)
		opened.SubmitBackup(filepath.Join(folder, fmt.Sprintf("%d.db", number)), func(_ int64, err error) { done <- err })
		for len(done) == 0 {
			seen = max(seen, copied())
		}
		require.NoError(t, <-done)
	}
	assert.Zero(t, seen%4096, "whole pages")
	assert.Zero(t, copied(), "none is under way")
}

func TestBackup_Backup_Good(t *testing.T) {
	t.Parallel()
	var logged logged
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 10_000}))
	writeAll(t, opened, "acme:g", 3000, 0)
	for index := range 50 {
		require.NoError(t, opened.Set("acme:large", fmt.Sprint(index), strings.Repeat("x", 100_000)))
	}
	config := store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), "what? #1%.db"), Logger: logged.logger()}
	bytes, err := opened.Backup(config.DatabasePath)
	require.NoError(t, err)
	t.Run("IsOnePrivateFile", func(t *testing.T) {
		assert.Equal(t, []string{"what? #1%.db"}, files(t, filepath.Dir(config.DatabasePath)))
		information, err := os.Stat(config.DatabasePath)
		require.NoError(t, err)
		assert.Equal(t, information.Size(), bytes)
		assert.Equal(t, fs.FileMode(0o600), information.Mode())
	})
	setKeys(t, opened, "later")
	copied := openStore(t, config)
	t.Run("HoldsWhatWasCommitted", func(t *testing.T) {
		all, err := copied.GetAll("acme:g")
		require.NoError(t, err)
		assert.Len(t, all, 3000)
		quota, err := copied.Quota("acme")
		require.NoError(t, err)
		assert.Equal(t, store.Quota{MaxKeys: 10_000}, quota)
		assert.Equal(t, public(changes(t, opened, "acme", 0))[:3050], public(changes(t, copied, "acme", 0)))
	})
	id := copied.ID()
	copied = reopen(t, copied, config)
	t.Run("HasAnIDOfItsOwn", func(t *testing.T) {
		assert.NotEqual(t, opened.ID(), id)
		assert.Len(t, id, len(opened.ID()))
		assert.Equal(t, id, copied.ID())
		assert.Equal(t, 1, strings.Count(logged.String(), "the database is a backup"))
		assert.Contains(t, logged.String(), "store="+id+" backup_of="+opened.ID())
	})
	t.Run("OfABackup", func(t *testing.T) {
		again := store.StoreConfig{DatabasePath: databasePath(t)}
		_, err := copied.Backup(again.DatabasePath)
		require.NoError(t, err)
		assert.NotEqual(t, id, openStore(t, again).ID())
	})
	t.Run("OfAStoreInMemory", func(t *testing.T) {
		memory := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		require.NoError(t, memory.Set("acme:g", "a", "value"))
		path := databasePath(t)
		_, err := memory.Backup(path)
		require.NoError(t, err)
		requireValue(t, openStore(t, store.StoreConfig{DatabasePath: path}), "a", "value")
	})
}

func TestBackup_Backup_Bad(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	setKeys(t, opened, "a")
	t.Run("OverwritesNothing", func(t *testing.T) {
		taken := filepath.Join(t.TempDir(), "taken")
		require.NoError(t, os.WriteFile(taken, []byte("content"), 0o600))
		for _, path := range []string{taken, filepath.Dir(taken), config.DatabasePath} {
			_, err := opened.Backup(path)
			require.ErrorIs(t, err, fs.ErrExist)
			require.ErrorContains(t, err, "store.Backup: back up into "+path)
		}
		assert.Equal(t, []string{"taken"}, files(t, filepath.Dir(taken)))
		content, err := os.ReadFile(taken)
		require.NoError(t, err)
		assert.Equal(t, "content", string(content))
	})
	t.Run("MissingFolder", func(t *testing.T) {
		_, err := opened.Backup(filepath.Join(t.TempDir(), "missing", "backup.db"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
	t.Run("OneAtATime", func(t *testing.T) {
		release := store.Hold(opened)
		path, errs := databasePath(t), make(chan error, 1)
		opened.SubmitBackup(path, func(_ int64, err error) { errs <- err })
		_, err := opened.Backup(databasePath(t))
		require.ErrorIs(t, err, store.ErrBackupUnderway)
		assert.NoFileExists(t, path)
		release()
		require.NoError(t, <-errs)
		_, err = opened.Backup(databasePath(t))
		require.NoError(t, err)
	})
	t.Run("Closed", func(t *testing.T) {
		require.NoError(t, opened.Close())
		for range 2 {
			_, err := opened.Backup(databasePath(t))
			require.ErrorIs(t, err, store.ErrClosed)
		}
	})
}

// TestBackup_SubmitBackup_Bad asks a closed store for a backup under a name that is not allowed.
func TestBackup_SubmitBackup_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Close())
	_, err := opened.Backup(filepath.Join(t.TempDir(), "backup.db-wal"))
	require.ErrorIs(t, err, store.ErrClosed)
}

// TestBackup_Backup_Ugly backs up while writers run, and while the store is closed.
func TestBackup_Backup_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("WhileWritersRun", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed}
		opened := openStore(t, config)
		for index := range 100 {
			require.NoError(t, opened.Set("acme:large", fmt.Sprint(index), strings.Repeat("x", 50_000)))
		}
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for writer := range 4 {
			writers.Go(func() {
				for round := 0; ; round++ {
					select {
					case <-stop:
						return
					default:
					}
					key := fmt.Sprint(round % 200)
					if !assert.NoError(t, opened.Set(fmt.Sprintf("acme:%d", writer), key, strings.Repeat(key, round%3000))) {
						return
					}
					if round%3 == 0 && !assert.NoError(t, opened.Delete(fmt.Sprintf("acme:%d", writer), fmt.Sprint(round%77))) {
						return
					}
				}
			})
		}
		for range 5 {
			path := databasePath(t)
			before := revision(t, opened, "acme")
			_, err := opened.Backup(path)
			require.NoError(t, err)
			after := revision(t, opened, "acme")
			copied, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
			require.NoError(t, err)
			at := revision(t, copied, "acme")
			assert.GreaterOrEqual(t, at, before)
			assert.LessOrEqual(t, at, after)
			assert.Equal(t, changes(t, opened, "acme", 0)[:at], changes(t, copied, "acme", 0))
			require.NoError(t, copied.Close())
			requireSound(t, path) // The tables are what the log makes of them.
		}
		close(stop)
		writers.Wait()
	})
	t.Run("CloseEndsIt", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		for index := range 50 {
			require.NoError(t, opened.Set("acme:large", fmt.Sprint(index), strings.Repeat("x", 100_000)))
		}
		path, errs, closed := databasePath(t), make(chan error, 1), make(chan error, 1)
		release := store.Hold(opened)
		opened.SubmitBackup(path, func(_ int64, err error) { errs <- err })
		go func() { closed <- opened.Close() }()
		for !store.Closing(opened) {
			assert.Empty(t, closed)
		}
		release()
		require.ErrorIs(t, <-errs, store.ErrClosed)
		require.NoError(t, <-closed)
		assert.Empty(t, files(t, filepath.Dir(path)))
	})
	t.Run("CopyThatWasNotFinishedIsInNobodysWay", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		path := databasePath(t)
		require.NoError(t, os.WriteFile(path+".1.partial", []byte("half"), 0o600))
		_, err := opened.Backup(path)
		require.NoError(t, err)
	})
}
