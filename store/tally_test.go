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

// stopLogging lets the time of keys come while nothing can be logged.
func stopLogging(t *testing.T, opened *store.Store, clock *testClock) {
	t.Helper()
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	clock.Advance(time.Minute)
}

func requireUsage(t *testing.T, opened *store.Store, namespace string, keys, groups, bytes int64) {
	t.Helper()
	usage, err := opened.Usage(namespace)
	require.NoError(t, err)
	assert.Equal(t, []int64{keys, groups, bytes}, []int64{usage.Keys, usage.Groups, usage.Bytes}, namespace)
}

// What is due and cannot be logged is left out of every count, however much it is, with a
// group of which nothing else is left.
func TestTally_Counts_Ugly(t *testing.T) {
	t.Parallel()
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
	opened := openStore(t, config)
	writeAll(t, opened, "acme:g", 1500, time.Second)
	writeAll(t, opened, "other:g", 700, time.Second)
	writeAll(t, opened, "", 600, time.Second)
	for index := range 520 {
		require.NoError(t, opened.SetWithTTL(fmt.Sprintf("many:%d", index), "k", "", time.Second))
	}
	require.NoError(t, opened.Set("acme:g", "stays", "v"))
	check := func(t *testing.T) {
		t.Helper()
		requireUsage(t, opened, "acme", 1, 1, int64(len("gstaysv")))
		requireUsage(t, opened, "other", 0, 0, 0)
		requireUsage(t, opened, "many", 0, 0, 0)
		for prefix, want := range map[string]int{"": 1, "acme:": 1, "acme:g": 1, "other:": 0, "many:1": 0, "nothing": 0} {
			count, err := opened.CountAll(prefix)
			require.NoError(t, err)
			assert.Equal(t, want, count, prefix)
		}
		groups, err := opened.Groups()
		require.NoError(t, err)
		assert.Equal(t, []string{"acme:g"}, groups)
		there, err := opened.GroupExists("")
		require.NoError(t, err)
		assert.False(t, there)
		page, err := opened.GetNamespaces(store.NamespacesQuery{})
		require.NoError(t, err)
		for _, namespace := range page.Namespaces {
			assert.Equal(t, namespace.Namespace == "acme", namespace.Keys == 1 && namespace.Groups == 1 && namespace.Bytes > 0, namespace.Namespace)
		}
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, []uint64{1, 0}, []uint64{status.Entries, status.UnscopedEntries})
	}
	stopLogging(t, opened, clock)
	t.Run("Pending", check)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	opened = reopen(t, opened, config)
	t.Run("Logged", check)
}

// Writes that succeed while expiries are not tried move the counts as they do otherwise.
func TestTally_Committed_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	writeAll(t, opened, "acme:g", 3, time.Second)
	writeAll(t, opened, "acme:h", 2, time.Second)
	stopLogging(t, opened, clock)
	requireUsage(t, opened, "acme", 0, 0, 0)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	require.NoError(t, opened.Set("acme:g", "new", "v"))
	requireUsage(t, opened, "acme", 1, 1, int64(len("gnewv")))
	require.NoError(t, opened.Set("acme:h", "0", "v"))
	requireUsage(t, opened, "acme", 2, 2, int64(len("gnewv")+len("h0v")))
	count, err := opened.Count("acme:h")
	require.NoError(t, err)
	assert.Equal(t, 1, count)
	require.NoError(t, opened.Delete("acme:g", "new"))
	requireUsage(t, opened, "acme", 1, 1, int64(len("h0v")))
	clock.Advance(time.Second)
	settle(t, opened)
	requireUsage(t, opened, "acme", 1, 1, int64(len("h0v")))
	assert.Len(t, changes(t, opened, "acme", 0), 5+5+3)
}

// A namespace with much that is due keeps no other waiting.
func TestTally_Turns_Good(t *testing.T) {
	t.Parallel()
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	writeAll(t, opened, "acme:g", 3000, time.Second)
	writeAll(t, opened, "other:g", 1, time.Second)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	release := store.Hold(opened)
	clock.Advance(time.Minute)
	answers := make(chan string, 2)
	for _, namespace := range []string{"acme", "other"} {
		opened.SubmitUsage(namespace, func(usage store.Usage, err error) {
			assert.NoError(t, err)
			assert.Zero(t, usage.Keys)
			answers <- namespace
		})
	}
	release()
	assert.Equal(t, []string{"other", "acme"}, []string{<-answers, <-answers})
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
}

// Where what is due cannot be counted, questions are answered all the same.
func TestTally_Failure_Bad(t *testing.T) {
	var logged logged
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Logger: logged.logger()}
	opened := openStore(t, config)
	writeAll(t, opened, "acme:g", 2, time.Second)
	opened = reopen(t, opened, config)
	require.NoError(t, store.Execute(opened, "ALTER TABLE entries RENAME TO moved"))
	clock.Advance(time.Minute)
	_, err := opened.Usage("acme")
	require.NoError(t, err)
	assert.Contains(t, logged.String(), "counting what is due")
	_, err = opened.Status()
	require.NoError(t, err)
	require.NoError(t, store.Execute(opened, "ALTER TABLE moved RENAME TO entries"))
	requireUsage(t, opened, "acme", 0, 0, 0)
}
