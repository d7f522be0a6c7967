// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// numbered are the names of keys.
func numbered(from, to int) (keys []string) {
	for key := from; key < to; key++ {
		keys = append(keys, fmt.Sprint(key))
	}
	return keys
}

// openAt opens a database that the test may close.
func openAt(t *testing.T, path string) *store.Store {
	t.Helper()
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

// newestStore is a store with 40 keys, some of them in its file of newest commits.
func newestStore(t *testing.T) (opened *store.Store, path string) {
	t.Helper()
	path = databasePath(t)
	opened = openStore(t, store.StoreConfig{DatabasePath: path})
	setKeys(t, opened, numbered(0, 40)...)
	require.FileExists(t, path+".commits")
	return opened, path
}

// requireAllKeys checks that a copy of a killed store has so many keys and changes, and goes on.
func requireAllKeys(t *testing.T, path string, keys int) {
	t.Helper()
	opened := openAt(t, path)
	all, err := opened.GetAll("acme:g")
	require.NoError(t, err)
	require.Len(t, all, keys)
	events := changes(t, opened, "acme", 0)
	require.Len(t, events, keys)
	for index, event := range events {
		require.Equal(t, uint64(index+1), event.Revision)
	}
	setKeys(t, opened, "after")
	assert.Equal(t, uint64(keys+1), revision(t, opened, "acme"))
	require.NoError(t, opened.Close())
	assert.NoFileExists(t, path+".commits", "a store that was closed is one file")
	found, err := store.InspectDatabase(context.Background(), path)
	require.NoError(t, err)
	assert.Empty(t, found.Differences)
}

func TestNewest_NewConfigured_Good(t *testing.T) {
	t.Run("Killed", func(t *testing.T) {
		opened, path := newestStore(t)
		requireAllKeys(t, crashCopy(t, opened, path), 40)
	})
	t.Run("KilledAndThenLessDurable", func(t *testing.T) {
		opened, path := newestStore(t)
		copied := crashCopy(t, opened, path)
		for number, durability := range []store.Durability{store.DurabilityRelaxed, store.DurabilityFull, store.DurabilityRelaxed, store.DurabilityFull} {
			again := openStore(t, store.StoreConfig{DatabasePath: copied, Durability: durability})
			setKeys(t, again, numbered(40+20*number, 60+20*number)...)
			copied = crashCopy(t, again, copied)
		}
		requireAllKeys(t, copied, 120)
	})
	t.Run("NoneIfNoCommitWaitsForTheDisk", func(t *testing.T) {
		path := databasePath(t)
		opened := openStore(t, store.StoreConfig{DatabasePath: path, Durability: store.DurabilityRelaxed})
		setKeys(t, opened, numbered(0, 40)...)
		assert.NoFileExists(t, path+".commits")
	})
	t.Run("KilledWithoutItsWriteAheadLog", func(t *testing.T) {
		opened, path := newestStore(t)
		require.NoError(t, store.KeepHouse(opened)) // the first commits are in the database
		require.NoError(t, store.KeepHouse(opened))
		setKeys(t, opened, numbered(40, 60)...)
		copied := crashCopy(t, opened, path)
		require.NoError(t, os.RemoveAll(copied+"-wal"))
		requireAllKeys(t, copied, 60)
	})
	t.Run("KilledAgainWhileItRecovers", func(t *testing.T) {
		opened, path := newestStore(t)
		copied := crashCopy(t, opened, path)
		for range 3 {
			again := openAt(t, copied)
			copied = crashCopy(t, again, copied)
		}
		requireAllKeys(t, copied, 40)
	})
	t.Run("BesideCommitsWithSections", func(t *testing.T) {
		opened, path := newestStore(t)
		for key := 40; key < 80; key++ {
			if key%3 == 0 {
				require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: int64(1000 + key)}))
			}
			setKeys(t, opened, fmt.Sprint(key))
			if key%7 == 0 {
				copied := crashCopy(t, opened, path)
				again := openAt(t, copied)
				assert.Equal(t, uint64(key+1), revision(t, again, "acme"))
				quota, err := again.Quota("acme")
				require.NoError(t, err)
				assert.Equal(t, int64(1000+key-key%3), quota.MaxKeys)
				setKeys(t, again, "a", "b")
				requireAllKeys(t, crashCopy(t, again, copied), key+3)
			}
		}
		requireAllKeys(t, crashCopy(t, opened, path), 80)
	})
	t.Run("RequestsWithAnID", func(t *testing.T) {
		opened, path := newestStore(t)
		require.NoError(t, store.KeepHouse(opened)) // the first commits are in the database
		require.NoError(t, store.KeepHouse(opened))
		for number := 1; number <= 20; number++ {
			requireAnswer(t, opened, counted(fmt.Sprint(number)), fmt.Sprint(number), false)
			requireAnswer(t, opened, counted(fmt.Sprint(number)), fmt.Sprint(number), true)
		}
		copied := crashCopy(t, opened, path)
		require.NoError(t, os.RemoveAll(copied+"-wal"))
		for round := range 3 {
			again := openAt(t, copied)
			for number := 1; number <= 20+round; number++ {
				requireAnswer(t, again, counted(fmt.Sprint(number)), fmt.Sprint(number), true)
			}
			requireAnswer(t, again, counted(fmt.Sprint(21+round)), fmt.Sprint(21+round), false)
			copied = crashCopy(t, again, copied)
		}
		again := openAt(t, copied)
		require.NoError(t, again.Close())
		found, err := store.InspectDatabase(context.Background(), copied)
		require.NoError(t, err)
		assert.Empty(t, found.Differences)
		requireAnswer(t, openAt(t, copied), counted("1"), "1", true)
	})
	t.Run("ManyWritersAtOnce", func(t *testing.T) {
		opened, path := newestStore(t)
		var writers sync.WaitGroup
		for writer := range 16 {
			writers.Go(func() {
				for key := range 50 {
					assert.NoError(t, opened.Set("acme:g", fmt.Sprint(writer, " ", key), strings.Repeat("v", 2000)))
				}
			})
		}
		writers.Wait()
		requireAllKeys(t, crashCopy(t, opened, path), 40+16*50)
	})
	t.Run("MoreThanTheFileHasRoomFor", func(t *testing.T) {
		opened, path := newestStore(t)
		for key := 40; key < 90; key++ {
			require.NoError(t, opened.Set("acme:g", fmt.Sprint(key), strings.Repeat("v", 60_000+key)))
		}
		require.NoError(t, opened.Set("acme:g", "large", strings.Repeat("v", 1_000_000)))
		requireAllKeys(t, crashCopy(t, opened, path), 91)
	})
	t.Run("BehindACommitThatDoesNotWait", func(t *testing.T) {
		opened, path := newestStore(t)
		journalled(t, opened, "acme", 1, 2) // the file begins again
		settleJournal(t, opened, 10)
		setKeys(t, opened, "behind")
		copied := crashCopy(t, opened, path)
		require.NoError(t, os.Remove(copied+".commits"))
		exists, err := openAt(t, copied).Exists("acme:g", "behind")
		require.NoError(t, err)
		assert.True(t, exists, "the database has it on disk, and with it the settlement")
	})
	t.Run("ByAnotherName", func(t *testing.T) {
		path, link := databasePath(t), filepath.Join(t.TempDir(), "link.db")
		require.NoError(t, os.Symlink(path, link))
		opened := openAt(t, link)
		setKeys(t, opened, numbered(0, 40)...)
		requireAllKeys(t, crashCopy(t, opened, path), 40)
	})
	t.Run("WhileAnotherProcessHasTheLock", func(t *testing.T) {
		opened, path := newestStore(t)
		copied := crashCopy(t, opened, path)
		raw := openRaw(t, copied)
		_, err := raw.Exec("BEGIN IMMEDIATE")
		require.NoError(t, err)
		again := openAt(t, copied)
		require.Len(t, changes(t, again, "acme", 0), 40)
		_, err = raw.Exec("ROLLBACK")
		require.NoError(t, err)
		require.NoError(t, raw.Close())
		setKeys(t, again, "after")
	})
	for name, zeros := range map[string]bool{"OfWhichTheDatabaseHasAll": false, "OfZeros": true} {
		t.Run("AFileIsLeft/"+name, func(t *testing.T) {
			opened, path := newestStore(t)
			settle(t, opened)
			copied := crashCopy(t, opened, path)
			if zeros {
				require.NoError(t, os.WriteFile(copied+".commits", make([]byte, 1<<20), 0o600))
			}
			require.NoError(t, openAt(t, copied).Close())
			assert.NoFileExists(t, copied+".commits")
			state, err := store.CheckDatabase(context.Background(), copied)
			require.NoError(t, err)
			assert.Equal(t, store.DatabaseSound, state)
		})
	}
	t.Run("ALinkIsNotFollowed", func(t *testing.T) {
		path, other := databasePath(t), filepath.Join(t.TempDir(), "other")
		require.NoError(t, os.WriteFile(other, nil, 0o600))
		require.NoError(t, os.Symlink(other, path+".commits"))
		opened := openAt(t, path)
		setKeys(t, opened, numbered(0, 40)...)
		requireAllKeys(t, crashCopy(t, opened, path), 40)
		content, err := os.ReadFile(other)
		require.NoError(t, err)
		assert.Empty(t, content)
	})
	t.Run("AShortLifeNeedsNone", func(t *testing.T) {
		path := databasePath(t)
		opened := openAt(t, path)
		setKeys(t, opened, "a", "b")
		assert.NoFileExists(t, path+".commits")
	})
}

