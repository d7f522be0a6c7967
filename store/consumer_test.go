// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func registerConsumer(t *testing.T, opened *store.Store) *store.Consumer {
	t.Helper()
	consumer, err := opened.RegisterConsumer("publisher")
	require.NoError(t, err)
	return consumer
}

// next returns the keys of so many changes that a consumer gets next.
func next(t *testing.T, consumer *store.Consumer, changes int) (keys []string) {
	t.Helper()
	for len(keys) < changes {
		commits, err := consumer.Next(context.Background())
		require.NoError(t, err)
		require.NotEmpty(t, commits)
		for _, commit := range commits {
			for _, event := range commit.Events {
				keys = append(keys, event.Key)
			}
		}
	}
	return keys
}

// requireNothingNext checks that a consumer has had everything.
func requireNothingNext(t *testing.T, consumer *store.Consumer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := consumer.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func setKeys(t *testing.T, opened *store.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		require.NoError(t, opened.Set("acme:g", key, "value"))
	}
}

func TestConsumer_Next_Good(t *testing.T) {
	t.Run("BeginsAtTheEndAndKeepsTheOrder", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "before")
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "a", "b")
		require.NoError(t, opened.Delete("acme:g", "a"))
		require.NoError(t, opened.Set("other:g", "c", ""))
		assert.Equal(t, []string{"a", "b", "a", "c"}, next(t, consumer, 4))
		requireNothingNext(t, consumer)
	})
	t.Run("CommitsAreWholeAndDense", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		consumer := registerConsumer(t, opened)
		var running sync.WaitGroup
		for writer := range 20 {
			running.Go(func() {
				for index := range 25 {
					assert.NoError(t, opened.Set("acme:g", fmt.Sprint(writer, "-", index), ""))
				}
			})
		}
		id, revision := uint64(0), uint64(0)
		for revision < 500 {
			commits, err := consumer.Next(context.Background())
			require.NoError(t, err)
			for _, commit := range commits {
				require.Equal(t, id+1, commit.ID)
				id = commit.ID
				for _, event := range commit.Events {
					require.Equal(t, revision+1, event.Revision)
					revision = event.Revision
				}
			}
		}
		running.Wait()
	})
	t.Run("WaitsForACommit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{})
			consumer := registerConsumer(t, opened)
			got := make(chan int)
			go func() {
				commits, err := consumer.Next(context.Background())
				assert.NoError(t, err)
				got <- len(commits)
			}()
			synctest.Wait()
			setKeys(t, opened, "a")
			assert.Equal(t, 1, <-got)
		})
	})
	t.Run("ReadsTheDatabaseWhereMemoryDoesNotReachBack", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		consumer := registerConsumer(t, opened)
		var want []string
		for index := range 600 { // More than one read takes.
			want = append(want, fmt.Sprint(index))
		}
		setKeys(t, opened, want...)
		store.Evict(opened)
		assert.Equal(t, want, next(t, consumer, 600))
		requireNothingNext(t, consumer)
		setKeys(t, opened, "after")
		assert.Equal(t, []string{"after"}, next(t, consumer, 1))
	})
}

func TestConsumer_Next_Bad(t *testing.T) {
	t.Run("EndsWithItsContext", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{})
			consumer := registerConsumer(t, opened)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			begin := time.Now()
			_, err := consumer.Next(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "store.Consumer.Next: ")
			assert.Equal(t, time.Minute, time.Since(begin))
		})
	})
	t.Run("EndsWithClose", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{})
			consumer := registerConsumer(t, opened)
			ended := make(chan error)
			go func() {
				_, err := consumer.Next(context.Background())
				ended <- err
			}()
			synctest.Wait()
			require.NoError(t, opened.Close())
			require.ErrorIs(t, <-ended, store.ErrClosed)
		})
	})
}

func TestConsumer_Next_Ugly(t *testing.T) {
	t.Run("WhatWasReturnedStaysWhileMemoryIsGivenUp", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		consumer := registerConsumer(t, opened)
		for index := range 20 {
			setKeys(t, opened, fmt.Sprint(index))
		}
		commits, err := consumer.Next(context.Background())
		require.NoError(t, err)
		require.Len(t, commits, 20)
		var writing sync.WaitGroup
		writing.Go(func() {
			for range 10 { // More than memory keeps.
				assert.NoError(t, opened.Set("acme:g", "large", strings.Repeat("x", 2<<20)))
			}
		})
		for range 100 {
			for index, commit := range commits {
				require.Equal(t, uint64(index+1), commit.ID)
				require.Len(t, commit.Events, 1)
			}
		}
		writing.Wait()
		for index, commit := range commits {
			require.Equal(t, uint64(index+1), commit.ID)
			require.Equal(t, fmt.Sprint(index), commit.Events[0].Key)
		}
		assert.Len(t, next(t, consumer, 10), 10)
	})
}

