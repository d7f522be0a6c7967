// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// received returns what waits in a watcher's channel.
func received(events <-chan store.Event) []store.Event {
	var waiting []store.Event
	for {
		select {
		case event, open := <-events:
			if !open {
				return waiting
			}
			waiting = append(waiting, event)
		default:
			return waiting
		}
	}
}

func TestWatch_Watch_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:config", "before", "1"))
	group, every, other := opened.Watch("acme:config"), opened.Watch("*"), opened.Watch("config")
	t.Run("HasTheEventBeforeSetReturns", func(t *testing.T) {
		require.NoError(t, opened.Set("acme:config", "theme", "dark"))
		require.Len(t, group, 1)
		event := <-group
		assert.False(t, event.Timestamp.IsZero())
		event.Timestamp = time.Time{}
		assert.Equal(t, []store.Event{{
			Type: store.EventSet, Namespace: "acme", Group: "acme:config", Key: "theme", Value: "dark", Revision: 2, Previous: 1, Created: true,
		}}, public([]store.Event{event}))
		assert.Len(t, every, 1)
		assert.Empty(t, other)
	})
	t.Run("KeepsTheOrderOfTheLog", func(t *testing.T) {
		require.NoError(t, opened.Set("acme:config", "a", "1"))
		require.NoError(t, opened.Set("config", "b", "2"))
		require.NoError(t, opened.Delete("acme:config", "a"))
		assert.Equal(t, []string{"set a", "delete a"}, brief(received(group)))
		assert.Equal(t, []string{"set theme", "set a", "set b", "delete a"}, brief(received(every)))
		assert.Equal(t, []string{"set b"}, brief(received(other)))
	})
	t.Run("ChangesThatFailedAreNone", func(t *testing.T) {
		submitTogether(opened, store.SetCommand{Group: "acme:config", Key: "a", IfRevision: pointerTo(uint64(99))}, store.DeleteCommand{Group: "acme:config", Key: "a"})
		assert.Empty(t, received(group))
	})
}

// latest is the revision of the namespace acme.
func latest(t *testing.T, opened *store.Store) uint64 {
	t.Helper()
	page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", Limit: 1})
	require.NoError(t, err)
	return page.Revision
}

