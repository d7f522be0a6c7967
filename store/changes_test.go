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

// inMemoryAndDatabase runs a test twice: with the log in memory, and without.
func inMemoryAndDatabase(t *testing.T, prepare func(opened *store.Store), test func(t *testing.T, opened *store.Store)) {
	t.Helper()
	for _, place := range []string{"FromMemory", "FromTheDatabase"} {
		t.Run(place, func(t *testing.T) {
			config := store.StoreConfig{DatabasePath: databasePath(t)}
			opened := openStore(t, config)
			prepare(opened)
			if place == "FromTheDatabase" {
				opened = reopen(t, opened, config)
			}
			test(t, opened)
		})
	}
}

func TestChanges_Changes_Good(t *testing.T) {
	inMemoryAndDatabase(t, func(opened *store.Store) {
		for index := range 20 {
			require.NoError(t, opened.Set(fmt.Sprintf("acme:g%d", index%2), fmt.Sprint(index), "value"))
			require.NoError(t, opened.Set("other:g", fmt.Sprint(index), "value"))
		}
	}, func(t *testing.T, opened *store.Store) {
		t.Helper()
		ctx := context.Background()
		t.Run("ReturnsEverythingInOrder", func(t *testing.T) {
			page, err := opened.Changes(ctx, store.ChangesQuery{Namespace: "acme"})
			require.NoError(t, err)
			require.Len(t, page.Events, 20)
			for index, event := range page.Events {
				assert.Equal(t, uint64(index+1), event.Revision)
				assert.Equal(t, uint64(max(0, index-1)), event.Previous)
				assert.Equal(t, fmt.Sprint(index), event.Key)
			}
			page.Events = nil
			assert.Equal(t, store.ChangesPage{Next: 20, Oldest: 1, Revision: 20}, page)
		})
		t.Run("GoesOnWhereAPageEnded", func(t *testing.T) {
			query := store.ChangesQuery{Namespace: "acme", Limit: 7}
			var keys []string
			for range 3 {
				page, err := opened.Changes(ctx, query)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page.Events), 7)
				query.After = page.Next
				keys = append(keys, brief(page.Events)...)
			}
			assert.Len(t, keys, 20)
			assert.Equal(t, uint64(20), query.After)
		})
		t.Run("KeepsToOneGroup", func(t *testing.T) {
			page, err := opened.Changes(ctx, store.ChangesQuery{Namespace: "acme", Group: pointerTo("g1"), After: 3, Limit: 2})
			require.NoError(t, err)
			assert.Equal(t, []string{"set 3", "set 5"}, brief(page.Events))
			assert.Equal(t, uint64(6), page.Next)
			page, err = opened.Changes(ctx, store.ChangesQuery{Namespace: "acme", Group: pointerTo("g")})
			require.NoError(t, err)
			assert.Empty(t, page.Events)
			assert.Equal(t, uint64(20), page.Next, "the empty page leads to the end")
		})
		t.Run("EndsBeforeWhatDoesNotFitButHoldsOne", func(t *testing.T) {
			room := 3
			page, err := opened.Changes(ctx, store.ChangesQuery{Namespace: "acme", Fits: func(*store.Event) bool {
				room--
				return room >= 0
			}})
			require.NoError(t, err)
			assert.Len(t, page.Events, 3)
			assert.Equal(t, uint64(3), page.Next)
			page, err = opened.Changes(ctx, store.ChangesQuery{Namespace: "acme", Fits: func(*store.Event) bool { return false }})
			require.NoError(t, err)
			assert.Len(t, page.Events, 1)
			assert.Equal(t, uint64(1), page.Next)
		})
		t.Run("EmptyPageAtTheEnd", func(t *testing.T) {
			page, err := opened.Changes(ctx, store.ChangesQuery{Namespace: "acme", After: 20})
			require.NoError(t, err)
			assert.Equal(t, store.ChangesPage{Next: 20, Oldest: 1, Revision: 20}, page)
			page, err = opened.Changes(ctx, store.ChangesQuery{Namespace: "never"})
			require.NoError(t, err)
			assert.Equal(t, store.ChangesPage{Oldest: 1}, page)
		})
	})
	t.Run("DefaultLimitIsAHundred", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		writeAll(t, opened, "acme:g", store.DefaultPageLimit+1, 0)
		page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme"})
		require.NoError(t, err)
		assert.Len(t, page.Events, store.DefaultPageLimit)
	})
	t.Run("LongLogComesFromTheDatabaseInPieces", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		for index := range 400 { // More commits than one read takes.
			require.NoError(t, opened.Set(fmt.Sprintf("acme:g%d", index/399), fmt.Sprint(index), "value"))
		}
		require.NoError(t, opened.Set("acme:large", "a", strings.Repeat("x", 1<<20)))
		require.NoError(t, opened.Set("acme:large", "b", strings.Repeat("x", 1<<20)))
		opened = reopen(t, opened, config)
		assert.Len(t, changes(t, opened, "acme", 0), 402)
		page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", Group: pointerTo("g1")})
		require.NoError(t, err)
		assert.Equal(t, []string{"set 399"}, brief(page.Events), "the stretch before it holds nothing of the group")
	})
	t.Run("NotOlderThanTheCommitThatMemoryBeginsWith", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a", "b", "c")
		store.Evict(opened)
		assert.Equal(t, []string{"set a", "set b", "set c"}, brief(changes(t, opened, "acme", 0)))
		assert.Equal(t, []string{"set c"}, brief(changes(t, opened, "acme", 2)))
		require.NoError(t, opened.Set("other:g", "d", ""))
		store.Evict(opened)
		setKeys(t, opened, "e")
		assert.Equal(t, []string{"set b", "set c", "set e"}, brief(changes(t, opened, "acme", 1)))
	})
}

