// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestCommand_SetCommand_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	t.Run("TellsNewKeysFromOld", func(t *testing.T) {
		outcome, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(0))})
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 1, Created: true}, outcome)
		outcome, err = submit(opened, store.SetCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(1))})
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 2}, outcome)
	})
	t.Run("RoundsTheExpiryUpToMilliseconds", func(t *testing.T) {
		clock.Advance(1)
		outcome, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "rounded", TimeToLive: time.Second})
		require.NoError(t, err)
		assert.Equal(t, clock.Now().Add(time.Second+time.Millisecond-1), outcome.ExpiresAt)
		entry, err := opened.GetEntry("acme:g", "rounded")
		require.NoError(t, err)
		assert.Equal(t, outcome.ExpiresAt, entry.ExpiresAt)
	})
	t.Run("KeepExpiryKeepsIt", func(t *testing.T) {
		first, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "kept", TimeToLive: time.Minute})
		require.NoError(t, err)
		clock.Advance(time.Second)
		second, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "kept", Value: "new", KeepExpiry: true, TimeToLive: time.Hour})
		require.NoError(t, err)
		assert.Equal(t, first.ExpiresAt, second.ExpiresAt)
		for key, command := range map[string]store.SetCommand{
			"MissingKey":    {Group: "acme:g", Key: "never there", KeepExpiry: true},
			"WithoutExpiry": {Group: "acme:g", Key: "a", KeepExpiry: true},
		} {
			outcome, err := submit(opened, command)
			require.NoError(t, err, key)
			assert.Zero(t, outcome.ExpiresAt, key)
		}
		clock.Advance(time.Hour)
		outcome, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "kept", KeepExpiry: true})
		require.NoError(t, err)
		assert.True(t, outcome.Created)
		assert.Zero(t, outcome.ExpiresAt, "its time had come")
	})
}

func TestCommand_SetCommand_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	for name, test := range map[string]struct {
		command  store.Command
		conflict store.RevisionConflictError
	}{
		"WrongRevision":       {store.SetCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(2))}, store.RevisionConflictError{Group: "acme:g", Key: "a", Expected: 2, Current: 1}},
		"KeyIsThere":          {store.SetCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(0))}, store.RevisionConflictError{Group: "acme:g", Key: "a", Expected: 0, Current: 1}},
		"KeyIsMissing":        {store.SetCommand{Group: "acme:g", Key: "b", IfRevision: pointerTo(uint64(1))}, store.RevisionConflictError{Group: "acme:g", Key: "b", Expected: 1}},
		"DeleteWrongRevision": {store.DeleteCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(2))}, store.RevisionConflictError{Group: "acme:g", Key: "a", Expected: 2, Current: 1}},
		"DeleteKeyIsMissing":  {store.DeleteCommand{Group: "acme:g", Key: "b", IfRevision: pointerTo(uint64(1))}, store.RevisionConflictError{Group: "acme:g", Key: "b", Expected: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			outcome, err := submit(opened, test.command)
			var conflict *store.RevisionConflictError
			require.ErrorAs(t, err, &conflict)
			require.ErrorIs(t, err, store.ErrRevisionConflict)
			assert.Equal(t, test.conflict, *conflict)
			assert.Zero(t, outcome)
		})
	}
	assert.Len(t, changes(t, opened, "acme", 0), 1)
}

func TestCommand_DeleteCommand_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	outcome, err := submit(opened, store.DeleteCommand{Group: "acme:g", Key: "missing"})
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{Revision: 1}, outcome, "the current revision, and nothing was done")
	outcome, err = submit(opened, store.DeleteCommand{Group: "acme:g", Key: "missing", IfRevision: pointerTo(uint64(0))})
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{Revision: 1}, outcome)
	outcome, err = submit(opened, store.DeleteCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(1))})
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{Revision: 2, Deleted: true}, outcome)
}

