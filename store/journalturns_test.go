// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// journalledTogether commits points of namespaces to the journal, in few commits.
func journalledTogether(t *testing.T, opened *store.Store, points int, namespaceOf func(number int) string) {
	t.Helper()
	commands := make([]store.Command, points)
	for number := range points {
		command, err := store.NewJournalCommand(namespaceOf(number), "m", map[string]any{"number": number}, nil)
		require.NoError(t, err)
		commands[number] = command
	}
	for _, result := range submitTogether(opened, commands...) {
		require.NoError(t, result.err)
	}
}

// namespacesOf counts entries by their namespaces.
func namespacesOf(entries []store.JournalEntry) map[string]int {
	counted := map[string]int{}
	for index := range entries {
		counted[entries[index].Namespace]++
	}
	return counted
}

func TestJournalturns_PendingJournal_Good(t *testing.T) {
	t.Run("FairShares", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		journalledTogether(t, opened, 3000, func(int) string { return "flood" })
		journalledTogether(t, opened, 60, func(number int) string { return fmt.Sprint("calm", number%6) })
		entries, more, err := opened.PendingJournal(70, 1<<20)
		require.NoError(t, err)
		assert.True(t, more)
		require.Len(t, entries, 70)
		assert.True(t, slices.IsSortedFunc(entries, func(a, b store.JournalEntry) int { return a.CommittedAt.Compare(b.CommittedAt) }))
		assert.Equal(t, map[string]int{"flood": 10, "calm0": 10, "calm1": 10, "calm2": 10, "calm3": 10, "calm4": 10, "calm5": 10}, namespacesOf(entries))
		entries, _, err = opened.PendingJournal(170, 1<<20)
		require.NoError(t, err)
		assert.Equal(t, 110, namespacesOf(entries)["flood"], "it has what the others leave")
		entries, _, err = opened.PendingJournal(5000, 1<<30)
		require.NoError(t, err)
		assert.Len(t, entries, 3060)
	})
	t.Run("SharesOfBytes", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		journalledTogether(t, opened, 1000, func(int) string { return "flood" })
		journalledTogether(t, opened, 5, func(int) string { return "calm" })
		entries, more, err := opened.PendingJournal(5000, 1000)
		require.NoError(t, err)
		assert.True(t, more)
		assert.Equal(t, 5, namespacesOf(entries)["calm"])
	})
	t.Run("TurnsOfMany", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		journalledTogether(t, opened, 3000, func(number int) string { return fmt.Sprint("n", number%1500) })
		seen := map[string]int{}
		for range 3 {
			entries, more, err := opened.PendingJournal(512, 1<<20)
			require.NoError(t, err)
			require.True(t, more)
			require.Len(t, entries, 512)
			require.NoError(t, opened.SettleJournal(entries, nil))
			for namespace, count := range namespacesOf(entries) {
				seen[namespace] += count
			}
		}
		assert.Len(t, seen, 1500, "nobody has a second turn before all had one")
		assert.Equal(t, int64(3000-3*512), opened.JournalTotals().Pending)
	})
	t.Run("SomeNamespaces", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		journalled(t, opened, "a", 1, 2)
		journalled(t, opened, "", 3)
		journalled(t, opened, "b", 4)
		for wanted, want := range map[string]int{"a": 2, "": 1, "b": 1, "c": 0} {
			entries, _, err := opened.PendingJournalOf(10, 1<<20, func(namespace string) bool { return namespace == wanted })
			require.NoError(t, err)
			assert.Len(t, entries, want, wanted)
			assert.Equal(t, want, namespacesOf(entries)[wanted])
		}
	})
}