func TestNewest_NewConfigured_Bad(t *testing.T) {
	refused := func(t *testing.T, path, reason string) {
		t.Helper()
		opened := openAt(t, path)
		requireBehind(t, opened, reason)
		require.NoError(t, opened.Close())
	}
	t.Run("TheFileIsGone", func(t *testing.T) {
		made := newMarkedStore(t)
		opened := made.open(t)
		setKeys(t, opened, numbered(100, 140)...)
		copied := crashCopy(t, opened, made.config.DatabasePath)
		require.NoError(t, opened.Close())
		content, err := os.ReadFile(made.config.DatabasePath + ".mark")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(copied+".mark", content, 0o600))
		require.NoError(t, os.Remove(copied+".commits"))
		refused(t, copied, "is behind its mark by")
	})
	t.Run("DamagedInTheMiddle", func(t *testing.T) {
		opened, path := newestStore(t)
		copied := crashCopy(t, opened, path)
		content, err := os.ReadFile(copied + ".commits")
		require.NoError(t, err)
		content[len(bytes.TrimRight(content, "\x00"))/2] ^= 4
		require.NoError(t, os.WriteFile(copied+".commits", content, 0o600))
		require.NoError(t, opened.Close())
		mark, err := os.ReadFile(path + ".mark")
		require.NoError(t, err)
		for _, marked := range []bool{false, true} {
			if marked {
				require.NoError(t, os.WriteFile(copied+".mark", mark, 0o600))
			}
			for range 2 { // the first start changes nothing of it
				refused(t, copied, "commit")
			}
		}
		found, err := store.InspectDatabase(context.Background(), copied)
		require.NoError(t, err)
		require.Len(t, found.Differences, 1)
		require.NoError(t, store.AcceptDatabase(context.Background(), copied))
		accepted := openAt(t, copied)
		all, err := accepted.GetAll("acme:g")
		require.NoError(t, err)
		assert.Greater(t, len(all), 20, "what is intact is kept")
		setKeys(t, accepted, "after")
	})
	t.Run("AcceptedWithADamagedMark", func(t *testing.T) {
		opened, path := newestStore(t)
		requireAnswer(t, opened, counted("x"), "1", false)
		requireAnswer(t, opened, counted("y"), "2", false)
		copied := crashCopy(t, opened, path)
		require.NoError(t, os.WriteFile(copied+".mark", []byte("damaged"), 0o600))
		again := openAt(t, copied)
		require.ErrorIs(t, again.Set("acme:g", "a", "b"), store.ErrUnavailable)
		require.NoError(t, again.Close())
		require.NoError(t, store.AcceptDatabase(context.Background(), copied))
		accepted := openAt(t, copied)
		all, err := accepted.GetAll("acme:g")
		require.NoError(t, err)
		assert.Len(t, all, 41)
		requireAnswer(t, accepted, counted("x"), "1", true)
		requireAnswer(t, accepted, counted("y"), "2", true)
	})
	t.Run("AcceptedWithAnOlderSchema", func(t *testing.T) {
		opened, path := newestStore(t)
		copied := crashCopy(t, opened, path)
		require.NoError(t, os.WriteFile(copied+".mark", []byte("damaged"), 0o600))
		execute(t, copied, undo16+"PRAGMA user_version = 14")
		require.NoError(t, store.AcceptDatabase(context.Background(), copied))
		all, err := openAt(t, copied).GetAll("acme:g")
		require.NoError(t, err)
		assert.Len(t, all, 40)
	})
	t.Run("AnOlderCopyOfTheDatabase", func(t *testing.T) {
		opened, path := newestStore(t)
		older := crashCopy(t, opened, path)
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 1000})) // the file begins again
		settle(t, opened)
		require.NoError(t, store.KeepHouse(opened))
		require.NoError(t, store.KeepHouse(opened))
		setKeys(t, opened, numbered(40, 60)...)
		newer := crashCopy(t, opened, path)
		require.NoError(t, os.Rename(newer+".commits", older+".commits"))
		refused(t, older, "the database ends at commit ")
		assert.FileExists(t, older+".commits", "nothing is lost of it")
		_, err := store.InspectDatabase(context.Background(), older)
		require.NoError(t, err)

		require.NoError(t, store.AcceptDatabase(context.Background(), older))
		accepted := openAt(t, older)
		setKeys(t, accepted, "after")
		aside, err := filepath.Glob(older + ".commits.replaced-*")
		require.NoError(t, err)
		assert.Len(t, aside, 1)
	})
}

