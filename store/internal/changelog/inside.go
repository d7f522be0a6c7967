// SPDX-License-Identifier: EUPL-1.2

package changelog

// FromCaller reports whether the goroutine that made a change runs its callbacks.
func FromCaller(event *Event) bool { return event.fromCaller }

// SetFromCaller sets FromCaller of a new event.
func SetFromCaller(event *Event, fromCaller bool) { event.fromCaller = fromCaller }

// SetAwaited makes an event Awaited, before the first reader sees it.
func SetAwaited(event *Event) { event.awaited = true }

// Counters returns the numbers of keys, bytes and groups that a change adds to its namespace. A removal
// gives negative numbers. Keys and bytes are those of its group, too.
func Counters(event *Event) (keys, bytes, groups int64) {
	return event.keys(), event.bytes(), int64(event.groups)
}

// SetCounters sets what Counters returns for a new event with all its names and its value.
// replaced is the length of the value before, for a deleted group all its bytes. groupKeys is
// the number of keys that the group had before.
func SetCounters(event *Event, replaced, groupKeys int64) {
	event.replaced = replaced
	if event.Type == EventDeleteGroup {
		event.removed = groupKeys
	}
	switch keys := event.keys(); {
	case keys > 0 && groupKeys == 0:
		event.groups = 1
	case keys < 0 && groupKeys+keys == 0:
		event.groups = -1
	}
}

// keys returns the number of keys that the change adds.
func (event *Event) keys() int64 {
	switch {
	case event.Type == EventSet && event.Created:
		return 1
	case event.Type == EventDelete || event.Type == EventExpire:
		return -1
	case event.Type == EventDeleteGroup:
		return -event.removed
	default:
		return 0
	}
}

// bytes returns the number of bytes that the change adds: the length of the value and, for a new
// key, the lengths of key and group. A removal gives a negative number.
func (event *Event) bytes() int64 {
	if event.Type == EventDeleteGroup {
		return -event.replaced
	}
	names := event.keys() * int64(len(event.Key)+len(event.LocalGroup()))
	return names + int64(len(event.Value)) - event.replaced
}
