// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"strings"
	"time"
)

// namespaceState is the state of a namespace as a whole. The zero value is a namespace that was
// never written.
type namespaceState struct {
	revision uint64
	// oldest is the lowest revision in the log, revision + 1 if there is none.
	oldest uint64
	keys   int64
	groups int64
	bytes  int64
}

// groupState is the state of a group as a whole.
type groupState struct {
	keys         int64
	bytes        int64
	lastRevision uint64
}

// entryState is the state of a key. The zero value is a missing key.
type entryState struct {
	revision  uint64
	updatedAt int64 // Unix nanoseconds
	expiresAt int64 // Unix milliseconds, 0: never
	// bytes is the length of value; value itself is empty if only the head was read.
	bytes int
	value string
}

func (state *entryState) present() bool { return state.revision != 0 }

// expired reports whether the key's time has come.
func (state *entryState) expired(now time.Time) bool {
	return state.expiresAt != 0 && state.expiresAt <= now.UnixMilli()
}

// entryName is the address of an entry; group is the whole name.
type entryName struct {
	group string
	key   string
}

func compareEntryNames(left, right entryName) int {
	if order := strings.Compare(left.group, right.group); order != 0 {
		return order
	}
	return strings.Compare(left.key, right.key)
}

// entryVersion is an entry as one commit left it. It does not change: the batch,
// the pending set and the hot entries share it.
type entryVersion struct {
	entryName
	entryState
}

// behind is the first name after this one.
func (name entryName) behind() entryName {
	return entryName{group: name.group, key: firstBehind(name.key)}
}

// stateOverhead estimates the size of a state in memory without its texts.
const stateOverhead = 256

// memory estimates the bytes that the version takes in memory.
func (version *entryVersion) memory() int {
	return stateOverhead + len(version.group) + len(version.key) + len(version.value)
}

// deletion is a deleted group. An entry of the group at this revision or below does not exist,
// wherever it is still stored.
type deletion struct {
	group    string
	revision uint64
}

// hides reports whether a state was deleted with the group.
func (deletion deletion) hides(state *entryState) bool {
	return state.present() && state.revision <= deletion.revision
}
