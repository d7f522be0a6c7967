// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// sinkFunc is a sink of a type that Go cannot compare.
type sinkFunc func(calls []store.Completion)

func (take sinkFunc) Completed(calls []store.Completion) { take(calls) }

// handOvers notes what a sink receives.
type handOvers struct {
	mutex sync.Mutex
	sizes []int
	told  []string
}

// sink calls the done functions at once.
func (noted *handOvers) sink() sinkFunc {
	return func(calls []store.Completion) {
		noted.mutex.Lock()
		noted.sizes = append(noted.sizes, len(calls))
		noted.mutex.Unlock()
		for _, call := range calls {
			call.Done()
		}
	}
}

func (noted *handOvers) note(told string) {
	noted.mutex.Lock()
	defer noted.mutex.Unlock()
	noted.told = append(noted.told, told)
}

// written is a done function that notes a name, and the error if there is one.
func (noted *handOvers) written(name string) func(store.Outcome, error) {
	return func(_ store.Outcome, err error) {
		if err != nil {
			name += ": " + err.Error()
		}
		noted.note(name)
	}
}

func (noted *handOvers) all() (sizes []int, told []string) {
	noted.mutex.Lock()
	defer noted.mutex.Unlock()
	return slices.Clone(noted.sizes), slices.Clone(noted.told)
}

// names are the numbers from 0 on, with a word before each.
func names(word string, count int) (names []string) {
	for index := range count {
		names = append(names, fmt.Sprint(word, " ", index))
	}
	return names
}

func TestSink_SubmitTo_Good(t *testing.T) {
	t.Run("ManyWritesOfOneBatch", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var noted handOvers
		sunk := opened.SubmitTo(noted.sink())
		release := store.Hold(opened)
		want := names("set", 1000)
		for index, name := range want {
			sunk.Submit(store.SetCommand{Group: "acme:g", Key: fmt.Sprint(index % 7), Value: name}, noted.written(name))
		}
		sunk.Submit(store.SetCommand{Group: "acme:g", Key: "nobody is told"}, nil)
		finished := make(chan struct{})
		opened.Submit(store.SetCommand{Group: "acme:g", Key: "last"}, func(store.Outcome, error) { close(finished) })
		release()
		<-finished
		sizes, told := noted.all()
		assert.Equal(t, []int{1000}, sizes, "they come together")
		assert.Equal(t, want, told, "each once, in order")
	})
	t.Run("AResultIsOnDisk", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		copied, copying := databasePath(t), make(chan error, 1)
		sink := sinkFunc(func([]store.Completion) { copying <- copyDatabase(config.DatabasePath, copied) })
		opened.SubmitTo(sink).Submit(store.SetCommand{Group: "acme:g", Key: "k", Value: "v"}, func(store.Outcome, error) {})
		require.NoError(t, <-copying)
		requireValue(t, openStore(t, store.StoreConfig{DatabasePath: copied}), "k", "v")
	})
	t.Run("ReadsOfManyTurns", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		var noted handOvers
		sunk := opened.SubmitTo(noted.sink())
		release := store.Hold(opened)
		want := names("page", 1000)
		for _, name := range want {
			sunk.SubmitPage(store.PageQuery{Group: "acme:g"}, func(page store.Page, err error) {
				assert.NoError(t, err)
				assert.Len(t, page.Entries, 1)
				noted.note(name)
			})
		}
		release()
		_, err := opened.PurgeExpired() // it is answered behind them
		require.NoError(t, err)
		sizes, told := noted.all()
		assert.Equal(t, want, told)
		assert.Less(t, len(sizes), 100)
		assert.Less(t, slices.Max(sizes), 100, "pages can be large: not all wait for the last")
	})
	t.Run("EveryKindOfQuestion", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		var noted handOvers
		sunk := opened.SubmitTo(noted.sink())
		for name, submit := range map[string]func(done func()){
			"count":      func(done func()) { sunk.SubmitCount(store.CountQuery{Prefix: "acme:"}, told[store.KeyCount](t, done)) },
			"purge":      func(done func()) { sunk.SubmitPurge(told[int64](t, done)) },
			"status":     func(done func()) { sunk.SubmitStatus(told[store.Status](t, done)) },
			"usage":      func(done func()) { sunk.SubmitUsage("acme", told[store.Usage](t, done)) },
			"groups":     func(done func()) { sunk.SubmitGroups(store.GroupsQuery{}, told[store.GroupsPage](t, done)) },
			"namespaces": func(done func()) { sunk.SubmitNamespaces(store.NamespacesQuery{}, told[store.NamespacesPage](t, done)) },
			"journal":    func(done func()) { sunk.SubmitJournalStatus("acme", told[store.JournalStatus](t, done)) },
		} {
			before, _ := noted.all()
			done := make(chan struct{})
			submit(func() { close(done) })
			<-done
			after, _ := noted.all()
			assert.Len(t, after, len(before)+1, name)
		}
	})
	t.Run("SinksShareABatch", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var one, other handOvers
		sinks := []*store.Store{opened.SubmitTo(one.sink()), opened.SubmitTo(other.sink()), opened}
		var own handOvers
		release := store.Hold(opened)
		for index := range 90 {
			noted := []*handOvers{&one, &other, &own}[index/10%3]
			sinks[index/10%3].Submit(store.SetCommand{Group: "acme:g", Key: "k"}, noted.written(fmt.Sprint(index)))
		}
		finished := make(chan struct{})
		opened.Submit(store.SetCommand{Group: "acme:g", Key: "last"}, func(store.Outcome, error) { close(finished) })
		release()
		<-finished
		for index, noted := range []*handOvers{&one, &other, &own} {
			sizes, told := noted.all()
			var want []string
			for number := range 90 {
				if number/10%3 == index {
					want = append(want, fmt.Sprint(number))
				}
			}
			assert.Equal(t, want, told)
			if noted != &own {
				assert.Equal(t, []int{10, 10, 10}, sizes)
			}
		}
	})
	t.Run("NoneIsTheGoroutineOfTheStore", func(t *testing.T) {
		var noted handOvers
		opened := openStore(t, store.StoreConfig{})
		done := make(chan error, 1)
		opened.SubmitTo(noted.sink()).SubmitTo(nil).Submit(store.SetCommand{Group: "acme:g", Key: "k"}, func(_ store.Outcome, err error) {
			done <- errors.Join(err, opened.Set("acme:g", "other", "it may call the store"))
		})
		require.NoError(t, <-done)
		sizes, _ := noted.all()
		assert.Empty(t, sizes)
	})
}

