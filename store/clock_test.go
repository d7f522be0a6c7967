// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestClock_Now_Ugly sets the clock back after a key was seen to have expired, and
// before that is logged.
func TestClock_Now_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	require.NoError(t, opened.SetWithTTL("acme:g", "a", "", time.Second))
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	clock.Advance(2 * time.Second)
	requireNoKey(t, opened, "a")
	clock.Advance(-time.Hour)
	for range 2 {
		requireNoKey(t, opened, "a")
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Empty(t, all)
	}
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	setKeys(t, opened, "b")
	settle(t, opened)
	assert.Contains(t, brief(changes(t, opened, "acme", 0)), "set b")
	requireNoKey(t, opened, "a")
}

// writeWithIDs writes keys with ids, a second apart.
func writeWithIDs(t *testing.T, opened *store.Store, clock *testClock, from, count int) {
	t.Helper()
	for index := range count {
		command := store.SetCommand{Group: "acme:g", Key: "a"}
		_, err := submit(opened, requested{command, store.Request{ID: fmt.Sprint(from + index), Answer: describeOutcome}})
		require.NoError(t, err)
		clock.Advance(time.Second)
	}
}

// TestClock_Window_Ugly commits once a year ahead: ids are forgotten after the window,
// and the log is trimmed by age, across restarts too.
func TestClock_Window_Ugly(t *testing.T) {
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Elapsed: clock.Elapsed, Retention: store.Retention{Age: time.Hour}}
	opened := openStore(t, config)
	clock.Set(365 * 24 * time.Hour)
	setKeys(t, opened, "a")
	clock.Set(-365 * 24 * time.Hour)
	opened = reopen(t, opened, config)
	for from := 0; from < 500; from += 125 {
		writeWithIDs(t, opened, clock, from, 125)
		require.NoError(t, store.KeepHouse(opened))
		_, err := store.ClearRetries(opened)
		require.NoError(t, err)
		rows, known, err := store.RememberedAnswers(opened)
		require.NoError(t, err)
		assert.LessOrEqual(t, rows, 125+16, "a generation goes as a whole")
		assert.LessOrEqual(t, known, 125+16)
	}
	opened = reopen(t, opened, config)
	clock.Advance(2 * time.Hour)
	setKeys(t, opened, "b")
	for range 10 { // a slice at a time
		require.NoError(t, store.KeepHouse(opened))
		require.NoError(t, store.Settle(opened))
	}
	assert.Equal(t, []string{"set b"}, brief(changes(t, opened, "acme", 501)))
	_, err := opened.Changes(t.Context(), store.ChangesQuery{Namespace: "acme", After: 100})
	require.ErrorIs(t, err, store.ErrCompacted)
}

// TestClock_Save_Ugly kills a store that runs ahead and commits nothing: it goes on from
// where it was a minute ago at most.
func TestClock_Save_Ugly(t *testing.T) {
	var logged logged
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Elapsed: clock.Elapsed, Logger: logged.logger()}
	opened := openStore(t, config)
	clock.Set(time.Hour)
	setKeys(t, opened, "a")
	clock.Set(-time.Hour)
	clock.Advance(10 * time.Minute)
	require.NoError(t, store.KeepHouse(opened))
	clock.Advance(30 * time.Second)
	require.NoError(t, store.KeepHouse(opened))
	copied := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, store.OnCommitter(opened, func() error { return copyDatabase(config.DatabasePath, copied) }))
	before, err := opened.Status()
	require.NoError(t, err)
	assert.Equal(t, time.Hour-10*time.Minute/100-300*time.Millisecond, before.ClockAhead)
	config.DatabasePath = copied
	status, err := openStore(t, config).Status()
	require.NoError(t, err)
	assert.Equal(t, time.Hour-10*time.Minute/100-30*time.Second, status.ClockAhead)
	assert.Contains(t, logged.String(), "the newest commit is ahead of the wall clock")

	t.Run("Refused", func(t *testing.T) {
		full := diskFull(t)
		require.NoError(t, store.OnCommit(opened, func(func() error) error { return full }))
		for range 3 {
			clock.Advance(time.Minute)
			require.NoError(t, store.KeepHouse(opened))
		}
		assert.Equal(t, 1, strings.Count(logged.String(), "saving the store's time"), "%s", logged.String())
		require.NoError(t, store.OnCommit(opened, func(commit func() error) error { return commit() }))
	})
}

// TestClock_Log_Good tells each change of the clocks once, and of a step forward.
func TestClock_Log_Good(t *testing.T) {
	var logged logged
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Elapsed: clock.Elapsed, Logger: logged.logger()})
	look := func(text string, times int) {
		t.Helper()
		for range 3 {
			require.NoError(t, store.KeepHouse(opened))
		}
		assert.Equal(t, times, strings.Count(logged.String(), text), "%s", logged.String())
	}
	setKeys(t, opened, "a")
	clock.Set(-900 * time.Millisecond)
	look("level", 0)
	clock.Set(-time.Second)
	look("the wall clock was set back", 1)
	clock.Set(-time.Hour)
	look("the wall clock was set back", 1)
	clock.Set(2 * time.Hour)
	look("the wall clock has caught up", 1)
	clock.Set(9 * time.Second)
	look("set forward", 0)
	clock.Set(10 * time.Second)
	look("set forward", 1)
	clock.Advance(time.Hour)
	look("level", 3)
}

// TestClock_Sources_Good reads the clocks that a configuration gives.
func TestClock_Sources_Good(t *testing.T) {
	clock := newClock()
	for name, config := range map[string]store.StoreConfig{
		"Clock": {Clock: clock.Now}, "Both": {Clock: clock.Now, Elapsed: clock.Elapsed}, "Elapsed": {Elapsed: clock.Elapsed}, "None": {},
	} {
		t.Run(name, func(t *testing.T) {
			opened := openStore(t, config)
			before := time.Now().UTC()
			if config.Clock != nil {
				before = clock.Now()
			}
			setKeys(t, opened, "a")
			entry, err := opened.GetEntry("acme:g", "a")
			require.NoError(t, err)
			assert.False(t, entry.UpdatedAt.Before(before))
			if config.Clock == nil {
				assert.False(t, entry.UpdatedAt.After(time.Now()))
				return
			}
			assert.Equal(t, before, entry.UpdatedAt)
			clock.Advance(-time.Hour)
			settle(t, opened)
			clock.Advance(time.Minute)
			setKeys(t, opened, "a")
			again, err := opened.GetEntry("acme:g", "a")
			require.NoError(t, err)
			assert.Equal(t, 59400*time.Millisecond, again.UpdatedAt.Sub(entry.UpdatedAt))
		})
	}
}

// TestClock_Timer_Good has a key expire by the store's own timer, while its clock is
// slower than the machine's.
func TestClock_Timer_Good(t *testing.T) {
	var step atomic.Int64
	step.Store(int64(time.Hour))
	clock := func() time.Time { return time.Now().Add(time.Duration(step.Load())) }
	begun := time.Now()
	opened := openStore(t, store.StoreConfig{Clock: clock, Elapsed: func() time.Duration { return time.Since(begun) }})
	setKeys(t, opened, "a")
	step.Store(0)
	require.NoError(t, opened.SetWithTTL("acme:g", "brief", "", 100*time.Millisecond))
	events, err := opened.Changes(t.Context(), store.ChangesQuery{Namespace: "acme", After: 2, Wait: time.Minute})
	require.NoError(t, err)
	assert.Equal(t, []string{"expire brief"}, brief(events.Events))
}
