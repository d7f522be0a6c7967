// SPDX-License-Identifier: EUPL-1.2

package store

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
