// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"sync"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// sharedEventBytes bounds the events that are kept for waiting requests: a few messages
// of a mebibyte.
const sharedEventBytes = 4 << 20

// largeValueBytes is the size from which a value is encoded to measure its length.
const largeValueBytes = 4 << 10

// sharedEvents are events as JSON, made once for all requests that waited for them. An
// event never changes, so its name identifies it.
type sharedEvents struct {
	mutex  sync.Mutex
	bodies map[eventName][]byte
	// order has the names, the oldest first. The oldest is removed first.
	order []eventName
	bytes int
}

// eventName identifies an event, encoded for connections with a certain limit.
type eventName struct {
	namespace string
	revision  uint64
	limit     int
}

func newSharedEvents() *sharedEvents { return &sharedEvents{bodies: map[eventName][]byte{}} }

// body returns an event as JSON. All callers share it, so it may not be changed.
func (shared *sharedEvents) body(event *store.Event, storeID string, limit int) []byte {
	name := eventName{event.Namespace, event.Revision, limit}
	if body, made := shared.find(name); made {
		return body
	}
	record, _ := eventRecord(event, storeID, limit)
	body := subjects.AppendEvent(nil, &record)
	shared.keep(name, body)
	return body
}

// size returns an upper bound for the bytes of the body, and a comma. The bytes of a
// large value are read once for all callers.
func (shared *sharedEvents) size(event *store.Event, storeID string, limit int) int {
	if len(event.Value) >= largeValueBytes {
		return len(shared.body(event, storeID, limit)) + len(",")
	}
	record, _ := eventRecord(event, storeID, limit)
	return record.Size()
}

func (shared *sharedEvents) find(name eventName) (body []byte, made bool) {
	shared.mutex.Lock()
	defer shared.mutex.Unlock()
	body, made = shared.bodies[name]
	return body, made
}

// keep adds a body, and removes the oldest ones if there is no room.
func (shared *sharedEvents) keep(name eventName, body []byte) {
	shared.mutex.Lock()
	defer shared.mutex.Unlock()
	if _, made := shared.bodies[name]; made {
		return
	}
	shared.bodies[name] = body
	shared.order = append(shared.order, name)
	shared.bytes += len(body)
	for shared.bytes > sharedEventBytes && len(shared.order) > 1 {
		oldest := shared.order[0]
		shared.order = shared.order[1:]
		shared.bytes -= len(shared.bodies[oldest])
		delete(shared.bodies, oldest)
	}
}
