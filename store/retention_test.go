// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// retained returns the oldest revision that can be read and how many follow it.
func retained(t *testing.T, opened *store.Store, namespace string) (oldest uint64, events []store.Event) {
	t.Helper()
	page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: namespace, After: revision(t, opened, namespace)})
	require.NoError(t, err)
	return page.Oldest, changes(t, opened, namespace, page.Oldest-1)
}

// revision returns the current revision of a namespace.
func revision(t *testing.T, opened *store.Store, namespace string) uint64 {
	t.Helper()
	page, err := opened.GetEntries(store.PageQuery{Group: namespace + ":"})
	require.NoError(t, err)
	return page.Revision
}

func TestRetention_Trim_Good(t *testing.T) {
	t.Parallel()
	t.Run("ByCount", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 10}}
		opened := openStore(t, config)
		for index := range 200 {
			setKeys(t, opened, fmt.Sprint(index))
		}
		require.NoError(t, store.Settle(opened))
		oldest, events := retained(t, opened, "acme")
		assert.Equal(t, uint64(191), oldest)
		assert.Len(t, events, 10)
		assert.Equal(t, uint64(190), events[0].Previous, "it was in the log when the change was made")
		opened = reopen(t, opened, config)
		oldest, _ = retained(t, opened, "acme")
		assert.Equal(t, uint64(191), oldest)
		entry, err := opened.GetEntry("acme:g", "0")
		require.NoError(t, err)
		assert.Equal(t, uint64(1), entry.Revision, "entries outlive their change")
	})
	t.Run("ByBytes", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Retention: store.Retention{Bytes: 100_000}})
		for index := range 100 {
			require.NoError(t, opened.Set("acme:g", fmt.Sprint(index), strings.Repeat("x", 9_900)))
		}
		require.NoError(t, store.Settle(opened))
		oldest, events := retained(t, opened, "acme")
		assert.Equal(t, uint64(91), oldest)
		assert.Len(t, events, 10)
	})
	t.Run("ByAge", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{Retention: store.Retention{Age: time.Minute}})
			setKeys(t, opened, "a", "b")
			<-time.After(50 * time.Second)
			setKeys(t, opened, "c")
			<-time.After(5 * time.Second)
			oldest, _ := retained(t, opened, "acme")
			assert.Equal(t, uint64(1), oldest)
			<-time.After(10 * time.Second)
			oldest, events := retained(t, opened, "acme")
			assert.Equal(t, uint64(3), oldest)
			assert.Equal(t, []string{"set c"}, brief(events))
		})
	})
	t.Run("ByAgeAfterARestart", func(t *testing.T) {
		clock := newClock()
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Retention: store.Retention{Age: time.Hour}}
		opened := openStore(t, config)
		setKeys(t, opened, "a", "b")
		clock.Advance(30 * time.Minute)
		setKeys(t, opened, "c")
		opened = reopen(t, opened, config)
		clock.Advance(45 * time.Minute)
		require.NoError(t, store.KeepHouse(opened))
		oldest, _ := retained(t, opened, "acme")
		assert.Equal(t, uint64(3), oldest)
	})
	t.Run("WholeCommitsOnly", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Retention: store.Retention{Count: 10}})
		writeAll(t, opened, "acme:g", 6, 0)
		writeAll(t, opened, "acme:g", 6, 0)
		require.NoError(t, store.Settle(opened))
		oldest, events := retained(t, opened, "acme")
		assert.Equal(t, uint64(7), oldest)
		assert.Len(t, events, 6)
	})
	t.Run("NewestCommitStays", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Retention: store.Retention{Count: 1, Bytes: 1}})
		writeAll(t, opened, "acme:g", 20, 0)
		require.NoError(t, store.Settle(opened))
		oldest, events := retained(t, opened, "acme")
		assert.Equal(t, uint64(1), oldest)
		assert.Len(t, events, 20)
	})
	t.Run("NamespaceWithoutAnyChangeLeft", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 1}}
		opened := openStore(t, config)
		setKeys(t, opened, "a", "b")
		require.NoError(t, opened.Set("other:g", "c", ""))
		require.NoError(t, store.Settle(opened))
		for range 2 {
			page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 2})
			require.NoError(t, err)
			assert.Equal(t, store.ChangesPage{Next: 2, Oldest: 3, Revision: 2}, page)
			_, err = opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 1})
			require.ErrorIs(t, err, store.ErrCompacted)
			opened = reopen(t, opened, config)
		}
		setKeys(t, opened, "d")
		oldest, events := retained(t, opened, "acme")
		assert.Equal(t, uint64(3), oldest)
		assert.Zero(t, events[0].Previous, "the log holds none before it")
	})
	t.Run("GroupGoesWithItsLastChange", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 3}}
		opened := openStore(t, config)
		require.NoError(t, opened.Set("acme:gone", "a", ""))
		require.NoError(t, opened.Delete("acme:gone", "a"))
		setKeys(t, opened, "b")
		require.NoError(t, store.Settle(opened))
		assert.Equal(t, []string{"acme:g", "acme:gone"}, groupRows(t, opened, config.DatabasePath))
		setKeys(t, opened, "c")
		require.NoError(t, store.Settle(opened))
		assert.Equal(t, []string{"acme:g", "acme:gone"}, groupRows(t, opened, config.DatabasePath), "its delete is in the log")
		setKeys(t, opened, "d")
		require.NoError(t, store.Settle(opened))
		assert.Equal(t, []string{"acme:g"}, groupRows(t, opened, config.DatabasePath))
		require.NoError(t, opened.Set("acme:gone", "a", ""))
		events := changes(t, opened, "acme", revision(t, opened, "acme")-1)
		assert.Zero(t, events[0].Previous)
	})
	t.Run("GroupStaysWhileAnyChangeOfItIsThere", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 2}}
		opened := openStore(t, config)
		for range 2 {
			require.NoError(t, opened.Set("acme:gone", "a", ""))
			require.NoError(t, opened.Delete("acme:gone", "a"))
		}
		require.NoError(t, store.Settle(opened))
		oldest, _ := retained(t, opened, "acme")
		require.Equal(t, uint64(3), oldest, "the first delete has been trimmed")
		assert.Equal(t, []string{"acme:gone"}, groupRows(t, opened, config.DatabasePath))
	})
}

