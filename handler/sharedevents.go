// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"sync"

	"dappco.re/go/storebus/store"
)

// sharedEventBytes bounds the events that are kept for waiting requests: a few messages
// of a mebibyte.
const sharedEventBytes = 4 << 20

// largeValueBytes is the size from which a value is encoded to measure its length.
const largeValueBytes = 4 << 10

// sharedEvents are events as JSON, made once for all requests that waited for them and for
// the publisher. An event never changes, so its name identifies it.
type sharedEvents struct {
	mutex  sync.Mutex
	events map[eventName]*sharedEvent
	// order has the names of the finished events, the oldest first. The oldest is removed
	// first.
	order []eventName
	bytes int
}

// eventName identifies an event, encoded for connections with a certain limit.
type eventName struct {
	namespace string
	revision  uint64
	limit     int
}

// sharedEvent is an event that all callers share, so it may not be changed. The first of them
// makes it, and the others wait for that.
type sharedEvent struct {
	made sync.Once
	encodedEvent
	// size is an upper bound for the bytes of the body, and a comma.
	size int
}

func newSharedEvents() *sharedEvents { return &sharedEvents{events: map[eventName]*sharedEvent{}} }

// of returns an event as JSON, for messages within limit.
func (shared *sharedEvents) of(event *store.Event, storeID string, limit int) *sharedEvent {
	name := eventName{event.Namespace, event.Revision, limit}
	encoded := shared.find(name)
	encoded.made.Do(func() {
		encoded.make(event, storeID, limit)
		shared.keep(name, cap(encoded.body))
	})
	return encoded
}

// size returns an upper bound for the bytes of the body, and a comma. An event that nobody
// waited for, with a small value, need not be made for that.
func (shared *sharedEvents) size(event *store.Event, storeID string, limit int) int {
	if event.Awaited() || len(event.Value) >= largeValueBytes {
		return shared.of(event, storeID, limit).size
	}
	record, _ := eventRecord(event, storeID, limit)
	return record.Size()
}

func (encoded *sharedEvent) make(event *store.Event, storeID string, limit int) {
	record, fits := eventRecord(event, storeID, limit)
	if len(event.Value) >= largeValueBytes {
		encoded.encodedEvent = encodeRecord(nil, &record, fits)
		encoded.size = len(encoded.body) + len(",")
		return
	}
	encoded.size = record.Size()
	encoded.encodedEvent = encodeRecord(make([]byte, 0, encoded.size), &record, fits)
}

// find returns the event of a name, which may not be made yet.
func (shared *sharedEvents) find(name eventName) *sharedEvent {
	shared.mutex.Lock()
	defer shared.mutex.Unlock()
	encoded := shared.events[name]
	if encoded == nil {
		encoded = &sharedEvent{}
		shared.events[name] = encoded
	}
	return encoded
}

// keep counts an event that is made, and removes the oldest ones if there is no room.
func (shared *sharedEvents) keep(name eventName, bytes int) {
	shared.mutex.Lock()
	defer shared.mutex.Unlock()
	shared.order = append(shared.order, name)
	shared.bytes += bytes
	for shared.bytes > sharedEventBytes && len(shared.order) > 1 {
		oldest := shared.order[0]
		shared.order = shared.order[1:]
		shared.bytes -= cap(shared.events[oldest].body)
		delete(shared.events, oldest)
	}
}
