// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// counted is an increment that is asked for by a request with an id.
func counted(id string) requested {
	return requested{store.IncrementCommand{Group: "acme:g", Key: "sum", By: 1}, store.Request{
		Namespace: "acme", ID: id,
		Answer: func(outcome store.Outcome) ([]byte, error) { return fmt.Appendf(nil, "%d", outcome.Number), nil },
	}}
}

func requireAnswer(t *testing.T, opened *store.Store, command store.Command, want string, replayed bool) {
	t.Helper()
	outcome, err := submit(opened, command)
	require.NoError(t, err)
	assert.Equal(t, want, string(outcome.Answer))
	assert.Equal(t, replayed, outcome.Replayed)
}

func TestRequest_SubmitRequest_Good(t *testing.T) {
	t.Run("TheSameRequestGetsTheSameAnswer", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		outcome, err := submit(opened, counted("x"))
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 1, Created: true, Number: 1, Answer: []byte("1")}, outcome)
		for range 2 {
			outcome, err := submit(opened, counted("x"))
			require.NoError(t, err)
			assert.Equal(t, store.Outcome{Answer: []byte("1"), Replayed: true}, outcome)
		}
		requireAnswer(t, opened, counted("y"), "2", false)
		requireAnswer(t, opened, counted("x"), "1", true)
		elsewhere := counted("x")
		elsewhere.request.Namespace = "other"
		requireAnswer(t, opened, elsewhere, "3", false)
		assert.Len(t, changes(t, opened, "acme", 0), 3)
	})
	t.Run("TwiceInOneBatch", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		results := submitTogether(opened, counted("x"), counted("x"), counted("y"), counted("x"))
		var answers []string
		for _, result := range results {
			require.NoError(t, result.err)
			answers = append(answers, fmt.Sprint(string(result.outcome.Answer), result.outcome.Replayed))
		}
		assert.Equal(t, []string{"1false", "1true", "2false", "1true"}, answers)
	})
	t.Run("WithoutAnIDNothingIsRemembered", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		requireAnswer(t, opened, counted(""), "1", false)
		requireAnswer(t, opened, counted(""), "2", false)
		requireRemembered(t, opened, 0, 0)
	})
	t.Run("WhatChangedNothingIsRemembered", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		remove := requested{store.DeleteCommand{Group: "acme:g", Key: "a"}, store.Request{
			Namespace: "acme", ID: "x",
			Answer: func(outcome store.Outcome) ([]byte, error) { return fmt.Append(nil, outcome.Deleted), nil },
		}}
		requireAnswer(t, opened, remove, "false", false)
		setKeys(t, opened, "a")
		requireAnswer(t, opened, remove, "false", true)
		opened = reopen(t, opened, config)
		requireAnswer(t, opened, remove, "false", true)
		requireValue(t, opened, "a", "value")
	})
	t.Run("AcrossARestartAndACrash", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		requireAnswer(t, opened, counted("x"), "1", false)
		crashed := openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)})
		requireAnswer(t, crashed, counted("x"), "1", true)
		opened = reopen(t, opened, config)
		requireAnswer(t, opened, counted("x"), "1", true)
		requireAnswer(t, opened, counted("y"), "2", false)
		opened = reopen(t, opened, config)
		requireAnswer(t, opened, counted("x"), "1", true)
		requireAnswer(t, opened, counted("y"), "2", true)
	})
	t.Run("ATransactionIsAnsweredAsAWhole", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		request := requested{store.TransactionCommand{Namespace: "acme", Then: []store.Command{
			store.SetCommand{Group: "acme:g", Key: "a", Value: "1"}, store.GetOperation{Group: "acme:g", Key: "a"},
		}}, store.Request{
			Namespace: "acme", ID: "x",
			Answer: func(outcome store.Outcome) ([]byte, error) {
				return []byte(outcome.Transaction.Results[1].Entry.Value), nil
			},
		}}
		requireAnswer(t, opened, request, "1", false)
		requireAnswer(t, opened, request, "1", true)
		events := changes(t, opened, "acme", 0)
		require.Len(t, events, 1)
		assert.Equal(t, uint64(1), events[0].TransactionLast)
	})
	t.Run("AnswersMayBeAsLongAsTheyMay", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		for name, answer := range map[string]string{"none": "", "long": strings.Repeat("x", store.MaxAnswerBytes)} {
			request := counted(name)
			request.request.Answer = func(store.Outcome) ([]byte, error) { return []byte(answer), nil }
			requireAnswer(t, opened, request, answer, false)
			requireAnswer(t, opened, request, answer, true)
		}
	})
}

