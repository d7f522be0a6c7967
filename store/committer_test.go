// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// logged is what an operator is told.
type logged struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (logged *logged) Write(text []byte) (int, error) {
	logged.mutex.Lock()
	defer logged.mutex.Unlock()
	return logged.buffer.Write(text)
}

func (logged *logged) String() string {
	logged.mutex.Lock()
	defer logged.mutex.Unlock()
	return logged.buffer.String()
}

func (logged *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(logged, nil)) }

// errFsync is what a COMMIT fails with in these tests.
var errFsync = errors.New("input/output error")

// diskFull returns the error of a database that cannot grow.
func diskFull(t *testing.T) error {
	t.Helper()
	raw, err := sql.Open("sqlite", store.MemoryDatabase)
	require.NoError(t, err)
	raw.SetMaxOpenConns(1)
	_, err = raw.Exec("CREATE TABLE t (v); PRAGMA max_page_count = 1; INSERT INTO t VALUES (zeroblob(100000))")
	require.ErrorContains(t, err, "full")
	require.NoError(t, raw.Close())
	return err
}

func requireValue(t *testing.T, opened *store.Store, key, want string) {
	t.Helper()
	value, err := opened.Get("acme:g", key)
	require.NoError(t, err)
	require.Equal(t, want, value)
}

func requireNoKey(t *testing.T, opened *store.Store, key string) {
	t.Helper()
	exists, err := opened.Exists("acme:g", key)
	require.NoError(t, err)
	require.False(t, exists)
}

func TestCommitter_DiskFull_Bad(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	t.Run("WriteIsRefusedAndTheStoreGoesOn", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		require.NoError(t, store.LeaveRoom(opened, 10))
		err := opened.Set("acme:g", "large", large)
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorContains(t, err, "disk is full")
		requireNoKey(t, opened, "large")
		setKeys(t, opened, "b")
		require.NoError(t, store.LeaveRoom(opened, -1))
		require.NoError(t, opened.Set("acme:g", "large", large))
		assert.Equal(t, []string{"set a", "set b", "set large"}, brief(changes(t, opened, "acme", 0)))
	})
	t.Run("NeighboursThatFitAreApplied", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		events := opened.Watch("*")
		require.NoError(t, store.LeaveRoom(opened, 10))
		results := submitTogether(opened,
			store.SetCommand{Group: "acme:g", Key: "a", Value: "1"},
			store.SetCommand{Group: "acme:g", Key: "large", Value: large},
			store.SetCommand{Group: "acme:g", Key: "a", Value: "2", IfRevision: pointerTo(uint64(1))},
			store.SetCommand{Group: "acme:g", Key: "large", Value: "", IfRevision: pointerTo(uint64(2))},
			store.SetCommand{Group: "acme:g", Key: "b", Value: "3"},
		)
		require.NoError(t, results[0].err)
		require.ErrorIs(t, results[1].err, store.ErrUnavailable)
		require.NoError(t, results[2].err)
		require.ErrorIs(t, results[3].err, store.ErrRevisionConflict, "what it would follow has not happened")
		require.NoError(t, results[4].err)
		assert.Equal(t, []string{"set a", "set a", "set b"}, brief(received(events)))
	})
	t.Run("NothingOfARefusedBatchIsLeft", func(t *testing.T) {
		// The log of the whole batch does not fit, though some of its entries do.
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, store.LeaveRoom(opened, 100))
		var commands []store.Command
		for index := range 16 {
			commands = append(commands, store.SetCommand{Group: "acme:g", Key: fmt.Sprint(index), Value: large[:60_000]})
		}
		refused := 0
		for index, result := range submitTogether(opened, commands...) {
			exists, err := opened.Exists("acme:g", fmt.Sprint(index))
			require.NoError(t, err)
			assert.Equal(t, result.err == nil, exists)
			if result.err != nil {
				assert.ErrorIs(t, result.err, store.ErrUnavailable)
				refused++
			}
		}
		assert.NotZero(t, refused)
		assert.Less(t, refused, 16)
		require.NoError(t, store.LeaveRoom(opened, -1))
	})
	t.Run("RefusedByCommitItself", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		full := diskFull(t)
		require.NoError(t, store.OnCommit(opened, func(func() error) error { return full }))
		for _, result := range submitTogether(opened, store.SetCommand{Group: "acme:g", Key: "a"}, store.SetCommand{Group: "acme:g", Key: "b"}) {
			require.ErrorIs(t, result.err, store.ErrUnavailable)
			assert.Zero(t, result.outcome)
		}
		once := false
		require.NoError(t, store.OnCommit(opened, func(commit func() error) error {
			if !once {
				once = true
				return full
			}
			return commit()
		}))
		for index, result := range submitTogether(opened, store.SetCommand{Group: "acme:g", Key: "a"}, store.SetCommand{Group: "acme:g", Key: "b"}) {
			require.NoError(t, result.err)
			assert.Equal(t, uint64(index+1), result.outcome.Revision)
		}
		status, err := opened.Status()
		require.NoError(t, err)
		assert.True(t, status.Writable)
	})
	t.Run("WhatIsPendingWaitsForRoom", func(t *testing.T) {
		var logged logged
		opened := openStore(t, store.StoreConfig{Logger: logged.logger()})
		release := store.Hold(opened) // So that the store is not idle in between.
		for index := range 100 {
			opened.Submit(store.SetCommand{Group: "acme:g", Key: fmt.Sprint(index), Value: large[:1000]}, func(_ store.Outcome, err error) { assert.NoError(t, err) })
		}
		release()
		require.NoError(t, store.LeaveRoom(opened, 0))
		require.NoError(t, store.Settle(opened))
		assert.Contains(t, logged.String(), `it is tried again" work="bringing the tables up to the log"`)
		requireValue(t, opened, "99", large[:1000])
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Len(t, all, 100)
		require.NoError(t, store.LeaveRoom(opened, -1))
		require.NoError(t, store.Settle(opened))
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Zero(t, status.PendingMaterialisation)
	})
}

