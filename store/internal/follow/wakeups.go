// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/internal/turns"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
)

// readersPerSlice is the number of readers of a namespace that are answered before another
// namespace has its turn.
const readersPerSlice = 64

// wakeups answers readers that have waited for a change, in a goroutine of their own. Neither the
// committer nor other answers wait for it. The namespaces take turns, so many readers in one do
// not delay another.
type wakeups struct {
	tail    *tail
	endings *endings
	// ready holds a token if there may be something to do.
	ready chan struct{}

	mutex  sync.Mutex
	queue  turns.Queue[*waitingReaders]
	closed bool
}

func newWakeups(tail *tail) *wakeups {
	wakeups := &wakeups{tail: tail, ready: make(chan struct{}, 1)}
	wakeups.endings = newEndings(wakeups.signal)
	return wakeups
}

func (wakeups *wakeups) signal() {
	select {
	case wakeups.ready <- struct{}{}:
	default:
	}
}

// put hands over readers that the tail has handed out.
func (wakeups *wakeups) put(woken []*waitingReaders) {
	if len(woken) == 0 {
		return
	}
	wakeups.mutex.Lock()
	defer wakeups.mutex.Unlock()
	for _, readers := range woken {
		wakeups.queue.Put(readers.namespace, readers)
	}
	wakeups.signal()
}

// close ends the goroutine when everybody is answered. The tail is closed before.
func (wakeups *wakeups) close() {
	wakeups.mutex.Lock()
	defer wakeups.mutex.Unlock()
	wakeups.closed = true
	wakeups.signal()
}

func (wakeups *wakeups) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !wakeups.finished() {
		select {
		case <-wakeups.ready:
		case <-timer.C:
		}
		wakeups.answerSlice()
		for _, reader := range wakeups.endings.take(readersPerSlice) {
			reader.end()
		}
		if wakeups.waiting() {
			wakeups.signal()
		}
		if left, some := wakeups.endings.next(); some {
			timer.Reset(max(left, 0))
		}
	}
}

func (wakeups *wakeups) finished() bool {
	wakeups.mutex.Lock()
	defer wakeups.mutex.Unlock()
	return wakeups.closed && wakeups.queue.Len() == 0
}

func (wakeups *wakeups) waiting() bool {
	wakeups.mutex.Lock()
	defer wakeups.mutex.Unlock()
	return wakeups.queue.Len() > 0
}

// answerSlice answers some of the readers whose turn it is. The others come again.
func (wakeups *wakeups) answerSlice() {
	readers, woken := wakeups.take()
	if !woken {
		return
	}
	slice := readers.list[:min(readersPerSlice, len(readers.list))]
	readers.list = readers.list[len(slice):]
	if len(readers.list) > 0 {
		wakeups.put([]*waitingReaders{readers})
	}
	wakeups.tail.answered(len(slice))
	for _, reader := range slice {
		reader.finish(readers.answer(&reader.query))
	}
}

func (wakeups *wakeups) take() (readers *waitingReaders, woken bool) {
	wakeups.mutex.Lock()
	defer wakeups.mutex.Unlock()
	return wakeups.queue.Take()
}

// answer returns the page of a woken reader. All readers share the events.
func (readers *waitingReaders) answer(query *Query) (Page, error) {
	if readers.closed {
		return Page{}, failure.ErrClosed
	}
	page := Page{Next: readers.revision, Oldest: readers.oldest, Revision: readers.revision}
	events := readers.sharedEvents()
	for index := range events {
		if !query.holds(index, &events[index]) {
			// The reader has seen everything before it.
			page.Next = events[index].Revision - 1
			events = events[:index]
			break
		}
	}
	page.Events = slices.Clip(events)
	return page, nil
}

// sharedEvents returns the changes, which it copies once.
func (readers *waitingReaders) sharedEvents() []changelog.Event {
	for _, event := range readers.changes {
		readers.events = append(readers.events, *event)
	}
	readers.changes = nil
	return readers.events
}
