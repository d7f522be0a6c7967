// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"sync"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// sharedEventBytes bounds what is kept of the newest events that somebody has waited
// for: a few messages of a mebibyte.
const sharedEventBytes = 4 << 20

// largeValueBytes is what a value has that is encoded to find out how long it becomes.
const largeValueBytes = 4 << 10

// sharedEvents are events as JSON, made once however many have waited for them. An
// event never changes, so its name says it all.
type sharedEvents struct {
	mutex  sync.Mutex
	bodies map[eventName][]byte
	// order is their names, the one that was made first to go first.
	order []eventName
	bytes int
}

// eventName tells an event, as it is for connections with this limit, from all others.
type eventName struct {
	namespace string
	revision  uint64
	limit     int
}

func newSharedEvents() *sharedEvents { return &sharedEvents{bodies: map[eventName][]byte{}} }

// body is an event as it travels. It belongs to all who ask for it, and is not to be
// changed.
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

// size is an upper bound of the bytes of the body, and a comma. The bytes of a large
// value are looked at once for all who ask.
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

// keep lets what was made first go where there is no room.
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