// A file that somebody removes takes nothing with it.
func TestNewest_LookAtPlace_Ugly(t *testing.T) {
	opened, path := newestStore(t)
	require.NoError(t, os.Remove(path+".commits"))
	require.NoError(t, store.KeepHouse(opened))
	setKeys(t, opened, numbered(40, 45)...)
	requireAllKeys(t, crashCopy(t, opened, path), 45)
	setKeys(t, opened, numbered(45, 80)...)
	assert.FileExists(t, path+".commits")
	requireAllKeys(t, crashCopy(t, opened, path), 80)
}

// A write-ahead log of an earlier process may be in memory alone: its fsync may have failed. The file
// keeps its records until the database itself has them.
func TestNewest_GoOn_Ugly(t *testing.T) {
	first, path := newestStore(t)
	require.NoError(t, store.KeepHouse(first))
	require.NoError(t, store.KeepHouse(first))
	setKeys(t, first, numbered(40, 60)...)
	killed := crashCopy(t, first, path)
	again := openAt(t, killed)
	for round := range int64(3) {
		require.NoError(t, again.SetQuota("acme", store.Quota{MaxKeys: 1000 + round})) // waits for the disk
		require.NoError(t, again.Set("acme:g", "0", "again"))
	}
	lost := crashCopy(t, again, killed)
	require.NoError(t, os.Remove(lost+"-wal"))
	all, err := openAt(t, lost).GetAll("acme:g")
	require.NoError(t, err)
	assert.Len(t, all, 60)

	require.NoError(t, store.KeepHouse(again))
	require.NoError(t, store.KeepHouse(again))
	setKeys(t, again, numbered(60, 80)...)
	lost = crashCopy(t, again, killed)
	require.NoError(t, os.Remove(lost+"-wal"))
	all, err = openAt(t, lost).GetAll("acme:g")
	require.NoError(t, err)
	assert.Len(t, all, 80, "the file is used again")
}

