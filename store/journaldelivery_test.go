// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// settleJournal reads what is pending, has some of it refused, by its place, and settles it.
func settleJournal(t *testing.T, opened *store.Store, limit int, refused ...int) {
	t.Helper()
	entries, _, err := opened.PendingJournal(limit, 1<<30)
	require.NoError(t, err)
	var delivered []store.JournalEntry
	var rejected []store.JournalRejection
	for index, entry := range entries {
		if len(refused) > 0 && refused[0] == index {
			refused = refused[1:]
			rejected = append(rejected, store.JournalRejection{JournalEntry: entry, RejectedAt: time.Unix(1, 0).UTC(), Status: 400, Reason: "bad"})
		} else {
			delivered = append(delivered, entry)
		}
	}
	require.NoError(t, opened.SettleJournal(delivered, rejected))
}

// refusedNumbers are the numbers of what the endpoint has refused.
func refusedNumbers(t *testing.T, opened *store.Store, namespace string) []int64 {
	t.Helper()
	page, err := opened.JournalRejected(store.JournalRejectedQuery{Namespace: namespace})
	require.NoError(t, err)
	numbers := []int64{}
	for _, entry := range page.Entries {
		number, _ := entry.Fields["number"].(int64)
		numbers = append(numbers, number)
	}
	return numbers
}

func TestJournaldelivery_PendingJournal_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	entries, _, err := opened.PendingJournal(10, 100)
	require.NoError(t, err)
	assert.Empty(t, entries)
	journalledTogether(t, opened, 2500, func(int) string { return "acme" })
	numbers := pendingNumbers(t, opened)
	require.Len(t, numbers, 2500)
	for index, number := range numbers {
		require.Equal(t, index, number, "in order, over many reads")
	}
	for _, test := range []struct{ limit, bytes, want int }{{1, 1 << 20, 1}, {1000, 1 << 20, 1000}, {1001, 1 << 20, 1001}, {10, 0, 1}, {10, 70, 2}} {
		entries, more, err := opened.PendingJournal(test.limit, test.bytes)
		require.NoError(t, err)
		assert.True(t, more)
		assert.Len(t, entries, test.want, "%+v", test)
	}
}

func TestJournaldelivery_JournalNews_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	assert.Empty(t, opened.JournalNews())
	journalled(t, opened, "acme", 1, 2)
	<-opened.JournalNews()
	assert.Empty(t, opened.JournalNews())
	require.NoError(t, opened.Close())
	opened = openStore(t, config)
	<-opened.JournalNews()
	settleJournal(t, opened, 2, 0, 1)
	_, err := opened.RequeueJournal("acme", nil)
	require.NoError(t, err)
	<-opened.JournalNews()
}

func TestJournaldelivery_SettleJournal_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	require.NoError(t, opened.SettleJournal(nil, nil))
	journalled(t, opened, "acme", 1, 2)
	journalled(t, opened, "other", 3)
	journalled(t, opened, "acme", 4, 5)
	settleJournal(t, opened, 4, 1, 2)
	requireCounts(t, opened, "acme", 1, 2, 1)
	requireCounts(t, opened, "other", 0, 0, 1)
	assert.Equal(t, []int{5}, pendingNumbers(t, opened))
	require.NoError(t, opened.Close())
	opened = openStore(t, config)
	assert.Equal(t, []int{5}, pendingNumbers(t, opened))
	requireCounts(t, opened, "acme", 1, 2, 1)
	status, err := opened.Status()
	require.NoError(t, err)
	assert.Equal(t, store.JournalCounts{Pending: 1, Delivered: 2, Rejected: 2}, status.Journal)
	page, err := opened.JournalRejected(store.JournalRejectedQuery{Namespace: "other"})
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	assert.Equal(t, map[string]any{"number": int64(3)}, page.Entries[0].Fields)
	assert.Equal(t, []any{time.Unix(1, 0).UTC(), 400, "bad"}, []any{page.Entries[0].RejectedAt, page.Entries[0].Status, page.Entries[0].Reason})
}

func TestJournaldelivery_SettleJournal_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	journalled(t, opened, "acme", 1, 2, 3)
	entries, _, err := opened.PendingJournal(3, 1<<20)
	require.NoError(t, err)
	require.ErrorIs(t, opened.SettleJournal(entries[1:], nil), store.ErrNotPending, "the first is passed over")
	require.ErrorIs(t, opened.SettleJournal([]store.JournalEntry{entries[0], entries[0]}, nil), store.ErrNotPending)
	require.NoError(t, opened.SettleJournal(entries[:1], nil))
	require.ErrorIs(t, opened.SettleJournal(entries[:1], nil), store.ErrNotPending, "it is settled already")
	require.ErrorIs(t, opened.SettleJournal(nil, []store.JournalRejection{{JournalEntry: entries[0]}}), store.ErrNotPending)
	assert.Equal(t, []int{2, 3}, pendingNumbers(t, opened))
	requireCounts(t, opened, "acme", 2, 1, 0)
}