// groupRows returns which groups the file of an open store has rows of.
func groupRows(t *testing.T, opened *store.Store, path string) (groups []string) {
	t.Helper()
	copied := crashCopy(t, opened, path)
	raw := openRaw(t, copied)
	defer raw.Close()
	rows, err := raw.Query("SELECT group_name FROM groups ORDER BY group_name")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var group string
		require.NoError(t, rows.Scan(&group))
		groups = append(groups, group)
	}
	require.NoError(t, rows.Err())
	return groups
}

func TestRetention_Trim_Bad(t *testing.T) {
	t.Run("NotWhatAConsumerHasNotHad", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Retention: store.Retention{Count: 4}})
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "a", "b", "c", "d", "e", "f")
		require.NoError(t, store.Settle(opened))
		oldest, _ := retained(t, opened, "acme")
		assert.Equal(t, uint64(1), oldest)
		assert.Equal(t, []string{"a", "b", "c", "d", "e", "f"}, next(t, consumer, 6))
		require.NoError(t, store.Settle(opened))
		oldest, _ = retained(t, opened, "acme")
		assert.Equal(t, uint64(1), oldest, "it has not acknowledged them")
		consumer.Acknowledge()
		require.NoError(t, store.Settle(opened))
		oldest, _ = retained(t, opened, "acme")
		assert.Equal(t, uint64(3), oldest)
	})
	t.Run("NotWhatAConsumerOfBeforeARestartHasNotHad", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 4}}
		opened := openStore(t, config)
		registerConsumer(t, opened)
		setKeys(t, opened, "a", "b", "c", "d", "e", "f")
		opened = reopen(t, opened, config)
		setKeys(t, opened, "g", "h")
		require.NoError(t, store.Settle(opened))
		requireRefused(t, opened)
		consumer := registerConsumer(t, opened)
		assert.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g", "h"}, next(t, consumer, 8))
		consumer.Acknowledge()
		setKeys(t, opened, "i")
		require.NoError(t, store.Settle(opened))
		oldest, _ := retained(t, opened, "acme")
		assert.Equal(t, uint64(6), oldest)
	})
	t.Run("WritesAreRefusedAtTwiceTheCount", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Retention: store.Retention{Count: 4}})
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "a", "b", "c", "d", "e", "f", "g", "h")
		requireRefused(t, opened)
		value, err := opened.Get("acme:g", "a")
		require.NoError(t, err)
		assert.Equal(t, "value", value)
		next(t, consumer, 8)
		requireRefused(t, opened)
		consumer.Acknowledge()
		setKeys(t, opened, "i")
		status, err := opened.Status()
		require.NoError(t, err)
		assert.True(t, status.Writable)
		assert.Equal(t, uint64(1), status.Backlog)
	})
	t.Run("WritesAreRefusedAtTwiceTheBytes", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Retention: store.Retention{Bytes: 1000}})
		registerConsumer(t, opened)
		require.NoError(t, opened.Set("acme:g", "large", strings.Repeat("x", 2000)))
		requireRefused(t, opened)
	})
	t.Run("LimitlessRetentionNeverRefuses", func(t *testing.T) {
		for _, limit := range []uint64{1 << 63, 1<<64 - 1} {
			opened := openStore(t, store.StoreConfig{Retention: store.Retention{Count: limit, Bytes: limit}})
			registerConsumer(t, opened)
			setKeys(t, opened, "a", "b")
		}
	})
	t.Run("ExpiryWaitsForTheBacklog", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now, Retention: store.Retention{Count: 1}})
		consumer := registerConsumer(t, opened)
		require.NoError(t, opened.SetWithTTL("acme:g", "a", "", time.Second))
		setKeys(t, opened, "b")
		clock.Advance(time.Minute)
		require.NoError(t, store.KeepHouse(opened))
		_, err := opened.Get("acme:g", "a")
		require.ErrorIs(t, err, store.ErrNotFound)
		assert.Equal(t, []string{"a", "b"}, next(t, consumer, 2))
		requireNothingNext(t, consumer)
		consumer.Acknowledge()
		require.NoError(t, store.KeepHouse(opened))
		assert.Equal(t, []string{"a"}, next(t, consumer, 1))
	})
}