func TestWatch_Watch_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("SlowReaderHoldsUpNobodyAndHasWhatMemoryHolds", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		const events = 20_000
		slow, every := opened.Watch("acme:g"), opened.Watch("*")
		for index := range events {
			require.NoError(t, opened.Set("acme:g", fmt.Sprint(index%100), ""))
		}
		for revision := range uint64(events) {
			require.Equal(t, revision+1, (<-slow).Revision)
			require.Equal(t, revision+1, (<-every).Revision)
		}
		assert.Empty(t, slow)
	})
	t.Run("OneCommitIsLargerThanTheChannel", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		scoped, err := store.NewScoped(opened, "acme")
		require.NoError(t, err)
		group, namespace := opened.Watch("acme:a"), scoped.Watch("*")
		commands := make([]store.Command, 3000)
		for index := range commands {
			commands[index] = store.SetCommand{Group: []string{"acme:a", "acme:b", "other:a"}[index%3], Key: fmt.Sprint(index)}
		}
		submitTogether(opened, commands...)
		for revision := range uint64(2000) {
			event := <-namespace
			require.Equal(t, revision+1, event.Revision)
			require.Equal(t, []string{"a", "b"}[revision%2], event.Group)
			if revision%2 == 0 {
				require.Equal(t, revision+1, (<-group).Revision)
			}
		}
	})
	t.Run("SlowReaderLosesWhatHasLeftMemory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{})
			slow := opened.Watch("acme:g")
			for index := range 40 {
				require.NoError(t, opened.Set("acme:g", fmt.Sprint(index), ""))
			}
			synctest.Wait()
			store.Evict(opened)
			var events []store.Event
			for range 18 {
				events = append(events, <-slow)
			}
			assert.Equal(t, []string{"set 0", "set 16", "set 39"}, []string{brief(events)[0], brief(events)[16], brief(events)[17]})
			synctest.Wait()
			require.NoError(t, opened.Set("acme:g", "next", ""))
			assert.Equal(t, []string{"set next"}, brief(received(slow)), "who follows again has each event before the write returns")
		})
	})
	t.Run("EndsWhileItsReaderIsBehind", func(t *testing.T) {
		for name, end := range map[string]func(opened *store.Store, events <-chan store.Event){
			"Unwatch": func(opened *store.Store, events <-chan store.Event) { opened.Unwatch("acme:g", events) },
			"Close":   func(opened *store.Store, _ <-chan store.Event) { assert.NoError(t, opened.Close()) },
		} {
			t.Run(name, func(t *testing.T) {
				opened := openStore(t, store.StoreConfig{})
				slow := opened.Watch("acme:g")
				for index := range 40 {
					require.NoError(t, opened.Set("acme:g", fmt.Sprint(index), ""))
				}
				end(opened, slow)
				assert.Len(t, slow, 16)
				for revision := uint64(1); ; revision++ {
					event, open := <-slow
					if !open {
						break
					}
					assert.Equal(t, revision, event.Revision)
				}
			})
		}
	})
	t.Run("HasEachEventOnceAtAnyPace", func(t *testing.T) {
		const writers, writes = 8, 500
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		events := opened.Watch("*")
		var running sync.WaitGroup
		for writer := range writers {
			running.Go(func() {
				for index := range writes {
					assert.NoError(t, opened.Set("acme:g", fmt.Sprint(writer), fmt.Sprint(index)))
				}
			})
		}
		for revision := range uint64(writers * writes) {
			require.Equal(t, revision+1, (<-events).Revision)
			if revision%997 == 0 { // Now and then it falls behind.
				for latest(t, opened) < min(revision+100, writers*writes) {
					runtime.Gosched()
				}
			}
		}
		running.Wait()
		assert.Empty(t, events)
	})
	t.Run("CloseClosesChannels", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		one, two := opened.Watch("acme:g"), opened.Watch("*")
		require.NoError(t, opened.Set("acme:g", "key", ""))
		require.NoError(t, opened.Close())
		for _, events := range []<-chan store.Event{one, two} {
			assert.Equal(t, []string{"set key"}, brief(received(events)))
			_, open := <-events
			assert.False(t, open)
		}
		_, open := <-opened.Watch("acme:g")
		assert.False(t, open, "after Close")
		opened.Unwatch("acme:g", one)
	})
	t.Run("ComeAndGoWhileWritersRun", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() {
				for range 50 {
					events := opened.Watch("acme:g")
					assert.NoError(t, opened.Set("acme:g", "key", ""))
					assert.NotEmpty(t, received(events))
					opened.Unwatch("acme:g", events)
				}
			})
		}
		running.Wait()
	})
}

func TestWatch_Unwatch_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	first, second := opened.Watch("acme:g"), opened.Watch("acme:g")
	opened.Unwatch("acme:g", first)
	_, open := <-first
	assert.False(t, open)
	require.NoError(t, opened.Set("acme:g", "key", ""))
	assert.Len(t, second, 1)
	t.Run("LeavesOtherChannelsAlone", func(t *testing.T) {
		opened.Unwatch("acme:g", first)
		opened.Unwatch("acme:other", second)
		opened.Unwatch("*", second)
		opened.Unwatch("acme:g", nil)
		opened.Unwatch("acme:g", make(chan store.Event))
		require.NoError(t, opened.Set("acme:g", "key", ""))
		assert.Len(t, second, 2)
	})
}

// recorder keeps the events that a callback is called with.
type recorder struct {
	mutex  sync.Mutex
	events []store.Event
	grown  chan struct{}
}

func newRecorder() *recorder { return &recorder{grown: make(chan struct{}, 1000)} }

func (recorder *recorder) record(event store.Event) {
	recorder.mutex.Lock()
	recorder.events = append(recorder.events, event)
	recorder.mutex.Unlock()
	recorder.grown <- struct{}{}
}

func (recorder *recorder) brief() []string {
	recorder.mutex.Lock()
	defer recorder.mutex.Unlock()
	return brief(recorder.events)
}

// waitFor returns when the callback was called so many times more.
func (recorder *recorder) waitFor(events int) {
	for range events {
		<-recorder.grown
	}
}