func TestRequest_SubmitRequest_Bad(t *testing.T) {
	t.Run("AnotherRequestWithTheID", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		requireAnswer(t, opened, counted("x"), "1", false)
		other := counted("x")
		other.request.Digest[7] = 1
		for _, result := range submitTogether(opened, other, counted("y"), other) {
			if result.err != nil {
				require.ErrorIs(t, result.err, store.ErrRequestMismatch)
				assert.Zero(t, result.outcome)
			}
		}
		requireAnswer(t, opened, counted("x"), "1", true)
		requireValue(t, opened, "sum", "2")
	})
	t.Run("AnAnswerThatIsTooLong", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		request := counted("x")
		request.request.Answer = func(store.Outcome) ([]byte, error) { return make([]byte, store.MaxAnswerBytes+1), nil }
		outcome, err := submit(opened, request)
		var tooLarge *store.TooLargeError
		require.ErrorAs(t, err, &tooLarge)
		assert.Equal(t, store.TooLargeError{What: "answer", Size: store.MaxAnswerBytes + 1, Limit: store.MaxAnswerBytes}, *tooLarge)
		assert.Zero(t, outcome)
		requireNoKey(t, opened, "sum")
		requireAnswer(t, opened, counted("x"), "1", false)
		request.request.ID = ""
		outcome, err = submit(opened, request)
		require.NoError(t, err)
		assert.Len(t, outcome.Answer, store.MaxAnswerBytes+1, "the limit is that of what is remembered")
	})
	t.Run("AnAnswerThatFails", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		for _, id := range []string{"", "x"} {
			request := counted(id)
			request.request.Answer = func(store.Outcome) ([]byte, error) { return nil, errUnanswerable }
			_, err := submit(opened, request)
			require.ErrorIs(t, err, errUnanswerable)
			requireNoKey(t, opened, "sum")
		}
		requireAnswer(t, opened, counted("x"), "1", false)
	})
	t.Run("ErrorsAreNotRemembered", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Set("acme:g", "sum", "one"))
		_, err := submit(opened, counted("x"))
		require.ErrorIs(t, err, store.ErrNotANumber)
		require.NoError(t, opened.Set("acme:g", "sum", "1"))
		requireAnswer(t, opened, counted("x"), "2", false)
	})
	t.Run("ARepeatedIDIsLookedAtBeforeTheGuard", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		request := counted("x")
		request.Command = store.SetCommand{Group: "acme:g", Key: "a", IfRevision: new(uint64)}
		requireAnswer(t, opened, request, "0", false)
		requireAnswer(t, opened, request, "0", true)
	})
	t.Run("ClosedStore", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Close())
		request := counted("x")
		opened.SubmitRequest(request.request, request.Command, func(_ store.Outcome, err error) { assert.ErrorIs(t, err, store.ErrClosed) })
	})
}

func TestRequest_SubmitRequest_Ugly(t *testing.T) {
	t.Run("DiskIsFull", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Set("acme:g", "a", ""))
		full := diskFull(t)
		require.NoError(t, store.OnCommit(opened, func(func() error) error { return full }))
		removal := counted("y")
		removal.Command = store.DeleteCommand{Group: "acme:g", Key: "missing"}
		for _, request := range []requested{counted("x"), removal} {
			_, err := submit(opened, request)
			require.ErrorIs(t, err, store.ErrUnavailable)
		}
		requireRemembered(t, opened, 0, 0)
		require.NoError(t, store.OnCommit(opened, func(commit func() error) error { return commit() }))
		requireAnswer(t, opened, removal, "0", false)
		requireAnswer(t, opened, counted("x"), "1", false)
		requireAnswer(t, opened, counted("x"), "1", true)
	})
	t.Run("TheDatabaseCannotBeAsked", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		requireAnswer(t, opened, counted("x"), "1", false)
		require.NoError(t, store.Execute(opened, "ALTER TABLE retries RENAME TO lost"))
		_, err := submit(opened, counted("x"))
		require.ErrorContains(t, err, "no such table")
		requireValue(t, opened, "sum", "1")
		require.NoError(t, store.Execute(opened, "ALTER TABLE lost RENAME TO retries"))
		requireAnswer(t, opened, counted("x"), "1", true)
	})
}

// requireRemembered checks how many answers are kept.
func requireRemembered(t *testing.T, opened *store.Store, rows, known int) {
	t.Helper()
	gotRows, gotKnown, err := store.RememberedAnswers(opened)
	require.NoError(t, err)
	require.Equal(t, []int{rows, known}, []int{gotRows, gotKnown})
}

