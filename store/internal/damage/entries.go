// SPDX-License-Identifier: EUPL-1.2

package damage

import (
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// mostKnown bounds the damaged entries that are remembered.
const mostKnown = 1024

// Entries remembers damaged entries.
type Entries struct {
	// known are entries that are damaged and not repaired, and waiting are those of them that nobody
	// has tried to repair.
	known   map[kv.EntryName]struct{}
	waiting []kv.EntryName
	// Found and Repaired count entries.
	Found, Repaired uint64
	// Tell is called for each of the known entries.
	Tell func(name kv.EntryName)
}

// New returns Entries without an entry.
func New() *Entries {
	return &Entries{known: map[kv.EntryName]struct{}{}, Tell: func(kv.EntryName) {}}
}

// Note takes note of a damaged entry.
func (entries *Entries) Note(name kv.EntryName) {
	if _, known := entries.known[name]; known {
		return
	}
	if len(entries.known) >= mostKnown {
		clear(entries.known)
	}
	entries.known[name] = struct{}{}
	entries.waiting = append(entries.waiting[max(0, len(entries.waiting)-mostKnown):], name)
	entries.Found++
	entries.Tell(name)
}

// Meet is Note, and returns the error for the reader of the entry.
func (entries *Entries) Meet(name kv.EntryName) error {
	entries.Note(name)
	return &failure.DamagedEntryError{Group: name.Group, Key: name.Key}
}

// Wait reports whether damaged entries are to be repaired.
func (entries *Entries) Wait() bool { return len(entries.waiting) > 0 }

// Take returns the damaged entries that wait.
func (entries *Entries) Take() []kv.EntryName {
	taken := entries.waiting
	entries.waiting = nil
	return taken
}

// Forget takes note that an entry is not damaged.
func (entries *Entries) Forget(name kv.EntryName) { delete(entries.known, name) }

// Repair takes note that an entry is repaired.
func (entries *Entries) Repair(name kv.EntryName) {
	entries.Forget(name)
	entries.Repaired++
}