// requireRefused checks that a write is refused, and that the store says why.
func requireRefused(t *testing.T, opened *store.Store) {
	t.Helper()
	require.ErrorIs(t, opened.Set("acme:g", "refused", ""), store.ErrUnavailable)
	require.ErrorIs(t, opened.Delete("acme:g", "a"), store.ErrUnavailable)
	exists, err := opened.Exists("acme:g", "refused")
	require.NoError(t, err)
	require.False(t, exists)
	status, err := opened.Status()
	require.NoError(t, err)
	require.False(t, status.Writable)
	require.NotEmpty(t, status.Reason)
}

func TestRetention_Trim_Ugly(t *testing.T) {
	t.Run("WhileWritersAndReadersRun", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, Retention: store.Retention{Count: 50}})
		after := uint64(0)
		for index := range 1000 {
			require.NoError(t, opened.Set(fmt.Sprintf("acme:g%d", index%7), fmt.Sprint(index%13), "value"))
			if index%10 > 0 {
				continue
			}
			page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: after, Limit: 20})
			require.NoError(t, err)
			for position, event := range page.Events {
				require.Equal(t, after+uint64(position)+1, event.Revision)
			}
			after = page.Next
		}
	})
	t.Run("TrimsUnderSteadyWrites", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, Retention: store.Retention{Count: 200}})
		writeAll(t, opened, "acme:burst", 100, 0)
		value := strings.Repeat("x", 4000)
		for range 1500 {
			require.NoError(t, opened.Set("acme:g", "key", value))
		}
		oldest, _ := retained(t, opened, "acme")
		assert.Greater(t, oldest, uint64(100), "what a burst left pending is written, though the store is never idle")
	})
}
