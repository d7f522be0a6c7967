// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"strings"
	"sync"

	"dappco.re/go/storebus/store/internal/changelog"
)

// eventPlace is the place of an event in the log.
type eventPlace struct {
	commitID uint64
	index    int
}

// watcher is one channel. While its reader follows, each event goes into the channel before the
// write returns. When the channel is full, a goroutine takes over. It hands over events from
// the tail until there are no more. So events for slow readers are in the tail, once for all
// readers, and a watcher holds at most one commit.
type watcher struct {
	events  chan changelog.Event
	watched watched
	// strip is the prefix to remove from the names of groups.
	strip string
	tail  *tail
	// stop is closed by end, which waits for the goroutine.
	stop    chan struct{}
	running sync.WaitGroup

	mutex sync.Mutex
	// behind is true while the goroutine runs. It has handed over everything up to the commit
	// through.
	behind  bool
	through uint64
}

func newWatcher(tail *tail, watched watched, strip string) *watcher {
	return &watcher{events: make(chan changelog.Event, watcherBuffer), watched: watched, strip: strip, tail: tail, stop: make(chan struct{})}
}

// offer hands over an event, or leaves the event to the goroutine. It is called for every event
// in order.
func (watcher *watcher) offer(place eventPlace, event *changelog.Event) {
	watcher.mutex.Lock()
	defer watcher.mutex.Unlock()
	if watcher.behind || place.commitID <= watcher.through {
		return
	}
	select {
	case watcher.events <- watcher.local(event):
	default:
		watcher.behind = true
		watcher.running.Go(func() { watcher.catchUp(place) })
	}
}

// local returns the event with the names that the reader knows.
func (watcher *watcher) local(event *changelog.Event) changelog.Event {
	local := *event
	local.Group = strings.TrimPrefix(event.Group, watcher.strip)
	return local
}

// catchUp hands over the events of the tail from a place on, and waits for the reader.
func (watcher *watcher) catchUp(place eventPlace) {
	for {
		commit, found := watcher.next(place.commitID)
		if !found {
			return
		}
		if commit.ID > place.commitID {
			place.index = 0 // what was before it is lost
		}
		for index := place.index; index < len(commit.Events); index++ {
			if event := &commit.Events[index]; watcher.watched.watches(event) && !watcher.handOver(event) {
				return
			}
		}
		place = eventPlace{commitID: commit.ID + 1}
	}
}

// next returns the first commit in memory that is not before id. If there is none, offer hands
// over the events from now on.
func (watcher *watcher) next(id uint64) (commit changelog.Commit, found bool) {
	watcher.mutex.Lock()
	defer watcher.mutex.Unlock()
	commit, found = watcher.tail.commitFrom(id)
	if !found {
		watcher.behind, watcher.through = false, id-1
	}
	return commit, found
}

// handOver waits for room. It returns false if the watcher ends first.
func (watcher *watcher) handOver(event *changelog.Event) bool {
	select {
	case watcher.events <- watcher.local(event):
		return true
	case <-watcher.stop:
		return false
	}
}

// end closes the channel. offer is not called any more.
func (watcher *watcher) end() {
	close(watcher.stop)
	watcher.running.Wait()
	close(watcher.events)
}