func TestWatch_OnChange_Good(t *testing.T) {
	t.Run("IsCalledBeforeTheMethodReturns", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var events []store.Event // No lock: the callback runs in this goroutine.
		defer opened.OnChange(func(event store.Event) { events = append(events, event) })()
		require.NoError(t, opened.Set("acme:g", "a", "1"))
		assert.Equal(t, []string{"set a"}, brief(events))
		require.NoError(t, opened.Delete("acme:g", "a"))
		require.NoError(t, opened.Delete("acme:g", "a"))
		assert.Equal(t, []string{"set a", "delete a"}, brief(events))
		assert.Equal(t, changes(t, opened, "acme", 0), public(events))
	})
	t.Run("IsCalledForWhatComesFromTheBusInOrder", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		recorder := newRecorder()
		defer opened.OnChange(recorder.record)()
		want := []string{}
		for index := range 100 {
			_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: fmt.Sprint(index)})
			require.NoError(t, err)
			want = append(want, fmt.Sprint("set ", index))
		}
		recorder.waitFor(100)
		assert.Equal(t, want, recorder.brief())
	})
	t.Run("MayCallTheStore", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		recorder := newRecorder()
		defer opened.OnChange(func(event store.Event) {
			if event.Group == "acme:g" {
				assert.NoError(t, opened.Set("acme:copy", event.Key, event.Value))
				value, err := opened.Get("acme:copy", event.Key)
				assert.NoError(t, err)
				assert.Equal(t, event.Value, value)
			}
			recorder.record(event)
		})()
		require.NoError(t, opened.Set("acme:g", "from a caller", "1"))
		recorder.waitFor(2)
		_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "from the bus", Value: "2"})
		require.NoError(t, err)
		recorder.waitFor(2)
		all, err := opened.GetAll("acme:copy")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"from a caller": "1", "from the bus": "2"}, all)
	})
	t.Run("EverybodyIsCalledOnceForEachChange", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		recorders := []*recorder{newRecorder(), newRecorder()}
		for _, recorder := range recorders {
			opened.OnChange(recorder.record)
		}
		var running sync.WaitGroup
		for index := range 50 {
			running.Go(func() { assert.NoError(t, opened.Set("acme:g", fmt.Sprint("set ", index), "")) })
			running.Go(func() {
				_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: fmt.Sprint("submit ", index)})
				assert.NoError(t, err)
			})
		}
		running.Wait()
		for _, recorder := range recorders {
			recorder.waitFor(100)
			assert.ElementsMatch(t, brief(changes(t, opened, "acme", 0)), recorder.brief())
		}
	})
	t.Run("IsCalledOnceForAnExpiry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{})
			recorder := newRecorder()
			defer opened.OnChange(recorder.record)()
			require.NoError(t, opened.SetWithTTL("acme:g", "a", "1", time.Minute))
			recorder.waitFor(1)
			<-time.After(2 * time.Minute)
			synctest.Wait()
			assert.Equal(t, []string{"set a", "expire a"}, recorder.brief())
		})
	})
	t.Run("IsCalledOnceForAnExpiryThatAWriteFinds", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		writeAll(t, opened, "acme:g", 600, time.Second)
		recorder := newRecorder()
		defer opened.OnChange(recorder.record)()
		expireWhileWriting(t, opened, clock, func() { require.NoError(t, opened.Set("acme:g", "599", "new")) })
		recorder.waitFor(601)
		require.NoError(t, opened.Close())
		assert.Len(t, recorder.brief(), 601)
	})
}

// writeAll writes keys that are named by numbers.
func writeAll(t testing.TB, opened *store.Store, group string, keys int, timeToLive time.Duration) {
	t.Helper()
	commands := make([]store.Command, keys)
	for index := range commands {
		commands[index] = store.SetCommand{Group: group, Key: fmt.Sprint(index), Value: "value", TimeToLive: timeToLive}
	}
	for _, result := range submitTogether(opened, commands...) {
		require.NoError(t, result.err)
	}
}

// expireWhileWriting lets more keys come due than one batch expires, and has a write
// go into the batch that follows it.
func expireWhileWriting(t testing.TB, opened *store.Store, clock *testClock, write func()) {
	t.Helper()
	release := store.Hold(opened)
	clock.Advance(time.Hour)
	written := make(chan struct{})
	go func() {
		write()
		close(written)
	}()
	store.WaitForWrite(opened)
	release()
	<-written
}