func TestCommitter_Commit_Bad(t *testing.T) {
	for name, happens := range map[string]bool{"ThatDidNotHappen": false, "ThatHappenedAllTheSame": true} {
		t.Run(name, func(t *testing.T) {
			var logged logged
			clock := newClock()
			config := store.StoreConfig{DatabasePath: databasePath(t), Logger: logged.logger(), Clock: clock.Now}
			opened := openStore(t, config)
			setKeys(t, opened, "a")
			require.NoError(t, opened.SetWithTTL("acme:g", "expires", "", time.Second))
			consumer := registerConsumer(t, opened)
			events := opened.Watch("*")
			require.NoError(t, store.OnCommit(opened, func(commit func() error) error {
				if happens {
					return errors.Join(commit(), errFsync)
				}
				return errFsync
			}))
			results := submitTogether(opened,
				store.SetCommand{Group: "acme:g", Key: "unknown", Value: "1"},
				store.DeleteCommand{Group: "acme:g", Key: "a"},
			)
			for _, result := range results {
				require.ErrorIs(t, result.err, store.ErrOutcomeUnknown)
				require.ErrorIs(t, result.err, errFsync)
				assert.Zero(t, result.outcome)
			}
			assert.Contains(t, logged.String(), "writes have stopped")
			clock.Advance(time.Hour)
			requireStopped(t, opened)
			requireValue(t, opened, "a", "value")
			requireNoKey(t, opened, "expires")
			assert.Empty(t, events, "nobody is told")
			requireNothingNext(t, consumer)

			opened = reopen(t, opened, config)
			settle(t, opened)
			if happens {
				requireValue(t, opened, "unknown", "1")
				requireNoKey(t, opened, "a")
			} else {
				requireNoKey(t, opened, "unknown")
				requireValue(t, opened, "a", "value")
			}
			setKeys(t, opened, "again")
		})
	}
}