func TestChanges_Changes_Bad(t *testing.T) {
	inMemoryAndDatabase(t, func(opened *store.Store) { setKeys(t, opened, "a", "b") }, func(t *testing.T, opened *store.Store) {
		t.Helper()
		for _, after := range []uint64{3, 1 << 63, 1<<64 - 1} {
			_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: after})
			require.ErrorIs(t, err, store.ErrCompacted)
			var compacted *store.CompactedError
			require.ErrorAs(t, err, &compacted)
			assert.Equal(t, store.CompactedError{Namespace: "acme", After: after, Oldest: 1, Revision: 2}, *compacted)
		}
		_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "never", After: 1, Wait: time.Hour})
		require.ErrorIs(t, err, store.ErrCompacted)
		t.Run("NegativeLimit", func(t *testing.T) {
			_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", Limit: -1})
			require.ErrorContains(t, err, "limit -1 may not be negative")
		})
	})
	t.Run("WhatWasTrimmed", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Retention: store.Retention{Count: 2}})
		setKeys(t, opened, "a", "b", "c", "d")
		require.NoError(t, store.Settle(opened))
		for _, place := range []string{"FromMemory", "FromTheDatabase"} {
			_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 1})
			var compacted *store.CompactedError
			require.ErrorAs(t, err, &compacted, place)
			assert.Equal(t, store.CompactedError{Namespace: "acme", After: 1, Oldest: 3, Revision: 4}, *compacted)
			page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 2})
			require.NoError(t, err)
			assert.Equal(t, []string{"set c", "set d"}, brief(page.Events))
			assert.Equal(t, uint64(3), page.Oldest)
			store.Evict(opened)
		}
	})
}

// waitFor asks for changes in the background, and returns when the store has the
// question. What comes is sent.
func waitFor(t *testing.T, opened *store.Store, ctx context.Context, query store.ChangesQuery) <-chan []string { //nolint:revive // t and the store come first in tests
	t.Helper()
	answers := make(chan []string, 1)
	opened.SubmitChanges(ctx, query, func(page store.ChangesPage, err error) {
		if err != nil {
			answers <- []string{err.Error()}
		} else {
			answers <- append(brief(page.Events), fmt.Sprint("next ", page.Next))
		}
	})
	synctest.Wait()
	return answers
}