func TestWatch_OnChange_Bad(t *testing.T) {
	t.Run("NotAfterUnregister", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		unregister := opened.OnChange(func(store.Event) { assert.Fail(t, "called") })
		other := newRecorder()
		defer opened.OnChange(other.record)()
		unregister()
		unregister()
		require.NoError(t, opened.Set("acme:g", "a", ""))
		_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "b"})
		require.NoError(t, err)
		other.waitFor(2)
	})
	t.Run("NotForWhatWasBefore", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "before"})
		require.NoError(t, err)
		first := newRecorder()
		defer opened.OnChange(first.record)()
		_, err = submit(opened, store.SetCommand{Group: "acme:g", Key: "between"})
		require.NoError(t, err)
		first.waitFor(1)
		second := newRecorder()
		defer opened.OnChange(second.record)()
		_, err = submit(opened, store.SetCommand{Group: "acme:g", Key: "after"})
		require.NoError(t, err)
		first.waitFor(1)
		second.waitFor(1)
		assert.Equal(t, []string{"set between", "set after"}, first.brief())
		assert.Equal(t, []string{"set after"}, second.brief())
	})
}

func TestWatch_OnChange_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("SlowCallbackHoldsUpNobodyAndMissesNothing", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		recorder, held := newRecorder(), make(chan struct{})
		defer opened.OnChange(func(event store.Event) {
			<-held
			recorder.record(event)
		})()
		for index := range 300 {
			_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: fmt.Sprint(index)})
			require.NoError(t, err)
		}
		store.Evict(opened) // The callback goes on from the database.
		close(held)
		recorder.waitFor(300)
		assert.Equal(t, brief(changes(t, opened, "acme", 0)), recorder.brief())
	})
	t.Run("MayUnregisterItself", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		called := 0
		var unregister func()
		unregister = opened.OnChange(func(store.Event) {
			called++
			unregister()
		})
		require.NoError(t, opened.Set("acme:g", "a", ""))
		require.NoError(t, opened.Set("acme:g", "b", ""))
		assert.Equal(t, 1, called)
	})
	t.Run("GetsErrClosedWhileTheStoreCloses", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		called, closing := make(chan struct{}), make(chan struct{})
		opened.OnChange(func(store.Event) {
			close(called)
			<-closing
			assert.ErrorIs(t, opened.Set("acme:g", "late", ""), store.ErrClosed)
		})
		_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "a"})
		require.NoError(t, err)
		<-called
		closed := make(chan error)
		go func() { closed <- opened.Close() }()
		for !store.RefusesWrites(opened) {
			select {
			case err := <-closed:
				require.Fail(t, "closed under a callback", err)
			default:
			}
		}
		close(closing)
		require.NoError(t, <-closed)
	})
	t.Run("MayCloseTheStore", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		closed := make(chan error)
		opened.OnChange(func(store.Event) {
			closed <- opened.Close()
			closed <- opened.Close()
		})
		_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "a"})
		require.NoError(t, err)
		require.NoError(t, <-closed)
		require.NoError(t, <-closed)
		require.NoError(t, opened.Close())
		opened = openStore(t, config)
		requireValue(t, opened, "a", "")
	})
	t.Run("MayCloseTheStoreThatIsBeingClosed", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		called := make(chan struct{})
		opened.OnChange(func(store.Event) {
			close(called)
			for !store.Closing(opened) {
				runtime.Gosched()
			}
			assert.NoError(t, opened.Close())
		})
		_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: "a"})
		require.NoError(t, err)
		<-called
		require.NoError(t, opened.Close())
		assert.ErrorIs(t, opened.Set("acme:g", "late", ""), store.ErrClosed)
	})
	t.Run("MayCloseTheStoreFromItsOwnWrite", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		opened.OnChange(func(store.Event) { assert.NoError(t, opened.Close()) })
		require.NoError(t, opened.Set("acme:g", "a", ""))
		assert.ErrorIs(t, opened.Set("acme:g", "late", ""), store.ErrClosed)
	})
	t.Run("RegisteredWhileTheStoreCloses", func(t *testing.T) {
		for range 20 {
			opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
			var running sync.WaitGroup
			for range 4 {
				running.Go(func() { opened.OnChange(func(store.Event) {})() })
			}
			running.Go(func() { assert.NoError(t, opened.Close()) })
			running.Wait()
		}
	})
}