func TestCommand_Batch_Bad(t *testing.T) {
	t.Run("FailuresLeaveNoTraceAndNeighboursStand", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Limits: store.Limits{GroupBytes: 5, KeyBytes: 5, EntryBytes: 600}})
		results := submitTogether(opened,
			store.SetCommand{Group: "acme:g", Key: "a", Value: "1"},
			store.SetCommand{Group: "acme:new", Key: "b", IfRevision: pointerTo(uint64(7))},
			store.SetCommand{Group: "acme:g", Key: "too long", Value: "2"},
			store.SetCommand{Group: "acme:too long", Key: "c", Value: "2"},
			store.SetCommand{Group: "acme:g", Key: "large", Value: fmt.Sprintf("%200d", 1)},
			store.SetCommand{Group: "acme:g", Key: "ttl", TimeToLive: -1},
			store.SetCommand{Group: "acme:g", Key: "a", Value: "3", IfRevision: pointerTo(uint64(1))},
			store.DeleteCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(1))},
			store.SetCommand{Group: "fresh:g", Key: "d", IfRevision: pointerTo(uint64(1))},
			store.DeleteCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(2))},
			store.SetCommand{Group: "acme:g", Key: "e", Value: "4"},
		)
		for index, want := range []error{nil, store.ErrRevisionConflict, store.ErrInvalidName, store.ErrInvalidName, store.ErrTooLarge,
			store.ErrInvalidTTL, nil, store.ErrRevisionConflict, store.ErrRevisionConflict, nil, nil} {
			require.ErrorIs(t, results[index].err, want, index)
		}
		assert.Equal(t, []string{"set a", "set a", "delete a", "set e"}, brief(changes(t, opened, "acme", 0)))
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"e": "4"}, all)
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, uint64(1), status.Namespaces, "a failed write makes no namespace")
		assert.Equal(t, uint64(1), status.Entries)
	})
	t.Run("BatchOfFailuresIsNoCommit", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		consumer := registerConsumer(t, opened)
		for _, result := range submitTogether(opened,
			store.DeleteCommand{Group: "acme:g", Key: "a"},
			store.SetCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(1))},
		) {
			assert.Zero(t, result.outcome)
		}
		requireNothingNext(t, consumer)
	})
}