func TestJournaldelivery_SettleJournal_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)})
	journalled(t, opened, "acme", 1, 2)
	for _, table := range []string{"INSERT ON journal_refusals", "UPDATE ON journal_counts"} {
		entries, _, err := opened.PendingJournal(2, 1<<20)
		require.NoError(t, err)
		require.NoError(t, store.Execute(opened, `CREATE TRIGGER refuse BEFORE `+table+` BEGIN SELECT raise(ABORT, 'no'); END`))
		require.ErrorContains(t, opened.SettleJournal(entries[:1], []store.JournalRejection{{JournalEntry: entries[1], Reason: "bad"}}), "no")
		require.NoError(t, store.Execute(opened, `DROP TRIGGER refuse`))
		requireCounts(t, opened, "acme", 2, 0, 0)
		assert.Equal(t, []int{1, 2}, pendingNumbers(t, opened))
	}
}

func TestJournaldelivery_JournalRejected_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	journalled(t, opened, "acme", 1, 2, 3)
	settleJournal(t, opened, 3, 0, 1, 2)
	var numbers []any
	query := store.JournalRejectedQuery{Namespace: "acme", Limit: 2}
	for {
		page, err := opened.JournalRejected(query)
		require.NoError(t, err)
		for _, entry := range page.Entries {
			numbers = append(numbers, entry.Fields["number"])
		}
		if query.After = page.Next; page.Next.IsZero() {
			break
		}
	}
	assert.Equal(t, []any{int64(1), int64(2), int64(3)}, numbers)
	_, err := opened.JournalRejected(store.JournalRejectedQuery{Limit: -1})
	require.Error(t, err)
}

func TestJournaldelivery_RequeueJournal_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	journalled(t, opened, "acme", 1, 2, 3)
	journalled(t, opened, "other", 4)
	settleJournal(t, opened, 4, 0, 1, 3)
	journalled(t, opened, "acme", 5)
	requeued, err := opened.RequeueJournal("acme", []int64{2, 2, 3, 4, 99})
	require.NoError(t, err)
	assert.Equal(t, int64(1), requeued, "what was refused of the namespace, once")
	assert.Equal(t, []int{2, 5}, pendingNumbers(t, opened), "the requeued one comes first")
	requireCounts(t, opened, "acme", 2, 1, 1)
	assert.Equal(t, []int64{1}, refusedNumbers(t, opened, "acme"))
	require.NoError(t, opened.Close())
	opened = openStore(t, config)
	settleJournal(t, opened, 1) // the requeued one is taken
	assert.Equal(t, []int{5}, pendingNumbers(t, opened))
	requeued, err = opened.RequeueJournal("acme", nil)
	require.NoError(t, err)
	assert.Equal(t, int64(1), requeued)
	settleJournal(t, opened, 2, 0) // and refused again
	requireCounts(t, opened, "acme", 0, 3, 1)
	assert.Equal(t, []int64{1}, refusedNumbers(t, opened, "acme"))
	assert.Equal(t, []int64{4}, refusedNumbers(t, opened, "other"))
}

func TestJournaldelivery_RequeueJournal_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	journalled(t, opened, "acme", 1, 2)
	settleJournal(t, opened, 2, 0, 1)
	release := store.Hold(opened)
	done := make(chan int64, 4)
	// In one batch each is counted once.
	for _, ids := range [][]int64{{1}, {1, 2}, nil, {2}} {
		opened.Submit(store.RequeueJournalCommand{Namespace: "acme", EntryIDs: ids}, func(outcome store.Outcome, err error) {
			assert.NoError(t, err)
			done <- outcome.Requeued
		})
	}
	release()
	assert.Equal(t, []int64{1, 1, 0, 0}, []int64{<-done, <-done, <-done, <-done})
	requireCounts(t, opened, "acme", 2, 0, 0)
	assert.Equal(t, []int{1, 2}, pendingNumbers(t, opened))
}

func TestScope_Journal_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	acme := newScoped(t, opened, "acme")
	journalled(t, opened, "acme", 1, 2)
	journalled(t, opened, "other", 3)
	settleJournal(t, opened, 3, 1, 2)
	status, err := acme.JournalStatus()
	require.NoError(t, err)
	assert.Equal(t, store.JournalCounts{Delivered: 1, Rejected: 1}, status.JournalCounts)
	page, err := acme.JournalRejected(store.JournalRejectedQuery{Namespace: "other"})
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	assert.Equal(t, map[string]any{"number": int64(2)}, page.Entries[0].Fields)
	requeued, err := acme.RequeueJournal(nil)
	require.NoError(t, err)
	assert.EqualValues(t, 1, requeued)
	requireCounts(t, opened, "other", 0, 0, 1)
}

func TestJournaldelivery_PendingJournal_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	const points = 2500
	journalledTogether(t, opened, points, func(int) string { return "acme" })
	everything := make([]int, points)
	for index := range everything {
		everything[index] = index
	}
	settleJournal(t, opened, points, everything...)
	journalled(t, opened, "acme", points)
	_, err := opened.RequeueJournal("acme", nil)
	require.NoError(t, err)
	assert.Equal(t, slices.Concat(everything, []int{points}), pendingNumbers(t, opened), "those that were requeued, however many they are")
	requireCounts(t, opened, "acme", points+1, 0, 0)
}