// requireStopped checks that a store reads but does not write, and says why.
func requireStopped(t *testing.T, opened *store.Store) {
	t.Helper()
	commits := 0
	require.NoError(t, store.OnCommit(opened, func(commit func() error) error {
		commits++
		return commit()
	}))
	err := opened.Set("acme:g", "refused", "")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NotErrorIs(t, err, store.ErrOutcomeUnknown, "it has not been tried")
	_, err = opened.RegisterConsumer("new")
	require.ErrorIs(t, err, store.ErrUnavailable)
	status, err := opened.Status()
	require.NoError(t, err)
	assert.False(t, status.Writable)
	assert.Contains(t, status.Reason, errFsync.Error())
	_, err = opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme"})
	require.NoError(t, err)
	_, err = opened.GetAll("acme:g")
	require.NoError(t, err)
	require.NoError(t, store.KeepHouse(opened))
	require.NoError(t, store.Settle(opened))
	assert.Zero(t, commits, "no transaction is tried")
}

// TestCommitter_Commit_Ugly has the COMMIT of what the store does for itself fail: it
// leaves the same doubt about the disk.
func TestCommitter_Commit_Ugly(t *testing.T) {
	fail := func(t *testing.T, opened *store.Store) {
		t.Helper()
		require.NoError(t, store.OnCommit(opened, func(func() error) error { return errFsync }))
	}
	for name, test := range map[string]func(t *testing.T, opened *store.Store, clock *testClock){
		"OfTrimming": func(t *testing.T, opened *store.Store, clock *testClock) {
			t.Helper()
			clock.Advance(2 * time.Hour)
			setKeys(t, opened, "b")
			require.NoError(t, store.OnCommitter(opened, func() error { return nil }))
			fail(t, opened)
			require.NoError(t, store.KeepHouse(opened))
			require.NoError(t, store.Settle(opened))
			require.NoError(t, store.KeepHouse(opened))
		},
		"OfWatermarks": func(t *testing.T, opened *store.Store, _ *testClock) {
			t.Helper()
			consumer := registerConsumer(t, opened)
			setKeys(t, opened, "b")
			next(t, consumer, 1)
			consumer.Acknowledge()
			require.NoError(t, store.Settle(opened))
			fail(t, opened)
			require.NoError(t, store.KeepHouse(opened))
			require.NoError(t, store.KeepHouse(opened))
		},
		"OfAConsumer": func(t *testing.T, opened *store.Store, _ *testClock) {
			t.Helper()
			fail(t, opened)
			_, err := opened.RegisterConsumer("failed")
			require.ErrorIs(t, err, store.ErrOutcomeUnknown)
		},
		"OfTheTables": func(t *testing.T, opened *store.Store, _ *testClock) {
			t.Helper()
			writeAll(t, opened, "acme:g", 100, 0)
			fail(t, opened)
			require.NoError(t, store.Settle(opened))
		},
		"OfAnExpiry": func(t *testing.T, opened *store.Store, clock *testClock) {
			t.Helper()
			require.NoError(t, opened.SetWithTTL("acme:g", "expires", "", time.Second))
			fail(t, opened)
			clock.Advance(time.Minute)
			settle(t, opened)
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Retention: store.Retention{Age: time.Hour}}
			opened := openStore(t, config)
			setKeys(t, opened, "a")
			require.NoError(t, store.Settle(opened))
			test(t, opened, clock)
			requireStopped(t, opened)
			opened = reopen(t, opened, config)
			requireValue(t, opened, "a", "value")
			setKeys(t, opened, "again")
		})
	}
}

func TestCommitter_Begin_Bad(t *testing.T) {
	t.Run("AnotherProcessWrites", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		require.NoError(t, store.Execute(opened, "PRAGMA busy_timeout = 1"))
		raw := openRaw(t, config.DatabasePath)
		_, err := raw.Exec("BEGIN IMMEDIATE")
		require.NoError(t, err)
		err = opened.Set("acme:g", "a", "")
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorContains(t, err, "another process holds the database")
		_, err = raw.Exec("ROLLBACK")
		require.NoError(t, err)
		require.NoError(t, raw.Close())
		setKeys(t, opened, "a")
	})
	t.Run("DatabaseIsReadOnly", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
		err := opened.Set("acme:g", "a", "")
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorContains(t, err, "database is read-only")
		requireNoKey(t, opened, "a")
		require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
		setKeys(t, opened, "a")
	})
}