func TestCommand_Expiry_Good(t *testing.T) {
	t.Run("ExpiredKeysAreAbsentAtOnce", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		require.NoError(t, opened.Set("acme:g", "stays", "1"))
		for _, key := range []string{"get", "entry", "exists", "all", "page", "iterator", "guard", "delete"} {
			require.NoError(t, opened.SetWithTTL("acme:g", key, "1", time.Second))
		}
		clock.Advance(time.Second - 1)
		exists, err := opened.Exists("acme:g", "get")
		require.NoError(t, err)
		assert.True(t, exists, "nothing expires early")
		release := store.Hold(opened) // Nothing can be logged as expired meanwhile.
		clock.Advance(1)
		requireAbsent(t, opened, release)
	})
	t.Run("TheTimerLogsIt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{})
			events := opened.Watch("acme:g")
			require.NoError(t, opened.SetWithTTL("acme:g", "late", "1", time.Hour))
			require.NoError(t, opened.SetWithTTL("acme:g", "early", "1", 90*time.Second))
			require.NoError(t, opened.SetWithTTL("acme:g", "renewed", "1", time.Minute))
			require.NoError(t, opened.SetWithTTL("acme:g", "renewed", "1", 100*time.Second))
			require.NoError(t, opened.SetWithTTL("acme:g", "cleared", "1", time.Minute))
			require.NoError(t, opened.Set("acme:g", "cleared", "1"))
			require.NoError(t, opened.SetWithTTL("acme:g", "deleted", "1", time.Minute))
			require.NoError(t, opened.Delete("acme:g", "deleted"))
			begin := time.Now()
			received(events)
			for _, want := range []struct {
				key   string
				after time.Duration
			}{{"early", 90 * time.Second}, {"renewed", 100 * time.Second}, {"late", time.Hour}} {
				event := <-events
				assert.Equal(t, store.EventExpire, event.Type)
				assert.Equal(t, want.key, event.Key)
				assert.Equal(t, want.after, time.Since(begin))
				assert.Equal(t, want.after, event.Timestamp.Sub(begin))
				assert.Empty(t, event.Value)
			}
			status, err := opened.Status()
			require.NoError(t, err)
			assert.Equal(t, uint64(1), status.Entries)
		})
	})
	t.Run("ManyExpireTogether", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{})
			writeAll(t, opened, "acme:g", 2000, time.Minute)
			<-time.After(time.Minute)
			synctest.Wait()
			events := changes(t, opened, "acme", 2000)
			assert.Len(t, events, 2000)
			for _, event := range events {
				assert.Equal(t, store.EventExpire, event.Type)
			}
		})
	})
	t.Run("RestartFindsWhatExpiredMeanwhile", func(t *testing.T) {
		clock := newClock()
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
		opened := openStore(t, config)
		require.NoError(t, opened.SetWithTTL("acme:g", "a", "1", time.Second))
		require.NoError(t, opened.SetWithTTL("acme:g", "b", "1", time.Hour))
		require.NoError(t, opened.Close())
		clock.Advance(time.Minute)
		opened = openStore(t, config)
		settle(t, opened)
		assert.Equal(t, []string{"set a", "set b", "expire a"}, brief(changes(t, opened, "acme", 0)))
		clock.Advance(time.Hour)
		settle(t, opened)
		assert.Equal(t, []string{"expire b"}, brief(changes(t, opened, "acme", 3)))
	})
	t.Run("AWriteLogsItFirst", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		writeAll(t, opened, "acme:g", 600, time.Second)
		expireWhileWriting(t, opened, clock, func() { assert.NoError(t, opened.Set("acme:g", "599", "new")) })
		require.NoError(t, store.Settle(opened))
		events := changes(t, opened, "acme", 600)
		require.Len(t, events, 601)
		for index, event := range events {
			if event.Type == store.EventSet {
				assert.True(t, event.Created)
				assert.Equal(t, event.Revision-1, event.Previous)
				assert.Equal(t, []string{"expire 599", "set 599"}, brief(events[index-1:index+1]))
				assert.Less(t, index, 600, "the test wants a write in the midst")
			}
		}
	})
	t.Run("SweepFindsAStepOfTheClock", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now, PurgeInterval: time.Minute})
		require.NoError(t, opened.SetWithTTL("acme:g", "a", "1", time.Hour))
		events := opened.Watch("acme:g")
		clock.Advance(2 * time.Hour)
		require.NoError(t, store.KeepHouse(opened))
		assert.Equal(t, []string{"expire a"}, brief(received(events)))
	})
}

// requireAbsent checks that keys whose time has come are absent for every reader,
// while nothing logs their expiry: the committer is held until the questions wait.
func requireAbsent(t *testing.T, opened *store.Store, release func()) {
	t.Helper()
	keys := func(page store.Page, err error) {
		assert.NoError(t, err)
		if assert.Len(t, page.Entries, 1) {
			assert.Equal(t, "stays", page.Entries[0].Key)
		}
	}
	opened.SubmitPage(store.PageQuery{Group: "acme:g"}, keys)
	opened.SubmitPage(store.PageQuery{Group: "acme:g", Descending: true, KeysOnly: true}, keys)
	opened.SubmitGet("acme:g", "get", func(_ store.Entry, err error) { assert.ErrorIs(t, err, store.ErrNotFound) })
	release()
	_, err := opened.GetEntry("acme:g", "entry")
	require.ErrorIs(t, err, store.ErrNotFound)
	exists, err := opened.Exists("acme:g", "exists")
	require.NoError(t, err)
	assert.False(t, exists)
	all, err := opened.GetAll("acme:g")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"stays": "1"}, all)
	outcome, err := submit(opened, store.DeleteCommand{Group: "acme:g", Key: "delete"})
	require.NoError(t, err)
	assert.False(t, outcome.Deleted)
	outcome, err = submit(opened, store.SetCommand{Group: "acme:g", Key: "guard", IfRevision: pointerTo(uint64(0))})
	require.NoError(t, err)
	assert.True(t, outcome.Created)
}

