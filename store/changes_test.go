// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"runtime"
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
		"OtherGroupsCommitsAreLookedAtWithoutAnAnswer": func(t *testing.T, opened *store.Store) {
			t.Helper()
			idle := waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "acme", Group: pointerTo("idle"), After: 1, Wait: time.Hour})
			every := waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour})
			submitTogether(opened, store.SetCommand{Group: "acme:busy", Key: "b"}, store.SetCommand{Group: "other:g", Key: "x"}, store.SetCommand{Group: "acme:busy", Key: "c"})
			assert.Equal(t, []string{"set b", "set c", "next 3"}, <-every)
			assert.Empty(t, idle)
			require.NoError(t, opened.DeleteGroup("acme:busy"))
			require.NoError(t, opened.Set("acme:idle", "d", ""))
			assert.Equal(t, []string{"set d", "next 5"}, <-idle)
		},
		"TheCommitThatDeletesItsGroupAnswers": func(t *testing.T, opened *store.Store) {
			t.Helper()
			group := waitFor(t, opened, context.Background(), store.ChangesQuery{Namespace: "acme", Group: pointerTo("g"), After: 1, Wait: time.Hour})
			require.NoError(t, opened.DeletePrefix("acme:"))
			assert.Equal(t, []string{"delete_group ", "next 2"}, <-group)
		},
		"APageIsBoundedAndTheNextGoesOn": func(t *testing.T, opened *store.Store) {
			t.Helper()
			query := store.ChangesQuery{Namespace: "acme", Group: pointerTo("g"), After: 1, Wait: time.Hour}
			limited, room := query, 2
			limited.Limit = 1
			sized := query
			sized.Fits = func(*store.Event) bool { room--; return room >= 0 }
			tight := query
			tight.Fits = func(*store.Event) bool { return false }
			var answers []<-chan []string
			for _, each := range []store.ChangesQuery{limited, sized, tight, query} {
				answers = append(answers, waitFor(t, opened, context.Background(), each))
			}
			commands := []store.Command{store.SetCommand{Group: "acme:g", Key: "b"}, store.SetCommand{Group: "acme:other", Key: "x"}}
			commands = append(commands, store.SetCommand{Group: "acme:g", Key: "c"}, store.SetCommand{Group: "acme:g", Key: "d"})
			submitTogether(opened, commands...)
			assert.Equal(t, []string{"set b", "next 3"}, <-answers[0], "the change of another group was looked at")
			assert.Equal(t, []string{"set b", "set c", "next 4"}, <-answers[1])
			assert.Equal(t, []string{"set b", "next 3"}, <-answers[2], "one at least")
			assert.Equal(t, []string{"set b", "set c", "set d", "next 5"}, <-answers[3])
			query.After = 3
			assert.Equal(t, []string{"set c", "set d", "next 5"}, <-waitFor(t, opened, context.Background(), query))
		},
		"WhatIsTrimmedMeanwhileWasLookedAt": func(t *testing.T, opened *store.Store) {
			t.Helper()
			query := store.ChangesQuery{Namespace: "acme", Group: pointerTo("idle"), After: 1, Wait: time.Hour}
			written := waitFor(t, opened, context.Background(), query)
			query.Wait = time.Minute
			timed := waitFor(t, opened, context.Background(), query)
			for index := range 20 {
				require.NoError(t, opened.Set("acme:busy", fmt.Sprint(index), ""))
			}
			require.NoError(t, store.Settle(opened))
			require.NoError(t, opened.Set("other:g", "x", ""))
			store.Evict(opened)
			_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 1})
			require.ErrorIs(t, err, store.ErrCompacted, "it was trimmed")
			assert.Equal(t, []string{"next 21"}, <-timed)
			require.NoError(t, opened.Set("acme:idle", "b", ""))
			assert.Equal(t, []string{"set b", "next 22"}, <-written)
		},
		"MemoryHoldsNothingOfTheNamespace": func(t *testing.T, opened *store.Store) {
			t.Helper()
			require.NoError(t, opened.Set("other:g", "x", ""))
			store.Evict(opened)
			query := store.ChangesQuery{Namespace: "acme", Group: pointerTo("g"), After: 1, Wait: time.Hour}
			first, second := waitFor(t, opened, context.Background(), query), waitFor(t, opened, context.Background(), query)
			require.NoError(t, opened.Set("acme:other", "y", ""))
			assert.Empty(t, first)
			setKeys(t, opened, "b")
			assert.Equal(t, []string{"set b", "next 3"}, <-first)
			assert.Equal(t, []string{"set b", "next 3"}, <-second)
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
				opened := openStore(t, store.StoreConfig{Retention: store.Retention{Count: 10}})
				setKeys(t, opened, "a")
				test(t, opened)
				assert.Zero(t, store.WaitingReaders(opened))
			})
		})
	}
}