// told is a done function for a success.
func told[Answer any](t *testing.T, done func()) func(Answer, error) {
	t.Helper()
	return func(_ Answer, err error) {
		assert.NoError(t, err)
		done()
	}
}

func TestSink_SubmitTo_Bad(t *testing.T) {
	t.Run("FailuresAreInOrderToo", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var noted handOvers
		sunk := opened.SubmitTo(noted.sink())
		release := store.Hold(opened)
		finished := make(chan struct{})
		sunk.Submit(store.SetCommand{Group: "acme:g", Key: "k", Value: "no number"}, noted.written("first"))
		sunk.Submit(store.IncrementCommand{Group: "acme:g", Key: "k", By: 1}, func(_ store.Outcome, err error) {
			assert.Error(t, err)
			noted.note("refused")
		})
		sunk.Submit(store.SetCommand{Group: "acme:g", Key: "k"}, noted.written("third"))
		sunk.Submit(store.SetCommand{Group: "acme:g", Key: "k"}, func(store.Outcome, error) { close(finished) })
		release()
		<-finished
		_, told := noted.all()
		assert.Equal(t, []string{"first", "refused", "third"}, told)
	})
	t.Run("Closed", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var noted handOvers
		sunk := opened.SubmitTo(noted.sink())
		require.NoError(t, sunk.Close())
		assert.True(t, opened.IsClosed(), "it is the same store")
		for _, closed := range []*store.Store{sunk, opened.SubmitTo(noted.sink()), (*store.Store)(nil).SubmitTo(noted.sink()), (&store.Store{}).SubmitTo(noted.sink())} {
			err := submitted(func(done func(store.Outcome, error)) {
				closed.Submit(store.SetCommand{Group: "acme:g", Key: "k"}, done)
			})
			assert.ErrorIs(t, err, store.ErrClosed)
		}
		sizes, _ := noted.all()
		assert.Empty(t, sizes, "they were answered before Submit returned")
	})
}

func TestSink_SubmitTo_Ugly(t *testing.T) {
	t.Run("CloseWhileABatchIsHandedOver", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var noted handOvers
		taking, taken := make(chan struct{}), make(chan struct{})
		var first sync.Once
		take := noted.sink()
		sunk := opened.SubmitTo(sinkFunc(func(calls []store.Completion) {
			first.Do(func() {
				close(taking)
				<-taken
			})
			take(calls)
		}))
		release := store.Hold(opened)
		for _, name := range names("set", 500) {
			sunk.Submit(store.SetCommand{Group: "acme:g", Key: name}, noted.written(name))
		}
		release()
		<-taking
		for _, name := range names("late", 500) {
			sunk.Submit(store.SetCommand{Group: "acme:g", Key: name}, noted.written(name))
		}
		closed := make(chan error, 1)
		go func() { closed <- opened.Close() }()
		for !store.Closing(opened) {
			assert.Empty(t, closed)
		}
		assert.Empty(t, closed, "Close waits for the sink")
		close(taken)
		require.NoError(t, <-closed)
		_, told := noted.all()
		assert.Equal(t, append(names("set", 500), names("late", 500)...), told)
	})
	t.Run("ResultsOfManyClientsKeepTheirOrder", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var running sync.WaitGroup
		var finished sync.WaitGroup
		clients := make([]*handOvers, 8)
		everyone := opened.SubmitTo((&handOvers{}).sink())
		for client := range clients {
			noted := &handOvers{}
			clients[client] = noted
			running.Go(func() {
				for _, name := range names("set", 200) {
					finished.Add(1)
					everyone.Submit(store.SetCommand{Group: "acme:g", Key: fmt.Sprint(client), Value: name}, func(_ store.Outcome, err error) {
						assert.NoError(t, err)
						noted.note(name)
						finished.Done()
					})
				}
			})
		}
		running.Wait()
		finished.Wait()
		for _, noted := range clients {
			_, told := noted.all()
			assert.Equal(t, names("set", 200), told)
		}
	})
	t.Run("WhatMayGoOnIsNoWorkForTheSink", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		setKeys(t, opened, "a")
		opened = reopen(t, opened, store.StoreConfig{DatabasePath: opened.DatabasePath()})
		sunk := opened.SubmitTo(sinkFunc(func([]store.Completion) { assert.Fail(t, "the committer would do it") }))
		group := "other"
		err := submitted(func(done func(store.ChangesPage, error)) {
			sunk.SubmitChanges(context.Background(), store.ChangesQuery{Namespace: "acme", Group: &group, Wait: time.Nanosecond}, done)
		})
		assert.NoError(t, err)
		err = submitted(func(done func(store.Rendering, error)) {
			sunk.SubmitRender(store.RenderQuery{Group: "acme:g", Template: "x"}, done)
		})
		assert.NoError(t, err)
	})
}