func TestChanges_Wait_Good(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, opened *store.Store){
		"ACommitAnswers": func(t *testing.T, opened *store.Store) {
			t.Helper()
			answer := waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour})
			assert.Empty(t, answer)
			require.NoError(t, opened.Set("other:g", "b", ""))
			synctest.Wait()
			assert.Empty(t, answer, "another namespace's")
			setKeys(t, opened, "c")
			assert.Equal(t, []string{"set c", "next 2"}, <-answer)
		},
		"TheGroupsCommitAnswers": func(t *testing.T, opened *store.Store) {
			t.Helper()
			answer := waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "acme", Group: pointerTo("g"), After: 1, Wait: time.Hour})
			require.NoError(t, opened.Set("acme:other", "b", ""))
			synctest.Wait()
			assert.Empty(t, answer)
			setKeys(t, opened, "c")
			assert.Equal(t, []string{"set c", "next 3"}, <-answer)
		},
		"AtOnceWhereThereIsSomething": func(t *testing.T, opened *store.Store) {
			t.Helper()
			assert.Equal(t, []string{"set a", "next 1"}, <-waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "acme", Wait: time.Hour}))
		},
		"TheTimeEndsIt": func(t *testing.T, opened *store.Store) {
			t.Helper()
			begin := time.Now()
			answer := waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "acme", Group: pointerTo("g"), After: 1, Wait: time.Minute})
			require.NoError(t, opened.Set("acme:other", "b", ""))
			assert.Equal(t, []string{"next 2"}, <-answer)
			assert.Equal(t, time.Minute, time.Since(begin))
		},
		"TheContextEndsIt": func(t *testing.T, opened *store.Store) {
			t.Helper()
			ctx, cancel := context.WithCancel(context.Background())
			answer := waitFor(t, opened, ctx, store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour})
			assert.Empty(t, answer)
			cancel()
			assert.Equal(t, []string{"next 1"}, <-answer)
			assert.Equal(t, []string{"next 1"}, <-waitFor(t, opened, ctx, store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour}), "over before it began")
		},
		"CloseEndsIt": func(t *testing.T, opened *store.Store) {
			t.Helper()
			answer := waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour})
			require.NoError(t, opened.Close())
			assert.Equal(t, []string{"store is closed"}, <-answer)
		},
		"NamespaceThatWasNeverWritten": func(t *testing.T, opened *store.Store) {
			t.Helper()
			answer := waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "new", Wait: time.Hour})
			require.NoError(t, opened.Set("new:g", "first", ""))
			assert.Equal(t, []string{"set first", "next 1"}, <-answer)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened := openStore(t, store.StoreConfig{})
				setKeys(t, opened, "a")
				test(t, opened)
				assert.Zero(t, store.WaitingReaders(opened))
			})
		})
	}
}

func TestChanges_Wait_Ugly(t *testing.T) {
	t.Run("TwentyThousandWaitAndNoMore", func(t *testing.T) {
		const readers = 20_000
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		var answered sync.WaitGroup
		answered.Add(readers)
		query := store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour}
		for range readers {
			opened.SubmitChanges(context.Background(), query, func(page store.ChangesPage, err error) {
				assert.NoError(t, err)
				assert.Len(t, page.Events, 1)
				answered.Done()
			})
		}
		_, err := opened.Changes(context.Background(), query)
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorContains(t, err, "20000 readers already wait")
		setKeys(t, opened, "b")
		answered.Wait()
		assert.Zero(t, store.WaitingReaders(opened))
	})
	t.Run("TimesRunOutWhileWritersRun", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		stop := make(chan struct{})
		var running sync.WaitGroup
		running.Go(func() {
			for index := 0; ; index++ {
				select {
				case <-stop:
					return
				default:
					assert.NoError(t, opened.Set("acme:g", "key", ""))
				}
			}
		})
		var reading sync.WaitGroup
		for reader := range 8 {
			reading.Go(func() {
				after := uint64(0)
				for index := range 100 {
					wait := time.Duration(index*reader) * time.Microsecond
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(index)*10*time.Microsecond)
					page, err := opened.Changes(ctx, store.ChangesQuery{Namespace: "acme", After: after, Wait: wait})
					cancel()
					if !assert.NoError(t, err) || !assert.GreaterOrEqual(t, page.Next, after) {
						return
					}
					after = page.Next
				}
			})
		}
		reading.Wait()
		close(stop)
		running.Wait()
		assert.Zero(t, store.WaitingReaders(opened))
	})
}
