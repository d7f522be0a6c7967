// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// answering is a set of a namespace by a request with an id, whose answer has so many bytes.
func answering(namespace, id string, size int) requested {
	return requested{store.SetCommand{Group: namespace + ":g", Key: "key", Value: id}, store.Request{
		Namespace: namespace, ID: id,
		Answer: func(store.Outcome) ([]byte, error) { return bytes.Repeat([]byte(id[:1]), size), nil },
	}}
}

// fillAnswers sends requests whose answers are large until one is refused, and returns how many were not.
func fillAnswers(t *testing.T, opened *store.Store, namespace string, size int) (taken int) {
	t.Helper()
	for taken = 0; taken < 1000; taken++ {
		_, err := submit(opened, answering(namespace, fmt.Sprint(taken), size))
		if err != nil {
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.ErrorContains(t, err, `answers of namespace "`+namespace+`"`)
			return taken
		}
	}
	require.Fail(t, "nothing is refused")
	return 0
}

func TestAnswerBound_Admit_Bad(t *testing.T) {
	t.Parallel()
	const size = 60 << 10
	t.Run("LargeAnswersOfANamespaceAreBounded", func(t *testing.T) {
		clock := newClock()
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Elapsed: clock.Elapsed, Durability: store.DurabilityRelaxed}
		opened := openStore(t, config)
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxBytes: 70_000}))
		taken := fillAnswers(t, opened, "acme", size)
		assert.Greater(t, taken, 60)
		assert.LessOrEqual(t, taken, 4<<20/size+1)
		for range 2 {
			before := revision(t, opened, "acme")
			assert.Zero(t, fillNothing(t, opened, size))
			assert.Equal(t, before, revision(t, opened, "acme"), "a refused request changes nothing")
			outcome, err := submit(opened, answering("acme", "0", size))
			require.NoError(t, err)
			assert.True(t, outcome.Replayed, "none is forgotten early")
			assert.Equal(t, bytes.Repeat([]byte("0"), size), outcome.Answer)
			_, err = submit(opened, answering("acme", "small"+fmt.Sprint(before), 100))
			require.NoError(t, err, "a small answer costs nothing")
			require.NoError(t, opened.Set("acme:g", "key", "without an id"))
			_, err = submit(opened, answering("other", "id"+fmt.Sprint(before), size))
			require.NoError(t, err, "another namespace has room of its own")
			opened = reopen(t, opened, config)
		}
		file, err := os.Stat(config.DatabasePath)
		require.NoError(t, err)
		assert.Less(t, file.Size(), int64(16<<20))
		clock.Advance(store.RetryWindow + store.RetryWindow/4)
		require.NoError(t, store.KeepHouse(opened))
		_, err = submit(opened, answering("acme", "later", size))
		require.NoError(t, err)
	})
	t.Run("TogetherInOneBatch", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		commands := make([]store.Command, 200)
		for index := range commands {
			commands[index] = answering("acme", fmt.Sprint(index), size)
		}
		taken := 0
		for _, result := range submitTogether(opened, commands...) {
			if result.err == nil {
				taken++
			} else {
				require.ErrorIs(t, result.err, store.ErrUnavailable)
			}
		}
		assert.Greater(t, taken, 60)
		assert.LessOrEqual(t, taken, 4<<20/size+1)
	})
	t.Run("WhatOnlyChangesIsNotRefused", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		for index := range 300 {
			transaction := store.TransactionCommand{Namespace: "acme"}
			for key := range 200 {
				transaction.Then = append(transaction.Then, store.SetCommand{Group: "acme:g", Key: fmt.Sprint(key)})
			}
			_, err := submit(opened, requested{transaction, store.Request{
				Namespace: "acme", ID: fmt.Sprint(index),
				Answer: func(store.Outcome) ([]byte, error) { return make([]byte, 200*100), nil },
			}})
			require.NoError(t, err)
		}
	})
}

// fillNothing sends one request more.
func fillNothing(t *testing.T, opened *store.Store, size int) (taken int) {
	t.Helper()
	_, err := submit(opened, answering("acme", "more", size))
	if err == nil {
		return 1
	}
	require.ErrorIs(t, err, store.ErrUnavailable)
	return 0
}
