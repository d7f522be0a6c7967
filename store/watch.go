// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
)

// watcherBuffer is how many events wait in a watcher's channel. Events without room are handed
// over from the tail as the channel drains.
const watcherBuffer = 16

// everyGroup is the group of a watcher that wants them all.
const everyGroup = "*"

// Watch returns a channel of the changes of a group, or of every group for "*". It begins with
// the next commit and keeps the order of the log. The channel holds 16 events. Further events
// wait in the newest part of the log in memory: 16 MiB, about 40,000 small events of all groups
// together. A reader that is further behind loses older events, and never holds up a writer.
// Revisions are dense in a namespace, and Changes has the missing events. Unwatch and Close
// close the channel, with at most 16 events left.
//
//	events := store.Watch("config")
//	defer store.Unwatch("config", events)
func (store *Store) Watch(group string) <-chan Event {
	return store.watch(watchedGroup("", group), "")
}

// Unwatch ends a Watch of a group and closes the channel. A channel of another group is left
// alone.
func (store *Store) Unwatch(group string, events <-chan Event) {
	store.unwatch(watchedGroup("", group), events)
}

func (store *Store) watch(group watched, strip string) <-chan Event {
	if !store.opened() {
		never := make(chan Event)
		close(never)
		return never
	}
	return store.watchers.add(group, strip)
}

func (store *Store) unwatch(group watched, events <-chan Event) {
	if store.opened() {
		store.watchers.remove(group, events)
	}
}

// watched names the groups of a watcher: one group, every group of a namespace, or, without a
// namespace, every group.
type watched struct {
	namespace string
	group     string
	every     bool
}

func watchedGroup(namespace, group string) watched {
	if group == everyGroup {
		return watched{namespace: namespace, every: true}
	}
	return watched{group: kv.WholeGroup(namespace, group)}
}

// watches reports whether the watcher wants an event.
func (watched watched) watches(event *Event) bool {
	if !watched.every {
		return event.Group == watched.group
	}
	return watched.namespace == "" || event.Namespace == watched.namespace
}

// watchers are the channels of Watch.
type watchers struct {
	// tail is set before the first is added.
	tail *tail

	mutex  sync.RWMutex
	groups map[watched][]*watcher
	closed bool
}

func newWatchers() *watchers { return &watchers{groups: map[watched][]*watcher{}} }

func (watchers *watchers) add(group watched, strip string) <-chan Event {
	added := newWatcher(watchers.tail, group, strip)
	watchers.mutex.Lock()
	defer watchers.mutex.Unlock()
	if watchers.closed {
		close(added.events)
	} else {
		watchers.groups[group] = append(watchers.groups[group], added)
	}
	return added.events
}

func (watchers *watchers) remove(group watched, events <-chan Event) {
	if found := watchers.take(group, events); found != nil {
		found.end()
	}
}

// take removes the watcher of a channel; nil: it is none of this group's.
func (watchers *watchers) take(group watched, events <-chan Event) *watcher {
	watchers.mutex.Lock()
	defer watchers.mutex.Unlock()
	own := watchers.groups[group]
	index := slices.IndexFunc(own, func(watcher *watcher) bool { return watcher.events == events })
	if index < 0 {
		return nil
	}
	found := own[index]
	if len(own) == 1 {
		delete(watchers.groups, group)
	} else {
		watchers.groups[group] = slices.Delete(own, index, index+1)
	}
	return found
}

// notify tells of a commit that is in the tail, without waiting for anybody.
func (watchers *watchers) notify(commit Commit) {
	watchers.mutex.RLock()
	defer watchers.mutex.RUnlock()
	if len(watchers.groups) == 0 {
		return
	}
	for index := range commit.Events {
		event := &commit.Events[index]
		place := eventPlace{commit.ID, index}
		offer(watchers.groups[watched{group: event.Group}], place, event)
		offer(watchers.groups[watched{every: true}], place, event)
		if event.Namespace != "" {
			offer(watchers.groups[watched{namespace: event.Namespace, every: true}], place, event)
		}
	}
}

func offer(watchers []*watcher, place eventPlace, event *Event) {
	for _, watcher := range watchers {
		watcher.offer(place, event)
	}
}

func (watchers *watchers) close() {
	watchers.mutex.Lock()
	groups := watchers.groups
	watchers.closed, watchers.groups = true, map[watched][]*watcher{}
	watchers.mutex.Unlock()
	for _, group := range groups {
		for _, watcher := range group {
			watcher.end()
		}
	}
}

