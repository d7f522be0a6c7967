// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestTouch_TouchCommand_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	require.NoError(t, opened.SetWithTTL("acme:g", "a", "value", time.Second))
	clock.Advance(1)
	t.Run("GivesAnExpiryAndCarriesTheEntry", func(t *testing.T) {
		outcome, err := submit(opened, store.TouchCommand{Group: "acme:g", Key: "a", TimeToLive: time.Minute, IfRevision: pointerTo(uint64(1))})
		require.NoError(t, err)
		want := store.Entry{
			Group: "acme:g", Key: "a", Value: "value", Revision: 2, UpdatedAt: clock.Now(),
			ExpiresAt: clock.Now().Add(time.Minute + time.Millisecond - 1),
		}
		assert.Equal(t, store.Outcome{Revision: 2, ExpiresAt: want.ExpiresAt, Entry: &want}, outcome, "rounded up to milliseconds")
		entry, err := opened.GetEntry("acme:g", "a")
		require.NoError(t, err)
		assert.Equal(t, want, entry)
	})
	t.Run("TakesTheExpiryAway", func(t *testing.T) {
		outcome, err := submit(opened, store.TouchCommand{Group: "acme:g", Key: "a", TraceParent: "00-trace-01"})
		require.NoError(t, err)
		assert.Zero(t, outcome.ExpiresAt)
		clock.Advance(time.Hour)
		settle(t, opened)
		requireValue(t, opened, "a", "value")
	})
	events := changes(t, opened, "acme", 1)
	require.Equal(t, []string{"touch a", "touch a"}, brief(events))
	assert.Empty(t, events[0].Value, "the log does not repeat it")
	assert.NotZero(t, events[0].ExpiresAt)
	assert.Equal(t, store.Event{
		Type: store.EventTouch, Namespace: "acme", Group: "acme:g", Key: "a", Revision: 3, Previous: 2,
		Timestamp: events[1].Timestamp, TraceParent: "00-trace-01",
	}, events[1])
	t.Run("MovesTheDeadline", func(t *testing.T) {
		require.NoError(t, opened.SetWithTTL("acme:g", "moved", "", time.Minute))
		_, err := opened.Touch("acme:g", "moved", time.Hour)
		require.NoError(t, err)
		clock.Advance(time.Minute)
		settle(t, opened)
		assert.Equal(t, []string{"set moved", "touch moved"}, brief(changes(t, opened, "acme", 3)))
		clock.Advance(time.Hour)
		settle(t, opened)
		assert.Equal(t, []string{"expire moved"}, brief(changes(t, opened, "acme", 5)))
	})
}

func TestTouch_TouchCommand_Bad(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Limits: store.Limits{KeyBytes: 7}})
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	require.NoError(t, opened.SetWithTTL("acme:g", "expired", "1", time.Second))
	clock.Advance(time.Minute)
	for name, test := range map[string]struct {
		command store.TouchCommand
		want    error
	}{
		"MissingKey":            {store.TouchCommand{Group: "acme:g", Key: "b"}, store.ErrNotFound},
		"MissingKeyAsExpected":  {store.TouchCommand{Group: "acme:g", Key: "b", IfRevision: new(uint64)}, store.ErrNotFound},
		"ExpiredKey":            {store.TouchCommand{Group: "acme:g", Key: "expired"}, store.ErrNotFound},
		"WrongRevision":         {store.TouchCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(7))}, store.ErrRevisionConflict},
		"GuardBeforeExistence":  {store.TouchCommand{Group: "acme:g", Key: "b", IfRevision: pointerTo(uint64(7))}, store.ErrRevisionConflict},
		"InvalidName":           {store.TouchCommand{Group: "acme:g", Key: "too long"}, store.ErrInvalidName},
		"InvalidTTL":            {store.TouchCommand{Group: "acme:g", Key: "a", TimeToLive: -1}, store.ErrInvalidTTL},
		"FormBeforeGuard":       {store.TouchCommand{Group: "acme:g", Key: "a", TimeToLive: 1, IfRevision: pointerTo(uint64(7))}, store.ErrInvalidTTL},
		"LongerThanACentury":    {store.TouchCommand{Group: "acme:g", Key: "a", TimeToLive: store.MaxTimeToLive + 1}, store.ErrInvalidTTL},
		"ShorterThanTheMinimum": {store.TouchCommand{Group: "acme:g", Key: "a", TimeToLive: store.MinTimeToLive - 1}, store.ErrInvalidTTL},
	} {
		t.Run(name, func(t *testing.T) {
			outcome, err := submit(opened, test.command)
			require.ErrorIs(t, err, test.want)
			assert.Zero(t, outcome)
		})
	}
	assert.Equal(t, []string{"set a", "set expired", "expire expired"}, brief(changes(t, opened, "acme", 0)))
}