// A store whose file cannot be made goes on without it, says so, and tries again.
func TestNewest_Open_Bad(t *testing.T) {
	var logged logged
	path := databasePath(t)
	opened := openStore(t, store.StoreConfig{DatabasePath: path, Logger: logged.logger()})
	require.NoError(t, os.MkdirAll(filepath.Join(path+".commits.partial", "in the way"), 0o700))
	setKeys(t, opened, numbered(0, 60)...)
	assert.Equal(t, 1, strings.Count(logged.String(), `it is tried again" work="making a file for the newest commits"`))
	assert.NoFileExists(t, path+".commits")
	require.NoError(t, os.RemoveAll(path+".commits.partial"))
	setKeys(t, opened, numbered(60, 80)...)
	assert.FileExists(t, path+".commits")
	assert.Contains(t, logged.String(), `goes on" work="making a file for the newest commits"`)
	requireAllKeys(t, crashCopy(t, opened, path), 80)
}

// While the database takes nothing, the file takes a bounded part. Nothing of it is lost.
func TestNewest_Hold_Ugly(t *testing.T) {
	opened, path := newestStore(t)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	taken := 0
	for ; taken < 1000; taken++ {
		if err := opened.Set("acme:g", fmt.Sprint("held ", taken), strings.Repeat("v", 10_000)); err != nil {
			require.ErrorIs(t, err, store.ErrUnavailable)
			break
		}
	}
	require.Less(t, taken, 500)
	require.Len(t, changes(t, opened, "acme", 0), 40+taken, "the log is read from memory")
	require.Len(t, changes(t, opened, "acme", 45), taken-5)
	_, err := opened.Backup(filepath.Join(t.TempDir(), "refused.db"))
	require.ErrorIs(t, err, store.ErrUnavailable, "a backup that lacks something is none")
	requireAllKeys(t, crashCopy(t, opened, path), 40+taken)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	setKeys(t, opened, "taken again")
	requireAllKeys(t, crashCopy(t, opened, path), 41+taken)
}