// holdAnswers keeps the store from answering any Submit until release is called.
func holdAnswers(opened *store.Store) (release func()) {
	begun, held := make(chan struct{}), make(chan struct{})
	opened.Submit(store.SetCommand{Group: "hold:g", Key: "k"}, func(store.Outcome, error) {
		close(begun)
		<-held
	})
	<-begun
	return sync.OnceFunc(func() { close(held) })
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
	t.Run("WritesToOtherGroupsLeaveThemAlone", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		release := holdAnswers(opened)
		defer release()
		looked := 0
		query := store.ChangesQuery{Namespace: "acme", Group: pointerTo("idle"), After: 1, Wait: time.Hour}
		query.Fits = func(*store.Event) bool { looked++; return true }
		answered := make(chan struct{})
		opened.SubmitChanges(context.Background(), query, func(store.ChangesPage, error) { close(answered) })
		for index := range 100 {
			require.NoError(t, opened.Set("acme:busy", fmt.Sprint(index), ""))
			require.Equal(t, 1, store.WaitingReaders(opened), "it was woken by a change of another group")
		}
		assert.Zero(t, looked)
		require.NoError(t, opened.Set("acme:idle", "b", ""))
		<-answered
		assert.Equal(t, 1, looked, "the change of its group, and no other")
	})
	t.Run("AnswersToOthersAndReadersDoNotWaitForEachOther", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		query := store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour}
		release := holdAnswers(opened)
		answered := make(chan struct{})
		opened.SubmitChanges(context.Background(), query, func(store.ChangesPage, error) { close(answered) })
		setKeys(t, opened, "b")
		<-answered
		release()

		query.After = 2
		begun, held := make(chan struct{}), make(chan struct{})
		opened.SubmitChanges(context.Background(), query, func(store.ChangesPage, error) {
			close(begun)
			<-held
		})
		setKeys(t, opened, "c")
		<-begun
		_, err := submit(opened, store.SetCommand{Group: "other:g", Key: "d"})
		require.NoError(t, err)
		close(held)
	})
	t.Run("ManyOfOneNamespaceLeaveOthersTheirTurn", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		require.NoError(t, opened.Set("other:g", "a", ""))
		// The first reader that is answered holds up the rest until all are woken.
		woken, held := make(chan struct{}), make(chan struct{})
		opened.SubmitChanges(context.Background(), store.ChangesQuery{Namespace: "first", Wait: time.Hour}, func(store.ChangesPage, error) {
			close(woken)
			<-held
		})
		require.NoError(t, opened.Set("first:g", "a", ""))
		<-woken
		order := make(chan string, 10_001)
		for namespace, readers := range map[string]int{"acme": 10_000, "other": 1} {
			for range readers {
				opened.SubmitChanges(context.Background(), store.ChangesQuery{Namespace: namespace, After: 1, Wait: time.Hour}, func(store.ChangesPage, error) {
					order <- namespace
				})
			}
		}
		setKeys(t, opened, "b")
		require.NoError(t, opened.Set("other:g", "b", ""))
		close(held)
		before := 0
		for namespace := range order {
			if namespace == "other" {
				break
			}
			before++
		}
		assert.Less(t, before, 1000, "the reader of the other namespace was answered after all of the first")
		for range 10_000 - before {
			<-order
		}
	})
	t.Run("AContextEndsAllOfItsReadersAndNoOthers", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var answered sync.WaitGroup
		query := store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour}
		for range 1000 {
			answered.Add(1)
			opened.SubmitChanges(ctx, query, func(page store.ChangesPage, err error) {
				assert.NoError(t, err)
				assert.Equal(t, store.ChangesPage{Next: 1, Oldest: 1, Revision: 1}, page)
				answered.Done()
			})
		}
		other := make(chan error, 1)
		opened.SubmitChanges(context.Background(), query, func(_ store.ChangesPage, err error) { other <- err })
		cancel()
		answered.Wait()
		assert.Equal(t, 1, store.WaitingReaders(opened))
		require.NoError(t, opened.Close())
		assert.ErrorIs(t, <-other, store.ErrClosed)
	})
	t.Run("EventsOfOneReaderAreItsOwn", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		scoped, err := store.NewScoped(opened, "acme")
		require.NoError(t, err)
		var reading sync.WaitGroup
		for range 100 {
			reading.Go(func() {
				page, err := scoped.Changes(context.Background(), store.ChangesQuery{After: 1, Wait: time.Hour})
				if assert.NoError(t, err) && assert.Len(t, page.Events, 1) {
					assert.Equal(t, "g", page.Events[0].Group)
				}
			})
		}
		for store.WaitingReaders(opened) < 100 {
			runtime.Gosched()
		}
		setKeys(t, opened, "b")
		reading.Wait()
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