func TestConsumer_Acknowledge_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	consumer := registerConsumer(t, opened)
	setKeys(t, opened, "a", "b")
	next(t, consumer, 2)
	consumer.Acknowledge()
	setKeys(t, opened, "c")
	next(t, consumer, 1)
	opened = reopen(t, opened, config)
	consumer = registerConsumer(t, opened)
	assert.Equal(t, []string{"c"}, next(t, consumer, 1), "what was not acknowledged comes again after a restart")
	consumer.Acknowledge()

	t.Run("IsSavedByClose", func(t *testing.T) {
		opened := reopen(t, opened, config)
		requireNothingNext(t, registerConsumer(t, opened))
		require.NoError(t, opened.Close())
	})
	t.Run("IsSavedWithTheNextCommit", func(t *testing.T) {
		opened := openStore(t, config)
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "d")
		next(t, consumer, 1)
		consumer.Acknowledge()
		setKeys(t, opened, "e")
		assert.Equal(t, []string{"e"}, afterCrash(t, opened, config, 1))
		require.NoError(t, opened.Close())
	})
	t.Run("IsSavedUnderSteadyWrites", func(t *testing.T) {
		clock := newClock()
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
		opened := openStore(t, config)
		consumer := registerConsumer(t, opened)
		for index := range 100 {
			setKeys(t, opened, fmt.Sprint(index))
			next(t, consumer, 1)
			consumer.Acknowledge()
			clock.Advance(10 * time.Millisecond)
		}
		copied := openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)})
		commits, err := registerConsumer(t, copied).Next(context.Background())
		require.NoError(t, err)
		assert.Less(t, len(commits), 20)
	})
	t.Run("IsSavedAfterASecondOfQuiet", func(t *testing.T) {
		opened := openStore(t, config)
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "f")
		next(t, consumer, 2)
		consumer.Acknowledge()
		require.NoError(t, store.KeepHouse(opened))
		require.NoError(t, store.KeepHouse(opened))
		assert.Empty(t, afterCrash(t, opened, config, 0))
		require.NoError(t, opened.Close())
	})
}

// afterCrash returns what the consumer gets next in a copy of a store's files.
func afterCrash(t *testing.T, opened *store.Store, config store.StoreConfig, changes int) []string {
	t.Helper()
	copied := openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)})
	consumer := registerConsumer(t, copied)
	keys := next(t, consumer, changes)
	requireNothingNext(t, consumer)
	return keys
}

func TestConsumer_Rewind_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	consumer := registerConsumer(t, opened)
	setKeys(t, opened, "a")
	next(t, consumer, 1)
	consumer.Acknowledge()
	setKeys(t, opened, "b", "c")
	assert.Equal(t, []string{"b", "c"}, next(t, consumer, 2))
	consumer.Rewind()
	assert.Equal(t, []string{"b", "c"}, next(t, consumer, 2))
	consumer.Acknowledge()
	consumer.Rewind()
	requireNothingNext(t, consumer)
}

func TestConsumer_RegisterConsumer_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	t.Run("NamesHaveTheirOwnPlaces", func(t *testing.T) {
		first, err := opened.RegisterConsumer("first")
		require.NoError(t, err)
		setKeys(t, opened, "a")
		second, err := opened.RegisterConsumer("second")
		require.NoError(t, err)
		setKeys(t, opened, "b")
		assert.Equal(t, []string{"a", "b"}, next(t, first, 2))
		assert.Equal(t, []string{"b"}, next(t, second, 1))
	})
	t.Run("SameNameIsTheSameConsumer", func(t *testing.T) {
		first, err := opened.RegisterConsumer("first")
		require.NoError(t, err)
		again, err := opened.RegisterConsumer("first")
		require.NoError(t, err)
		assert.Same(t, first, again)
	})
	t.Run("PlaceIsKeptWithoutAnAcknowledge", func(t *testing.T) {
		setKeys(t, opened, "c")
		opened = reopen(t, opened, config)
		second, err := opened.RegisterConsumer("second")
		require.NoError(t, err)
		assert.Equal(t, []string{"b", "c"}, next(t, second, 2))
	})
}

func TestConsumer_UnregisterConsumer_Good(t *testing.T) {
	t.Run("LogIsKeptForItNoLonger", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 2}}
		opened := openStore(t, config)
		registerConsumer(t, opened)
		setKeys(t, opened, "a", "b", "c", "d")
		requireRefused(t, opened)
		require.NoError(t, opened.UnregisterConsumer("publisher"))
		setKeys(t, opened, "e")
		require.NoError(t, store.Settle(opened))
		oldest, _ := retained(t, opened, "acme")
		assert.Equal(t, uint64(4), oldest)
		opened = reopen(t, opened, config)
		require.ErrorIs(t, opened.UnregisterConsumer("publisher"), store.ErrNotFound)
		consumer := registerConsumer(t, opened)
		requireNothingNext(t, consumer)
		setKeys(t, opened, "f")
		assert.Equal(t, []string{"f"}, next(t, consumer, 1))
	})
	t.Run("OneThatDidNotComeBack", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 2}}
		opened := openStore(t, config)
		registerConsumer(t, opened)
		setKeys(t, opened, "a", "b", "c", "d")
		opened = reopen(t, opened, config)
		requireRefused(t, opened)
		require.NoError(t, opened.UnregisterConsumer("publisher"))
		setKeys(t, opened, "e")
	})
}

func TestConsumer_UnregisterConsumer_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	err := opened.UnregisterConsumer("unknown")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, `store.UnregisterConsumer: consumer "unknown"`)
	require.NoError(t, opened.Close())
	require.ErrorIs(t, opened.UnregisterConsumer("unknown"), store.ErrClosed)
}

func TestConsumer_UnregisterConsumer_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	consumer := registerConsumer(t, opened)
	setKeys(t, opened, "a")
	next(t, consumer, 1)
	waited := make(chan error)
	go func() {
		_, err := consumer.Next(context.Background())
		waited <- err
	}()
	require.NoError(t, opened.UnregisterConsumer("publisher"))
	require.ErrorIs(t, <-waited, store.ErrNotFound)
	setKeys(t, opened, "b")
	_, err := consumer.Next(context.Background())
	require.ErrorIs(t, err, store.ErrNotFound, "what it has not had may be gone")
	consumer.Acknowledge()
	require.NoError(t, store.KeepHouse(opened))
}
