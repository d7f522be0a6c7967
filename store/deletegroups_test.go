// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestDeletegroups_DeleteGroup_Good(t *testing.T) {
	t.Run("IsOneChangeWhateverItsSize", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		writeAll(t, opened, "acme:g", 1500, 0)
		setIn(t, opened, "acme:other", "a")
		outcome, err := submit(opened, store.DeleteGroupCommand{Group: "acme:g", TraceParent: "trace"})
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 1502, DeletedKeys: 1500, DeletedGroups: 1}, outcome)
		events := changes(t, opened, "acme", 1501)
		require.Len(t, events, 1)
		assert.Equal(t, store.Event{
			Type: store.EventDeleteGroup, Namespace: "acme", Group: "acme:g", Revision: 1502, Previous: 1500,
			TraceParent: "trace", Timestamp: events[0].Timestamp,
		}, events[0])
		requireEmptyGroup(t, opened, "acme:g")
		requireKeys(t, opened, "acme:other", "a")
	})
	t.Run("NothingFoundIsNoChange", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setIn(t, opened, "acme:g", "a")
		for _, command := range []store.Command{
			store.DeleteGroupCommand{Group: "acme:missing"}, store.DeletePrefixCommand{Prefix: "acme:m"},
			store.DeleteGroupCommand{Group: "acme"}, store.DeletePrefixCommand{Prefix: "other:"},
		} {
			outcome, err := submit(opened, command)
			require.NoError(t, err)
			assert.Zero(t, outcome.DeletedKeys)
			assert.Zero(t, outcome.DeletedGroups)
		}
		outcome, err := submit(opened, store.DeleteGroupCommand{Group: "acme:missing"})
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 1}, outcome)
		assert.Len(t, changes(t, opened, "acme", 0), 1)
	})
	t.Run("CommandsOfOneBatchSeeIt", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setIn(t, opened, "acme:g", "a", "b")
		zero := uint64(0)
		results := submitTogether(opened,
			store.SetCommand{Group: "acme:g", Key: "c"},
			store.DeleteGroupCommand{Group: "acme:g"},
			store.DeleteGroupCommand{Group: "acme:g"},
			store.SetCommand{Group: "acme:g", Key: "a", Value: "new", IfRevision: &zero},
			store.DeleteCommand{Group: "acme:g", Key: "b"},
			store.SetCommand{Group: "acme:g", Key: "c", Value: "new"},
			store.DeleteCommand{Group: "acme:g", Key: "c"},
		)
		for _, result := range results {
			require.NoError(t, result.err)
		}
		assert.Equal(t, int64(3), results[1].outcome.DeletedKeys)
		assert.Zero(t, results[2].outcome.DeletedKeys)
		assert.True(t, results[3].outcome.Created)
		assert.False(t, results[4].outcome.Deleted)
		assert.True(t, results[5].outcome.Created)
		assert.True(t, results[6].outcome.Deleted)
		requireKeys(t, opened, "acme:g", "a")
	})
	t.Run("CallbacksRunBeforeItReturns", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setIn(t, opened, "acme:g", "a")
		setIn(t, opened, "acme:h", "a")
		var types []string
		defer opened.OnChange(func(event store.Event) { types = append(types, event.Type.String()+" "+event.Group) })()
		require.NoError(t, opened.DeletePrefix("acme:"))
		assert.Equal(t, []string{"delete_group acme:g", "delete_group acme:h"}, types)
	})
}

func TestDeletegroups_DeleteGroup_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Limits: store.Limits{GroupBytes: 3}})
	err := opened.DeleteGroup("acme:long")
	require.ErrorIs(t, err, store.ErrInvalidName)
	require.ErrorContains(t, err, `store.DeleteGroup: group "acme:long"`)
	require.NoError(t, opened.DeleteGroup("long, and outside every namespace"))
	require.NoError(t, opened.Close())
	require.ErrorIs(t, opened.DeleteGroup("acme:g"), store.ErrClosed)
	require.ErrorContains(t, opened.DeletePrefix("acme:"), `store.DeletePrefix: prefix "acme:": store is closed`)
}