// A namespace is settled however much another one has pending.
func TestJournalturns_SettleJournal_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Journal: endpoint}
	opened := openStore(t, config)
	journalled(t, opened, "flood", 1, 2, 3)
	journalled(t, opened, "calm", 4)
	journalled(t, opened, "flood", 5)
	journalled(t, opened, "calm", 6)
	oldest := opened.JournalTotals().OldestPendingAt
	calm := func(namespace string) bool { return namespace == "calm" }
	entries, _, err := opened.PendingJournalOf(10, 1<<20, calm)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.ErrorIs(t, opened.SettleJournal(entries[1:], nil), store.ErrNotPending, "an entry of the namespace is passed over")
	require.NoError(t, opened.SettleJournal(entries[:1], []store.JournalRejection{{JournalEntry: entries[1], Status: 400, Reason: "bad"}}))
	require.ErrorIs(t, opened.SettleJournal(entries[:1], nil), store.ErrNotPending)
	check := func() {
		requireCounts(t, opened, "calm", 0, 1, 1)
		requireCounts(t, opened, "flood", 4, 0, 0)
		assert.Equal(t, []int{1, 2, 3, 5}, pendingNumbers(t, opened))
		assert.Equal(t, oldest, opened.JournalTotals().OldestPendingAt)
	}
	check()
	opened = reopen(t, opened, config)
	check()
	// An archive takes what is delivered between what waits.
	folder := t.TempDir()
	assert.Equal(t, int64(1), compact(t, opened, folder).Entries)
	assert.Equal(t, []string{"4"}, archivedNumbers(t, folder))
	check()
	requeued, err := opened.RequeueJournal("calm", nil)
	require.NoError(t, err)
	assert.Equal(t, int64(1), requeued)
	journalled(t, opened, "calm", 7)
	settleJournal(t, opened, 10)
	requireCounts(t, opened, "calm", 0, 3, 0)
	requireCounts(t, opened, "flood", 0, 4, 0)
	assert.True(t, opened.JournalTotals().OldestPendingAt.IsZero())
	assert.Equal(t, int64(6), compact(t, opened, folder).Entries)
	requireFollows(t, opened, t.TempDir())
}

// A database from before has one position for all namespaces.
func TestMigrate_JournalPositions_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Journal: endpoint}
	opened := openStore(t, config)
	journalled(t, opened, "a", 1, 2)
	journalled(t, opened, "b", 3)
	journalled(t, opened, "a", 4)
	settleJournal(t, opened, 4, 1)
	journalled(t, opened, "b", 5)
	require.NoError(t, opened.Set("acme:g", "key", "value"))
	require.NoError(t, opened.Close())
	execute(t, config.DatabasePath, undoFrom10+`INSERT INTO meta SELECT 'journal_position', max(position) FROM journal_counts;
		ALTER TABLE journal_counts DROP COLUMN position; PRAGMA user_version = 8`)
	opened = openStore(t, config)
	assert.Equal(t, []int{5}, pendingNumbers(t, opened))
	requireCounts(t, opened, "a", 0, 2, 1)
	requireCounts(t, opened, "b", 1, 1, 0)
	journalled(t, opened, "a", 6)
	journalled(t, opened, "c", 7)
	_, err := opened.RequeueJournal("a", nil)
	require.NoError(t, err)
	assert.Equal(t, []int{2, 5, 6, 7}, pendingNumbers(t, opened))
	settleJournal(t, opened, 10)
	assert.Empty(t, pendingNumbers(t, opened))
	records, start := firstRecords(t, opened)
	assert.NotZero(t, start, "whole records begin with the upgrade")
	assert.Len(t, records, 4)
	require.NoError(t, opened.Set("acme:g", "key", "later"))
	opened = reopen(t, opened, config)
	records, again := firstRecords(t, opened)
	assert.Equal(t, start, again)
	assert.Len(t, records, 5)
}

// TestJournalturns_SettleJournal_Ugly settles entries of many namespaces at once, beside a long backlog.
func TestJournalturns_SettleJournal_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	journalledTogether(t, opened, 2000, func(int) string { return "flood" })
	journalledTogether(t, opened, 600, func(number int) string { return fmt.Sprint("n", number) })
	settled := 0
	for {
		entries, more, err := opened.PendingJournalOf(5000, 1<<20, func(namespace string) bool { return namespace != "flood" })
		require.NoError(t, err)
		if len(entries) == 0 {
			break
		}
		assert.LessOrEqual(t, len(entries), 512)
		assert.Equal(t, settled == 0, more)
		require.NoError(t, opened.SettleJournal(entries, nil))
		settled += len(entries)
		requireTotals(t, opened)
	}
	assert.Equal(t, 600, settled)
	requireCounts(t, opened, "flood", 2000, 0, 0)
	assert.WithinDuration(t, time.Now(), opened.JournalTotals().OldestPendingAt, time.Minute)
}
