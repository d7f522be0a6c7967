// SPDX-License-Identifier: EUPL-1.2

package changelog

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// EventType says what a change did.
type EventType int

// The types of change.
const (
	// EventSet: a key got a value.
	EventSet EventType = iota
	// EventDelete: a key was removed.
	EventDelete
	// EventDeleteGroup: all keys of the group were removed. The event has no key.
	EventDeleteGroup
	// EventTouch: the expiry of a key was changed.
	EventTouch
	// EventExpire: a key expired.
	EventExpire
)

// String returns the type's name on the wire: "set", "delete", "delete_group",
// "touch" or "expire".
func (eventType EventType) String() string {
	names := [...]string{"set", "delete", "delete_group", "touch", "expire"}
	if eventType < 0 || int(eventType) >= len(names) {
		return "unknown"
	}
	return names[eventType]
}

// Event is one change of the log. Watch and OnChange deliver events, and Changes returns them.
//
//	store.Event{Type: store.EventSet, Namespace: "acme", Group: "acme:config", Key: "theme", Value: "dark", Revision: 42}
type Event struct {
	Type EventType
	// Namespace is the part before the first colon of Group, or empty.
	Namespace string
	// Group is the whole name, as the Store's methods take it.
	Group string
	Key   string
	Value string
	// Timestamp is the time of the commit.
	Timestamp time.Time
	// Revision is dense in the namespace.
	Revision uint64
	// Previous is the revision of the change before this one in the same group, 0 if the log
	// holds none.
	Previous uint64
	// Created is true for a set of a new key, and false for a set that replaced a value.
	Created bool
	// ExpiresAt is the zero time if the key does not expire.
	ExpiresAt time.Time
	// TransactionFirst and TransactionLast are the first and the last revision of the change's
	// transaction, 0 without a transaction.
	TransactionFirst uint64
	TransactionLast  uint64
	// TraceParent is the traceparent of the request that caused the change.
	TraceParent string

	// The rest is no part of the contract. The packages of the store reach it by functions.

	// awaited is set before the first reader sees the event.
	awaited bool
	// fromCaller marks a change whose callbacks the goroutine that made it runs.
	fromCaller bool
	// replaced is the length of the value that was replaced or removed, for a group all its
	// bytes. removed is the number of keys that were deleted with a group. groups is 1 if the
	// group got its first key, and -1 if it lost its last. So the counters follow from the log
	// alone.
	replaced int64
	removed  int64
	groups   int8
}

// Awaited reports whether readers waited for this event when it was committed, see
// ChangesQuery.Wait. They receive it from memory, as the consumers of the log do. So all of them
// can share what one of them makes of the event.
//
//	if event.Awaited() { body = shared.encode(event) }
func (event *Event) Awaited() bool { return event != nil && event.awaited }

// LocalGroup returns the name of the group within its namespace: "config" of
// "acme:config".
func (event *Event) LocalGroup() string {
	switch {
	case event == nil:
		return ""
	case event.Namespace == "":
		return event.Group
	default:
		return kv.LocalGroup(event.Namespace, event.Group)
	}
}
