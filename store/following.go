// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/paging"
	"dappco.re/go/storebus/store/internal/watermarks"
)

// DefaultPageLimit is the limit of a query without a limit.
const DefaultPageLimit = paging.DefaultLimit

// Changes returns the changes of a namespace after a revision, in order. It returns
// CompactedError if the log does not hold all of them. It returns an empty page if query.Wait
// is over or ctx ends first.
//
//	page, err := store.Changes(ctx, store.ChangesQuery{Namespace: "acme", After: 41})
func (store *Store) Changes(ctx context.Context, query ChangesQuery) (ChangesPage, error) {
	page, err := wait(func(done func(ChangesPage, error)) { store.SubmitChanges(ctx, query, done) })
	if err != nil {
		return page, fmt.Errorf("store.Changes: %w", err)
	}
	page.Events = slices.Clone(page.Events)
	return page, nil
}

// SubmitChanges is Changes without waiting. It calls done once, before SubmitChanges returns or
// later from a goroutine of the store. done must not block. It must not change the events,
// which other callers receive too.
func (store *Store) SubmitChanges(ctx context.Context, query ChangesQuery, done func(ChangesPage, error)) {
	if err := cmp.Or(store.unusable(), failure.CheckContext(ctx), paging.CheckLimit(query.Limit)); err != nil {
		fail(done, err)
		return
	}
	if done == nil {
		done = func(ChangesPage, error) {}
	}
	query.Limit = cmp.Or(query.Limit, DefaultPageLimit)
	store.followers.Changes(ctx, query, done)
}

// RegisterConsumer returns the consumer of a name. It begins behind its watermark, or with the
// next commit if the name is new. While its backlog is twice the retention, writes fail with
// ErrUnavailable.
//
//	publisher, err := store.RegisterConsumer("publisher")
func (store *Store) RegisterConsumer(name string) (*Consumer, error) {
	consumer, err := store.register(name)
	if err != nil {
		return nil, fmt.Errorf("store.RegisterConsumer: consumer %q: %w", name, err)
	}
	return consumer, nil
}

func (store *Store) register(name string) (*Consumer, error) {
	if err := change(store, watermarks.Register(name)); err != nil {
		return nil, err
	}
	return ask(store, func(committer *engine.Committer) (*Consumer, error) {
		return watermarks.Of(committer.Tables()).Consumer(store.followers, name)
	})
}

// UnregisterConsumer removes the consumer of a name. The log is no longer kept for it, and its
// Next returns ErrNotFound. UnregisterConsumer returns ErrNotFound for a name that is not
// registered.
//
//	err := store.UnregisterConsumer("publisher")
func (store *Store) UnregisterConsumer(name string) error {
	if err := change(store, watermarks.Unregister(name)); err != nil {
		return fmt.Errorf("store.UnregisterConsumer: consumer %q: %w", name, err)
	}
	return nil
}

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
	return store.watch("", group)
}

// Unwatch ends a Watch of a group and closes the channel. A channel of another group is left
// alone.
func (store *Store) Unwatch(group string, events <-chan Event) {
	store.unwatch("", group, events)
}

func (store *Store) watch(namespace, group string) <-chan Event {
	if !store.opened() {
		never := make(chan Event)
		close(never)
		return never
	}
	return store.followers.Watch(namespace, group)
}

func (store *Store) unwatch(namespace, group string, events <-chan Event) {
	if store.opened() {
		store.followers.Unwatch(namespace, group, events)
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
	return store.followers.OnChange(callback)
}
