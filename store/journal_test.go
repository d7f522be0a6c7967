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

// journalled commits points of a namespace to the journal, each with its number.
func journalled(t *testing.T, opened *store.Store, namespace string, numbers ...int) {
	t.Helper()
	for _, number := range numbers {
		command, err := store.NewJournalCommand(namespace, "m", map[string]any{"number": number}, nil)
		require.NoError(t, err)
		_, err = submit(opened, command)
		require.NoError(t, err)
	}
}

// pendingNumbers are the numbers of what is to be delivered next.
func pendingNumbers(t *testing.T, opened *store.Store) []int {
	t.Helper()
	entries, _, err := opened.PendingJournal(10_000, 1<<30)
	require.NoError(t, err)
	numbers := []int{}
	for _, entry := range entries {
		number, ok := entry.Fields["number"].(int64)
		require.True(t, ok)
		numbers = append(numbers, int(number))
	}
	return numbers
}

func requireCounts(t *testing.T, opened *store.Store, namespace string, pending, delivered, rejected int64) {
	t.Helper()
	status, err := opened.JournalStatus(namespace)
	require.NoError(t, err)
	assert.Equal(t, store.JournalCounts{Pending: pending, Delivered: delivered, Rejected: rejected}, status.JournalCounts)
	assert.Equal(t, pending == 0, status.OldestPendingAt.IsZero())
	requireTotals(t, opened)
}

// requireTotals compares what is known without a question with what is there.
func requireTotals(t *testing.T, opened *store.Store) {
	t.Helper()
	status, err := opened.Status()
	require.NoError(t, err)
	want := store.JournalStatus{JournalCounts: status.Journal}
	entries, _, err := opened.PendingJournal(1, 0)
	require.NoError(t, err)
	if len(entries) > 0 {
		want.OldestPendingAt = entries[0].CommittedAt
	}
	assert.Equal(t, want, opened.JournalTotals())
}

func TestJournal_CommitToJournal_Good(t *testing.T) {
	t.Run("TimesAreUniqueAndIDsRise", func(t *testing.T) {
		now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: func() time.Time { return now }}
		opened := openStore(t, config)
		release := store.Hold(opened)
		done := make(chan store.Outcome, 3)
		for range 3 {
			command, err := store.NewJournalCommand("acme", "m", map[string]any{"a": 1}, nil)
			require.NoError(t, err)
			opened.Submit(command, func(outcome store.Outcome, _ error) { done <- outcome })
		}
		release()
		for index := range 3 {
			outcome := <-done
			assert.Equal(t, int64(index+1), outcome.EntryID)
			assert.Equal(t, now.Add(time.Duration(index)), outcome.CommittedAt)
		}
		require.NoError(t, opened.Close())
		now = now.Add(-time.Hour) // a clock that goes back
		opened = openStore(t, config)
		scoped, err := store.NewScoped(opened, "acme")
		require.NoError(t, err)
		entry, err := scoped.CommitToJournal("m", map[string]any{"a": 1}, nil)
		require.NoError(t, err)
		assert.Equal(t, int64(4), entry.EntryID)
		assert.Equal(t, now.Add(time.Hour+3), entry.CommittedAt)
		assert.Equal(t, "acme", entry.Namespace)
	})
	t.Run("LeavesNoChangeInTheLog", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		journalled(t, opened, "acme", 1, 2)
		assert.Zero(t, revision(t, opened, "acme"))
	})
	t.Run("AnswersARequestThatIsRepeated", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		command, err := store.NewJournalCommand("acme", "m", map[string]any{"number": 1}, nil)
		require.NoError(t, err)
		request := store.Request{Namespace: "acme", ID: "one", Answer: func(outcome store.Outcome) ([]byte, error) {
			return fmt.Append(nil, outcome.EntryID, outcome.CommittedAt), nil
		}}
		var answers [2]store.Outcome
		for index := range answers {
			done := make(chan error, 1)
			opened.SubmitRequest(request, command, func(outcome store.Outcome, err error) { answers[index] = outcome; done <- err })
			require.NoError(t, <-done)
		}
		assert.Equal(t, answers[0].Answer, answers[1].Answer)
		assert.True(t, answers[1].Replayed)
		assert.Equal(t, []int{1}, pendingNumbers(t, opened))
	})
	t.Run("GoesInOneCommitWithOtherWrites", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)})
		release := store.Hold(opened)
		command, err := store.NewJournalCommand("acme", "m", map[string]any{"number": 1}, nil)
		require.NoError(t, err)
		done := make(chan error, 2)
		opened.Submit(command, func(_ store.Outcome, err error) { done <- err })
		opened.Submit(store.SetCommand{Group: "acme:g", Key: "a", Value: "x"}, func(_ store.Outcome, err error) { done <- err })
		release()
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		fired, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, int64(1), fired.Journal.Pending)
		requireValue(t, opened, "a", "x")
		assert.Equal(t, []int{1}, pendingNumbers(t, opened))
	})
}

func TestJournal_CommitToJournal_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	_, err := submit(opened, store.JournalCommand{})
	require.ErrorIs(t, err, store.ErrInvalidJournalEntry)
	_, err = opened.CommitToJournal("", map[string]any{"a": 1}, nil)
	require.ErrorContains(t, err, `store.CommitToJournal: measurement "": invalid journal entry: measurement is empty`)
	requireCounts(t, opened, "", 0, 0, 0)
}

func TestJournal_CommitToJournal_Ugly(t *testing.T) {
	t.Run("CrashKeepsWhatWasCommitted", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		journalled(t, opened, "acme", 1, 2, 3)
		reopened := openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)})
		assert.Equal(t, []int{1, 2, 3}, pendingNumbers(t, reopened))
		requireCounts(t, reopened, "acme", 3, 0, 0)
	})
	t.Run("FailedCommitLeavesNoTrace", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)})
		journalled(t, opened, "acme", 1)
		require.NoError(t, store.Execute(opened, `CREATE TRIGGER refuse BEFORE INSERT ON journal_entries BEGIN SELECT raise(ABORT, 'no'); END`))
		_, err := opened.CommitToJournal("m", map[string]any{"a": 1}, nil)
		require.Error(t, err)
		require.NoError(t, store.Execute(opened, `DROP TRIGGER refuse; CREATE TRIGGER refuse BEFORE INSERT ON journal_counts BEGIN SELECT raise(ABORT, 'no'); END`))
		_, err = opened.CommitToJournal("m", map[string]any{"a": 1}, nil)
		require.Error(t, err)
		require.NoError(t, store.Execute(opened, `DROP TRIGGER refuse`))
		journalled(t, opened, "acme", 2)
		assert.Equal(t, []int{1, 2}, pendingNumbers(t, opened))
		requireCounts(t, opened, "", 0, 0, 0)
	})
	t.Run("Closed", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		require.NoError(t, opened.Close())
		_, err := opened.CommitToJournal("m", map[string]any{"a": 1}, nil)
		require.ErrorIs(t, err, store.ErrClosed)
		_, _, err = opened.PendingJournal(1, 1)
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.JournalStatus("")
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.JournalRejected(store.JournalRejectedQuery{})
		require.ErrorIs(t, err, store.ErrClosed)
		opened.SubmitJournalStatus("", func(_ store.JournalStatus, err error) { assert.ErrorIs(t, err, store.ErrClosed) })
		opened.SubmitJournalRejected(store.JournalRejectedQuery{}, func(_ store.JournalRejectedPage, err error) { assert.ErrorIs(t, err, store.ErrClosed) })
		require.ErrorIs(t, opened.SettleJournal([]store.JournalEntry{{}}, nil), store.ErrClosed)
	})
}