func TestDeletegroups_DeletePrefix_Good(t *testing.T) {
	t.Run("PrefixIsBytes", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		groups := []string{"acme:a", "ACME:a", "acme:a%", "acme:a_b", "acme:ab", "acme:b", "acme", "acmee:a", "acme:\xff", "a"}
		for _, group := range groups {
			setIn(t, opened, group, "x", "y")
		}
		outcome, err := submit(opened, store.DeletePrefixCommand{Prefix: "acme:a_"})
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 13, DeletedKeys: 2, DeletedGroups: 1}, outcome)
		require.NoError(t, opened.DeletePrefix("acme:"))
		left, err := opened.Groups()
		require.NoError(t, err)
		assert.Equal(t, []string{"ACME:a", "a", "acme", "acmee:a"}, left)
		require.NoError(t, opened.DeletePrefix(""))
		all, err := opened.CountAll("")
		require.NoError(t, err)
		assert.Zero(t, all)
	})
	t.Run("EventsCarryTheirTransaction", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		for _, group := range []string{"b:2", "a:1", "b:1", "c"} {
			setIn(t, opened, group, "x")
		}
		results := submitTogether(opened, store.SetCommand{Group: "b:0", Key: "x"}, store.DeletePrefixCommand{})
		require.NoError(t, results[1].err)
		assert.Equal(t, store.Outcome{Revision: 2, DeletedKeys: 5, DeletedGroups: 5}, results[1].outcome)
		type part struct {
			group                 string
			revision, first, last uint64
		}
		var parts []part
		for _, namespace := range []string{"a", "b", ""} {
			for _, event := range changes(t, opened, namespace, 0) {
				if event.Type == store.EventDeleteGroup {
					parts = append(parts, part{event.Group, event.Revision, event.TransactionFirst, event.TransactionLast})
				}
			}
		}
		assert.Equal(t, []part{{"a:1", 2, 2, 2}, {"b:0", 4, 4, 6}, {"b:1", 5, 4, 6}, {"b:2", 6, 4, 6}, {"c", 2, 2, 2}}, parts)
	})
}

func TestDeletegroups_DeletePrefix_Bad(t *testing.T) {
	t.Parallel()
	opened := openStore(t, store.StoreConfig{})
	setIn(t, opened, "acme:g", "a")
	err := store.DeleteTooManyGroups(opened, "acme:")
	require.ErrorIs(t, err, store.ErrTooLarge)
	var tooMany *store.TooManyGroupsError
	require.ErrorAs(t, err, &tooMany)
	assert.Equal(t, store.TooManyGroupsError{Prefix: "acme:", Limit: store.MaxGroupsPerDelete}, *tooMany)
	require.EqualError(t, err, `more than 100000 groups begin with "acme:": delete them by longer prefixes`)
	requireKeys(t, opened, "acme:g", "a")
}

// TestDeletegroups_Expiry_Ugly deletes groups that hold keys whose time has come: they
// were not there any more, and their expiry is logged first.
func TestDeletegroups_Expiry_Ugly(t *testing.T) {
	for _, due := range []int{1, 511, 512, 3000} {
		t.Run(fmt.Sprint(due), func(t *testing.T) {
			clock := newClock()
			opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
			writeAll(t, opened, "acme:g", due, time.Minute)
			setIn(t, opened, "acme:g", "stays")
			setIn(t, opened, "acme:h", "stays")
			// Whatever is due becomes so within the batch.
			release := store.Hold(opened)
			var outcome store.Outcome
			var waiting sync.WaitGroup
			waiting.Add(2)
			opened.Submit(store.DeleteGroupCommand{Group: "acme:g"}, func(result store.Outcome, err error) {
				assert.NoError(t, err)
				outcome = result
				waiting.Done()
			})
			opened.Submit(store.SetCommand{Group: "acme:h", Key: "not held up"}, func(_ store.Outcome, err error) {
				assert.NoError(t, err)
				waiting.Done()
			})
			clock.Advance(time.Hour)
			release()
			waiting.Wait()
			assert.Equal(t, int64(1), outcome.DeletedKeys)
			expired, setAt := 0, 0
			events := changes(t, opened, "acme", uint64(due+2))
			for index, event := range events {
				switch event.Type {
				case store.EventExpire:
					expired++
				case store.EventSet:
					setAt = index
				}
			}
			assert.Equal(t, due, expired)
			assert.LessOrEqual(t, setAt, 2*512, "others wait for a slice, and for one in their own batch")
			assert.Contains(t, brief(events[due:]), "delete_group ")
			requireEmptyGroup(t, opened, "acme:g")
		})
	}
}

