// SPDX-License-Identifier: EUPL-1.2

package kv

import (
	"strings"
	"time"
)

// NamespaceState is the state of a namespace as a whole. The zero value is a namespace that was
// never written.
type NamespaceState struct {
	Revision uint64
	// Oldest is the lowest revision in the log, revision + 1 if there is none.
	Oldest uint64
	Keys   int64
	Groups int64
	Bytes  int64
}

// GroupState is the state of a group as a whole.
type GroupState struct {
	Keys         int64
	Bytes        int64
	LastRevision uint64
}

// EntryState is the state of a key. The zero value is a missing key.
type EntryState struct {
	Revision  uint64
	UpdatedAt int64 // Unix nanoseconds
	ExpiresAt int64 // Unix milliseconds, 0: never
	// Bytes is the length of value; value itself is empty if only the head was read.
	Bytes int
	Value string
}

// Present reports whether the key exists, expired or not.
func (state *EntryState) Present() bool { return state.Revision != 0 }

// Expired reports whether the key's deadline has come.
func (state *EntryState) Expired(now time.Time) bool {
	return state.ExpiresAt != 0 && state.ExpiresAt <= now.UnixMilli()
}

// TimeOfMilliseconds is the time of ExpiresAt, the zero time for 0.
func TimeOfMilliseconds(milliseconds int64) time.Time {
	if milliseconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds).UTC()
}

// EntryName is the address of an entry. Group is the whole name.
type EntryName struct {
	Group string
	Key   string
}

// CompareEntryNames orders names by group, then by key, in byte order.
func CompareEntryNames(left, right EntryName) int {
	if order := strings.Compare(left.Group, right.Group); order != 0 {
		return order
	}
	return strings.Compare(left.Key, right.Key)
}

// EntryVersion is an entry after one commit. It does not change: the batch, the pending set
// and the hot entries share it.
type EntryVersion struct {
	EntryName
	EntryState
}

// Behind returns the first name after this one.
func (name EntryName) Behind() EntryName {
	return EntryName{Group: name.Group, Key: FirstBehind(name.Key)}
}

// StateOverhead estimates the size of a state in memory without its texts.
const StateOverhead = 256

// Memory estimates the bytes of the version in memory.
func (version *EntryVersion) Memory() int {
	return StateOverhead + len(version.Group) + len(version.Key) + len(version.Value)
}

// Deletion is a deleted group. An entry of the group at this revision or below does not exist,
// wherever it is still stored.
type Deletion struct {
	Group    string
	Revision uint64
}

// Hides reports whether a state was deleted with the group.
func (deletion Deletion) Hides(state *EntryState) bool {
	return state.Present() && state.Revision <= deletion.Revision
}