// OnChange calls callback for every change from now on, until unregister is called. A call that
// has begun may end after that. For a write through the methods of this Store, callback runs in
// the goroutine that called the method, after the commit and before the method returns. For all
// other changes (of Submit, of expiry) it runs in one goroutine of the store, in the order of
// the log. A slow callback lags behind and holds up nobody. callback may call the store, Close
// included. There is no order between callers: compare revisions. A nil callback is never
// called, and unregister works.
//
//	unregister := store.OnChange(func(event store.Event) { fmt.Println(event.Type, event.Group, event.Key) })
//	defer unregister()
func (store *Store) OnChange(callback func(Event)) (unregister func()) {
	if callback == nil || !store.opened() {
		return func() {}
	}
	return store.callbacks.add(callback)
}

// callbacks are the functions of OnChange and the goroutine that follows the log for them.
type callbacks struct {
	store   *Store
	context context.Context //nolint:containedctx // the life of the goroutine
	cancel  context.CancelFunc
	running sync.WaitGroup

	mutex      sync.Mutex
	registered []*registration
	following  bool
	// follower is the name of the goroutine, empty until it runs.
	follower string
}

// registration is one callback, which receives the changes behind a commit.
type registration struct {
	callback func(Event)
	after    uint64
}

func newCallbacks(store *Store) *callbacks {
	callbacks := &callbacks{store: store}
	callbacks.context, callbacks.cancel = context.WithCancel(context.Background())
	return callbacks
}

func (callbacks *callbacks) add(callback func(Event)) (unregister func()) {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	added := &registration{callback: callback, after: callbacks.store.tail.last()}
	// A new slice each time, because a goroutine that runs the callbacks holds the old one.
	callbacks.registered = append(slices.Clone(callbacks.registered), added)
	if !callbacks.following && callbacks.context.Err() == nil {
		callbacks.following = true
		callbacks.running.Go(func() { callbacks.follow(added.after) })
	}
	return func() { callbacks.remove(added) }
}

func (callbacks *callbacks) remove(removed *registration) {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	callbacks.registered = slices.DeleteFunc(slices.Clone(callbacks.registered), func(registration *registration) bool {
		return registration == removed
	})
}

func (callbacks *callbacks) snapshot() []*registration {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	return callbacks.registered
}

// run calls every callback for the events of a caller's own write. An expiry that
// the write came upon is not its own.
func (callbacks *callbacks) run(events []Event) {
	if len(events) == 0 {
		return
	}
	for _, registration := range callbacks.snapshot() {
		for _, event := range events {
			if changelog.FromCaller(&event) {
				registration.callback(event)
			}
		}
	}
}

// follow calls the callbacks for changes whose caller does not run them.
func (callbacks *callbacks) follow(after uint64) {
	callbacks.mutex.Lock()
	callbacks.follower = goroutineName()
	callbacks.mutex.Unlock()
	for {
		commits, err := callbacks.store.commitsAfter(callbacks.context, nil, after)
		if err != nil {
			if !errors.Is(err, kv.ErrClosed) && !errors.Is(err, context.Canceled) {
				callbacks.store.config.Logger.Error("reading the log for callbacks failed", slog.Any("error", err))
			}
			return
		}
		for _, commit := range commits {
			callbacks.runCommit(commit)
			after = commit.ID
		}
	}
}

func (callbacks *callbacks) runCommit(commit Commit) {
	for _, registration := range callbacks.snapshot() {
		for _, event := range commit.Events {
			if !changelog.FromCaller(&event) && commit.ID > registration.after && callbacks.context.Err() == nil {
				registration.callback(event)
			}
		}
	}
}

// stop ends the goroutine and waits for a running callback, unless that callback is its caller.
// A callback that calls the store meanwhile gets ErrClosed.
func (callbacks *callbacks) stop() {
	callbacks.mutex.Lock()
	callbacks.cancel()
	callbacks.mutex.Unlock()
	if !callbacks.runHere() {
		callbacks.running.Wait()
	}
}

// runHere reports whether the caller is a callback in the goroutine of callbacks.
func (callbacks *callbacks) runHere() bool {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	return callbacks.follower == goroutineName()
}

// goroutineName returns what a stack trace calls the goroutine: "goroutine 7".
// Nothing else tells a callback from the rest of the program.
func goroutineName() string {
	var trace [64]byte
	name, _, _ := bytes.Cut(trace[:runtime.Stack(trace[:], false)], []byte(" ["))
	return string(name)
}
