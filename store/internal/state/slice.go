// SPDX-License-Identifier: EUPL-1.2

package state

import "dappco.re/go/storebus/store/internal/kv"

// Slice is a part of the tables in their future state: the changes of a batch, or the rows of
// one transaction.
type Slice struct {
	entries    []*kv.EntryVersion
	groups     []named[kv.GroupState]
	namespaces []named[kv.NamespaceState]
	// grown is the change of the totals.
	grown Totals
	// deletions are the revisions at which groups were deleted.
	deletions []named[uint64]
	// expired are the entries whose expiry was logged.
	expired []expiredEntry
	// removed has rows that a deletion removes, and carriedOut the deletions without rows after
	// that.
	removed    []deletedRows
	carriedOut []kv.Deletion
	// completes says that the tables hold the log up to the commit through once the slice
	// is written.
	completes bool
	through   uint64
	// sweeps marks a slice of the sweep, which goes on at next.
	sweeps bool
	next   sweepPosition
}

// AddEntry adds the new version of an entry, which must not be changed any more.
func (slice *Slice) AddEntry(version *kv.EntryVersion) {
	slice.entries = append(slice.entries, version)
}

// AddGroup adds the new state of a group.
func (slice *Slice) AddGroup(name string, state kv.GroupState) {
	slice.groups = append(slice.groups, named[kv.GroupState]{name, state})
}

// AddNamespace adds the new state of a namespace, after the state before.
func (slice *Slice) AddNamespace(name string, before, state kv.NamespaceState) {
	slice.namespaces = append(slice.namespaces, named[kv.NamespaceState]{name, state})
	slice.grown.add(name, before, state)
}

// AddDeletion adds the deletion of a group at a revision.
func (slice *Slice) AddDeletion(group string, revision uint64) {
	slice.deletions = append(slice.deletions, named[uint64]{group, revision})
}

// AddExpiry adds an entry that has expired, with the state that it had.
func (slice *Slice) AddExpiry(name kv.EntryName, before *kv.EntryState) {
	slice.expired = append(slice.expired, expiredEntry{dueEntry: dueEntry{before.ExpiresAt, name}, bytes: bytesOf(name, before.Bytes)})
}

// AddExpiries adds the expired entries of another slice.
func (slice *Slice) AddExpiries(other *Slice) {
	slice.expired = append(slice.expired, other.expired...)
}

// Rows returns how many rows of the tables the slice writes.
func (slice *Slice) Rows() int {
	return len(slice.entries) + len(slice.groups) + len(slice.namespaces) + len(slice.deletions) + len(slice.removed) + len(slice.carriedOut)
}

// Reset empties the changes of a batch, and keeps their memory for others.
func (slice *Slice) Reset() {
	clear(slice.entries)
	slice.entries, slice.groups, slice.namespaces, slice.deletions = slice.entries[:0], slice.groups[:0], slice.namespaces[:0], slice.deletions[:0]
	slice.expired, slice.grown = nil, Totals{}
}