// The same holds for remembered answers.
func TestNewest_Hold_UglyAnswers(t *testing.T) {
	opened, path := newestStore(t)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	held := 0
	for ; held < 1000; held++ {
		outcome, err := submit(opened, counted(fmt.Sprint(held)))
		if err != nil {
			require.ErrorIs(t, err, store.ErrUnavailable)
			break
		}
		require.Equal(t, fmt.Sprint(held+1), string(outcome.Answer))
	}
	require.Greater(t, held, 10)
	answered := func(opened *store.Store) {
		for number := range held {
			requireAnswer(t, opened, counted(fmt.Sprint(number)), fmt.Sprint(number+1), true)
		}
	}
	answered(openAt(t, crashCopy(t, opened, path)))
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	answered(opened)
	requireAnswer(t, opened, counted("next"), fmt.Sprint(held+1), false)
	copied := crashCopy(t, opened, path)
	require.NoError(t, os.Remove(copied+".commits"))
	answered(openAt(t, copied))
}

// If the file fails, its content on the disk is unknown, and the store stops writing.
func TestNewest_Append_Ugly(t *testing.T) {
	opened, path := newestStore(t)
	require.NoError(t, store.BreakNewest(opened))
	require.ErrorIs(t, opened.Set("acme:g", "unknown", "value"), store.ErrOutcomeUnknown)
	require.ErrorIs(t, opened.Set("acme:g", "refused", "value"), store.ErrUnavailable)
	value, err := opened.Get("acme:g", "39")
	require.NoError(t, err)
	assert.Equal(t, "value", value)
	require.Len(t, changes(t, opened, "acme", 0), 40)
	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err = opened.Backup(backup)
	require.NoError(t, err)
	requireAllKeys(t, backup, 40)
	requireAllKeys(t, crashCopy(t, opened, path), 40)
}