func TestCommitter_Expiry_Bad(t *testing.T) {
	var logged logged
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Logger: logged.logger()})
	require.NoError(t, opened.SetWithTTL("acme:g", "a", "", time.Second))
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	clock.Advance(time.Minute)
	settle(t, opened)
	requireNoKey(t, opened, "a")
	assert.Contains(t, logged.String(), `it is tried again" work=expiry`)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	clock.Advance(time.Minute)
	settle(t, opened)
	assert.Equal(t, []string{"set a", "expire a"}, brief(changes(t, opened, "acme", 0)))
}

// TestCommitter_Tables_Ugly takes tables away under an open store: every operation
// that needs them fails, nothing is half done, and it goes on when they are back.
func TestCommitter_Tables_Ugly(t *testing.T) {
	for _, table := range []string{"commits", "namespace_commits", "entries", "groups", "namespaces", "consumers", "meta", "deletions"} {
		t.Run(table, func(t *testing.T) {
			var logged logged
			clock := newClock()
			config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Logger: logged.logger(), Retention: store.Retention{Count: 2}}
			opened := openStore(t, config)
			setKeys(t, opened, "a", "b")
			require.NoError(t, opened.SetWithTTL("other:g", "expires", "", time.Second))
			opened = reopen(t, opened, config) // Nothing is in memory.
			consumer := registerConsumer(t, opened)
			require.NoError(t, store.Execute(opened, "ALTER TABLE "+table+" RENAME TO moved"))

			ctx := context.Background()
			var failures []error
			take := func(err error) { failures = append(failures, err) }
			_, err := opened.Get("acme:g", "a")
			take(err)
			_, err = opened.GetAll("acme:g")
			take(err)
			_, err = opened.GetPage("acme:g", 1, 1)
			take(err)
			_, err = opened.GetPage("acme:g", 0, 1)
			take(err)
			_, err = opened.Exists("acme:g", "b")
			take(err)
			_, err = opened.Changes(ctx, store.ChangesQuery{Namespace: "acme", After: 1})
			take(err)
			_, err = opened.RegisterConsumer("new")
			take(err)
			for _, read := range reads(opened) {
				take(read())
			}
			take(opened.Set("acme:g", "c", ""))
			take(opened.Delete("acme:g", "b"))
			take(opened.DeleteGroup("other:g"))
			clock.Advance(time.Hour)
			settle(t, opened)
			require.NoError(t, store.KeepHouse(opened))
			require.NoError(t, store.Settle(opened))
			if err := errors.Join(failures...); err == nil {
				assert.Contains(t, logged.String(), "it is tried again")
			}

			require.NoError(t, store.Execute(opened, "ALTER TABLE moved RENAME TO "+table))
			clock.Advance(time.Hour)
			settle(t, opened)
			setKeys(t, opened, "d")
			requireValue(t, opened, "d", "value")
			_ = consumer
			require.NoError(t, store.Settle(opened))
		})
	}
}

func TestCommitter_KeepHouse_Good(t *testing.T) {
	t.Run("AnIdleStoreIsOneFile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			config := store.StoreConfig{DatabasePath: databasePath(t)}
			opened := openStore(t, config)
			writeAll(t, opened, "acme:g", 1000, 0)
			<-time.After(3 * time.Second)
			requireSoundCopy(t, opened, config.DatabasePath)
		})
	})
	t.Run("CheckpointThatFailsIsSaid", func(t *testing.T) {
		var logged logged
		config := store.StoreConfig{DatabasePath: databasePath(t), Logger: logged.logger()}
		opened := openStore(t, config)
		setKeys(t, opened, "a")
		require.NoError(t, store.Execute(opened, "PRAGMA busy_timeout = 1"))
		raw := openRaw(t, config.DatabasePath)
		defer raw.Close()
		rows, err := raw.Query("SELECT id FROM commits")
		require.NoError(t, err)
		defer rows.Close()
		require.True(t, rows.Next())
		for range 2 {
			require.NoError(t, store.KeepHouse(opened))
		}
		require.NoError(t, rows.Err())
		setKeys(t, opened, "b")
	})
}

// requireSoundCopy checks that the main file alone holds everything.
func requireSoundCopy(t *testing.T, opened *store.Store, path string) {
	t.Helper()
	copied := crashCopy(t, opened, path)
	requireSound(t, copied)
}