// TestDeletegroups_CarriedOut_Ugly deletes, refills and deletes a group again while
// nothing of it is removed from the tables, across restarts and crashes.
func TestDeletegroups_CarriedOut_Ugly(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed}
	opened := openStore(t, config)
	writeAll(t, opened, "acme:g", 2000, 0)
	require.NoError(t, store.Settle(opened))
	for round := range 4 {
		_, err := store.HoldRemovals(opened)
		require.NoError(t, err)
		require.NoError(t, opened.DeleteGroup("acme:g"))
		requireEmptyGroup(t, opened, "acme:g")
		writeAll(t, opened, "acme:g", 20, 0)
		require.NoError(t, opened.DeleteGroup("acme:g"))
		requireEmptyGroup(t, opened, "acme:g")
		setIn(t, opened, "acme:g", "3", "9999")
		requireKeys(t, opened, "acme:g", "3", "9999")
		if round%2 == 0 {
			require.NoError(t, store.Settle(opened))
		}
		requireKeys(t, openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)}), "acme:g", "3", "9999")
		opened = reopen(t, opened, config)
		requireKeys(t, opened, "acme:g", "3", "9999")
		if round == 1 {
			require.NoError(t, store.Settle(opened))
		}
		writeAll(t, opened, "acme:g", 1000, 0)
	}
	require.NoError(t, opened.DeleteGroup("acme:g"))
	require.NoError(t, store.Settle(opened))
	count, err := store.Deletions(opened)
	require.NoError(t, err)
	assert.Zero(t, count)
	require.NoError(t, opened.Close())
	requireNoRows(t, config.DatabasePath)
}

// requireNoRows checks that nothing is left of deleted groups.
func requireNoRows(t *testing.T, path string) {
	t.Helper()
	raw := openRaw(t, path)
	defer raw.Close()
	var rows int
	require.NoError(t, raw.QueryRow("SELECT (SELECT count(*) FROM entries) + (SELECT count(*) FROM deletions)").Scan(&rows))
	assert.Zero(t, rows)
}

// TestDeletegroups_Slices_Ugly goes on from a crash after each slice of removing the
// rows of a group that has got other keys since.
func TestDeletegroups_Slices_Ugly(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed}
	opened := openStore(t, config)
	writeAll(t, opened, "acme:g", 3000, 0)
	require.NoError(t, store.Settle(opened))
	held, err := store.HoldRemovals(opened)
	require.NoError(t, err)
	require.NoError(t, opened.DeleteGroup("acme:g"))
	setIn(t, opened, "acme:g", "0", "1500", "a")
	var copies []string
	require.NoError(t, held.CarryOut(1000, func() error {
		path := databasePath(t)
		copies = append(copies, path)
		return copyDatabase(config.DatabasePath, path)
	}))
	assert.Greater(t, len(copies), 5)
	for _, path := range copies {
		requireKeys(t, openStore(t, store.StoreConfig{DatabasePath: path}), "acme:g", "0", "1500", "a")
	}
	requireKeys(t, opened, "acme:g", "0", "1500", "a")
}

// TestDeletegroups_Pending_Ugly deletes a group that is in memory for the most part.
func TestDeletegroups_Pending_Ugly(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed}
	opened := openStore(t, config)
	writeAll(t, opened, "acme:g", 9000, 0)
	setIn(t, opened, "acme:h", "a")
	require.NoError(t, opened.DeleteGroup("acme:g"))
	setIn(t, opened, "acme:g", "3", "8999")
	requireKeys(t, opened, "acme:g", "3", "8999")
	requireKeys(t, openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)}), "acme:g", "3", "8999")
	require.NoError(t, store.Settle(opened))
	opened = reopen(t, opened, config)
	requireKeys(t, opened, "acme:g", "3", "8999")
	requireKeys(t, opened, "acme:h", "a")
}

