// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"slices"
	"sync"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
)

// watcherBuffer is the number of events that wait in a watcher's channel. Further events are handed
// over from the tail as the channel drains.
const watcherBuffer = 16

// everyGroup is the group of a watcher that wants all groups.
const everyGroup = "*"

// Watch returns a channel of the changes of a group of a namespace, or of every group of the
// namespace for "*". Without a namespace it is every group of the store. The events of a namespace
// have the names of groups within the namespace.
func (followers *Followers) Watch(namespace, group string) <-chan changelog.Event {
	return followers.watchers.add(watchedGroup(namespace, group), kv.WholeGroup(namespace, ""))
}

// Unwatch ends a Watch and closes the channel. A channel of another group is left alone.
func (followers *Followers) Unwatch(namespace, group string, events <-chan changelog.Event) {
	followers.watchers.remove(watchedGroup(namespace, group), events)
}

// CloseWatchers closes all channels of Watch. Nothing is announced any more.
func (followers *Followers) CloseWatchers() { followers.watchers.close() }

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
func (watched watched) watches(event *changelog.Event) bool {
	if !watched.every {
		return event.Group == watched.group
	}
	return watched.namespace == "" || event.Namespace == watched.namespace
}

// watchers are the channels of Watch.
type watchers struct {
	tail *tail

	mutex  sync.RWMutex
	groups map[watched][]*watcher
	closed bool
}

func newWatchers(tail *tail) *watchers {
	return &watchers{tail: tail, groups: map[watched][]*watcher{}}
}

func (watchers *watchers) add(group watched, strip string) <-chan changelog.Event {
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

func (watchers *watchers) remove(group watched, events <-chan changelog.Event) {
	if found := watchers.take(group, events); found != nil {
		found.end()
	}
}

// take removes and returns the watcher of a channel, nil if the group has no such channel.
func (watchers *watchers) take(group watched, events <-chan changelog.Event) *watcher {
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

// notify offers the events of a commit that is in the tail. It waits for nobody.
func (watchers *watchers) notify(commit changelog.Commit) {
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

func offer(watchers []*watcher, place eventPlace, event *changelog.Event) {
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