func TestCommand_Expiry_Ugly(t *testing.T) {
	t.Run("ExpiredBatchLeavesTheTablesRight", func(t *testing.T) {
		// So many that their expiry is not written through to the tables, which then
		// still say that they are due.
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		writeAll(t, opened, "acme:g", 600, time.Second)
		require.NoError(t, store.Settle(opened))
		clock.Advance(time.Minute)
		settle(t, opened)
		require.NoError(t, opened.Close())
	})
	t.Run("DeletedInABatchBeforeItsTime", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		writeAll(t, opened, "acme:g", 50, time.Second)
		require.NoError(t, store.Settle(opened))
		commands := make([]store.Command, 50)
		for index := range commands {
			commands[index] = store.DeleteCommand{Group: "acme:g", Key: fmt.Sprint(index)}
		}
		submitTogether(opened, commands...)
		clock.Advance(time.Minute)
		settle(t, opened)
		assert.Len(t, changes(t, opened, "acme", 0), 100, "what was deleted does not expire")
	})
	t.Run("RenewedInABatchBeforeItsTime", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		writeAll(t, opened, "acme:g", 50, time.Second)
		require.NoError(t, store.Settle(opened))
		writeAll(t, opened, "acme:g", 50, time.Hour)
		clock.Advance(time.Minute)
		settle(t, opened)
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Len(t, all, 50)
		clock.Advance(time.Hour)
		settle(t, opened)
		assert.Len(t, changes(t, opened, "acme", 100), 50)
	})
	t.Run("ClockThatRunsBackwards", func(t *testing.T) {
		clock := newClock()
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
		opened := openStore(t, config)
		require.NoError(t, opened.SetWithTTL("acme:g", "short", "1", time.Second))
		clock.Advance(time.Minute)
		settle(t, opened) // A turn that the clock moves in may set first and expire then.
		require.NoError(t, opened.Set("acme:g", "a", "1"))
		latest := clock.Now()
		clock.Advance(-time.Hour)
		for _, key := range []string{"b", "c"} {
			require.NoError(t, opened.SetWithTTL("acme:g", key, "1", time.Minute))
			entry, err := opened.GetEntry("acme:g", key)
			require.NoError(t, err)
			assert.Equal(t, latest, entry.UpdatedAt)
			assert.Equal(t, latest.Add(time.Minute), entry.ExpiresAt)
			opened = reopen(t, opened, config)
		}
		_, err := opened.Get("acme:g", "short")
		require.ErrorIs(t, err, store.ErrNotFound, "what has expired stays so")
		assert.Equal(t, []string{"set short", "expire short", "set a", "set b", "set c"}, brief(changes(t, opened, "acme", 0)))
		clock.Advance(time.Hour + time.Minute)
		settle(t, opened)
		assert.Equal(t, []string{"expire b", "expire c"}, brief(changes(t, opened, "acme", 5)))
	})
	t.Run("ClockThatMovesBetweenTwoLooks", func(t *testing.T) {
		clock := newClock()
		var step atomic.Int64
		opened := openStore(t, store.StoreConfig{Clock: func() time.Time {
			clock.Advance(time.Duration(step.Load()))
			return clock.Now()
		}})
		require.NoError(t, opened.SetWithTTL("acme:g", "a", "1", time.Second))
		step.Store(int64(400 * time.Millisecond))
		for range 10 {
			outcome, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "a", Value: "2", KeepExpiry: true})
			require.NoError(t, err)
			if outcome.Created {
				break
			}
		}
		step.Store(0)
		events := changes(t, opened, "acme", 0)
		for index, event := range events {
			if event.Type == store.EventExpire {
				assert.True(t, events[index+1].Created)
			}
		}
		assert.Contains(t, brief(events), "expire a")
	})
}