func TestRetries_Window_Good(t *testing.T) {
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
	opened := openStore(t, config)
	requireAnswer(t, opened, counted("x"), "1", false)
	clock.Advance(store.RetryWindow - 1)
	requireAnswer(t, opened, counted("x"), "1", true)
	opened = reopen(t, opened, config)
	requireAnswer(t, opened, counted("x"), "1", true)
	clock.Advance(1)
	requireAnswer(t, opened, counted("x"), "2", false)
	clock.Advance(store.RetryWindow - 1)
	requireAnswer(t, opened, counted("x"), "2", true)
	clock.Advance(1)
	opened = reopen(t, opened, config)
	requireAnswer(t, opened, counted("x"), "3", false)
}

func TestRetries_Forget_Good(t *testing.T) {
	const requests = 2500 // More than are removed at once.
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Durability: store.DurabilityRelaxed}
	opened := openStore(t, config)
	commands := make([]store.Command, requests)
	for index := range commands {
		commands[index] = counted(fmt.Sprint(index))
	}
	for _, result := range submitTogether(opened, commands...) {
		require.NoError(t, result.err)
	}
	requireRemembered(t, opened, requests, requests)
	clock.Advance(store.RetryWindow / 2)
	requireAnswer(t, opened, counted("later"), fmt.Sprint(requests+1), false)
	clock.Advance(store.RetryWindow/2 - 1)
	require.NoError(t, store.KeepHouse(opened))
	settle(t, opened)
	requireRemembered(t, opened, requests+1, requests+1)
	t.Run("InSlices", func(t *testing.T) {
		clock.Advance(1)
		slices, err := store.ClearRetries(opened)
		require.NoError(t, err)
		assert.Equal(t, 3, slices)
		requireRemembered(t, opened, 1, 1)
		requireAnswer(t, opened, counted("later"), fmt.Sprint(requests+1), true)
		requireAnswer(t, opened, counted("0"), fmt.Sprint(requests+2), false)
	})
	t.Run("AfterARestart", func(t *testing.T) {
		clock.Advance(store.RetryWindow)
		opened = reopen(t, opened, config)
		requireRemembered(t, opened, 2, 2)
		require.NoError(t, store.KeepHouse(opened))
		settle(t, opened)
		requireRemembered(t, opened, 0, 0)
		requireAnswer(t, opened, counted("again"), fmt.Sprint(requests+3), false)
		requireAnswer(t, opened, counted("again"), fmt.Sprint(requests+3), true)
	})
}

func TestRetries_Forget_Bad(t *testing.T) {
	var logged logged
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Logger: logged.logger()})
	requireAnswer(t, opened, counted("x"), "1", false)
	require.NoError(t, store.Settle(opened))
	clock.Advance(store.RetryWindow)
	full := diskFull(t)
	require.NoError(t, store.OnCommit(opened, func(func() error) error { return full }))
	slices, err := store.ClearRetries(opened)
	require.NoError(t, err)
	assert.Equal(t, 1, slices, "it is left for later")
	assert.Contains(t, logged.String(), `it is tried again" work="removing old answers"`)
	requireRemembered(t, opened, 1, 0)
	require.NoError(t, store.OnCommit(opened, func(commit func() error) error { return commit() }))
	requireAnswer(t, opened, counted("x"), "2", false)
	require.NoError(t, store.KeepHouse(opened))
	settle(t, opened)
	requireRemembered(t, opened, 1, 1)
}

// TestRetries_Forget_Ugly sets the clock back: what is younger than the window is
// kept, whatever the order of the times.
func TestRetries_Forget_Ugly(t *testing.T) {
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
	opened := openStore(t, config)
	removal := func(id string) requested {
		return requested{store.DeleteCommand{Group: "acme:g", Key: "a"}, store.Request{ID: id, Answer: describeOutcome}}
	}
	for _, step := range []time.Duration{0, -time.Hour, time.Second} {
		clock.Advance(step)
		outcome, err := submit(opened, removal(fmt.Sprint(step)))
		require.NoError(t, err)
		assert.False(t, outcome.Replayed)
	}
	clock.Advance(store.RetryWindow)
	require.NoError(t, store.KeepHouse(opened))
	settle(t, opened)
	opened = reopen(t, opened, config)
	outcome, err := submit(opened, removal(fmt.Sprint(time.Duration(0))))
	require.NoError(t, err)
	assert.True(t, outcome.Replayed)
}