// TestDeletegroups_Overtaken_Ugly deletes a group again, refilled, when half of its
// rows are removed: that begins anew.
func TestDeletegroups_Overtaken_Ugly(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed}
	opened := openStore(t, config)
	writeAll(t, opened, "acme:g", 3000, 0)
	require.NoError(t, store.Settle(opened))
	held, err := store.HoldRemovals(opened)
	require.NoError(t, err)
	require.NoError(t, opened.DeleteGroup("acme:g"))
	for range 3 {
		require.NoError(t, held.CarryOut(3, func() error { return nil }))
		writeAll(t, opened, "acme:g", 3000, 0)
		require.NoError(t, store.Settle(opened))
		require.NoError(t, opened.DeleteGroup("acme:g"))
		requireEmptyGroup(t, opened, "acme:g")
	}
	require.NoError(t, held.Release())
	requireEmptyGroup(t, opened, "acme:g")
	opened = reopen(t, opened, config)
	requireEmptyGroup(t, opened, "acme:g")
	require.NoError(t, opened.Close())
	requireNoRows(t, config.DatabasePath)
}

// TestDeletegroups_Readers_Ugly reads a group that is deleted and refilled all the
// time: what a reader has seen gone does not come back.
func TestDeletegroups_Readers_Ugly(t *testing.T) {
	const keys, rounds = 300, 25
	opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for round := range rounds {
			writeRound(opened, round, keys)
			assert.NoError(t, opened.DeleteGroup("acme:config"))
		}
	}()
	watched := []int{keys - 1, 0, keys / 2}
	last, gone := map[int]int{}, map[int]bool{}
	for _, key := range watched {
		last[key] = -1
	}
	for running := true; running; {
		select {
		case <-finished:
			running = false
		default:
		}
		for _, key := range watched {
			round := readRound(t, opened, key)
			if round < 0 {
				gone[key] = true
				continue
			}
			if gone[key] {
				require.Greater(t, round, last[key], "key %d", key)
			}
			last[key], gone[key] = round, false
		}
	}
	requireEmptyGroup(t, opened, "acme:config")
}

func TestDeletegroups_Memory_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, CacheBytes: 100_000, PendingBytes: 10_000})
	for round := range 100 {
		group := fmt.Sprintf("acme:g%d", round%7)
		writeAll(t, opened, group, 100, 0)
		require.NoError(t, opened.DeleteGroup(group))
	}
	require.NoError(t, store.Settle(opened))
	status, err := opened.Status()
	require.NoError(t, err)
	assert.Zero(t, status.PendingMaterialisation)
	assert.Zero(t, status.Entries)
	all, err := opened.CountAll("acme:g")
	require.NoError(t, err)
	assert.Zero(t, all)
}

func setIn(t testing.TB, opened *store.Store, group string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		require.NoError(t, opened.Set(group, key, "value"))
	}
}

// requireKeys checks that a group has these keys and no others, in every way to ask.
func requireKeys(t testing.TB, opened *store.Store, group string, keys ...string) {
	t.Helper()
	listed := []string{}
	for entry, err := range opened.All(group) {
		require.NoError(t, err)
		listed = append(listed, entry.Key)
	}
	require.Equal(t, append([]string{}, keys...), listed)
	for _, key := range keys {
		_, err := opened.Get(group, key)
		require.NoError(t, err)
	}
	count, err := opened.Count(group)
	require.NoError(t, err)
	require.Len(t, keys, count)
}

func requireEmptyGroup(t testing.TB, opened *store.Store, group string) {
	t.Helper()
	requireKeys(t, opened, group)
	for _, key := range []string{"0", "1", "3", "9999", "a"} {
		_, err := opened.Get(group, key)
		require.ErrorIs(t, err, store.ErrNotFound, key)
	}
	page, err := opened.Scan(store.ScanQuery{Prefix: group})
	require.NoError(t, err)
	for _, entry := range page.Entries {
		require.NotEqual(t, group, entry.Group)
	}
}