// TestTouch_Replay_Ugly opens stores whose tables are behind the log in every way:
// the value of a touched entry is not in the log's last word on it.
func TestTouch_Replay_Ugly(t *testing.T) {
	path := databasePath(t)
	clock := newClock()
	opened := openStore(t, store.StoreConfig{DatabasePath: path, Clock: clock.Now})
	touch := func(key string, timeToLive time.Duration) {
		t.Helper()
		_, err := opened.Touch("acme:g", key, timeToLive)
		require.NoError(t, err)
	}
	require.NoError(t, opened.Set("acme:g", "stays", "old"))
	touch("stays", time.Hour)
	require.NoError(t, opened.Set("acme:g", "goes", "gone"))
	touch("goes", 0)
	require.NoError(t, opened.Set("acme:g", "stays", "new"))
	require.NoError(t, opened.Delete("acme:g", "goes"))
	touch("stays", 2*time.Hour)
	require.NoError(t, opened.SetWithTTL("acme:g", "comes again", "first", time.Second))
	touch("comes again", time.Minute)
	clock.Advance(time.Minute)
	settle(t, opened)
	require.NoError(t, opened.Set("acme:g", "comes again", "second"))
	touch("comes again", time.Hour)
	want, err := opened.GetEntries(store.PageQuery{Group: "acme:g"})
	require.NoError(t, err)
	require.Len(t, want.Entries, 2)
	require.NoError(t, opened.Close())

	requireSame := func(t *testing.T, path string) {
		t.Helper()
		config := store.StoreConfig{DatabasePath: path, Clock: clock.Now}
		opened := openStore(t, config)
		got, err := opened.GetEntries(store.PageQuery{Group: "acme:g"})
		require.NoError(t, err)
		require.Equal(t, want, got)
		for _, entry := range want.Entries {
			requireValue(t, opened, entry.Key, entry.Value)
		}
		closeStore(t, opened, config)
	}
	const commits = 13
	for materialised := range commits {
		t.Run(fmt.Sprint("TablesAreNewerThanTheirMarkAt", materialised), func(t *testing.T) {
			copied := databasePath(t)
			require.NoError(t, copyDatabase(path, copied))
			execute(t, copied, "UPDATE meta SET value = ? WHERE name = 'materialised'", materialised)
			requireSame(t, copied)
		})
	}
	t.Run("TablesAreEmpty", func(t *testing.T) {
		copied := databasePath(t)
		require.NoError(t, copyDatabase(path, copied))
		execute(t, copied, "DELETE FROM entries; DELETE FROM groups; DELETE FROM namespaces; UPDATE meta SET value = 0 WHERE name = 'materialised'")
		requireSame(t, copied)
	})
	t.Run("OnlyTheTableHasTheValue", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), CacheBytes: 1}
		opened := openStore(t, config)
		writeAll(t, opened, "acme:g", 40, 0)
		require.NoError(t, store.Settle(opened))
		commands := make([]store.Command, 40) // More than are written through.
		for index := range commands {
			commands[index] = store.TouchCommand{Group: "acme:g", Key: fmt.Sprint(index), TimeToLive: time.Hour}
		}
		for _, result := range submitTogether(opened, commands...) {
			require.NoError(t, result.err)
		}
		copied := openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)})
		for _, store := range []*store.Store{opened, copied} {
			for index := range commands {
				entry, err := store.GetEntry("acme:g", fmt.Sprint(index))
				require.NoError(t, err)
				assert.Equal(t, uint64(41+index), entry.Revision)
				assert.NotEmpty(t, entry.Value)
				assert.NotZero(t, entry.ExpiresAt)
			}
		}
	})
}
