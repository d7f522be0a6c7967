// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"math"

	"github.com/tidwall/btree"

	"dappco.re/go/storebus/store/internal/kv"
)

// pending has the changes that are in the log and not yet in the tables: the newest state of
// each entry, group and namespace that was changed since it was last written.
type pending struct {
	entries map[kv.EntryName]*pendingEntry
	ordered *btree.BTreeG[*pendingEntry]
	// byExpiry has each entry that expires twice: in its realm and in the whole store.
	byExpiry *btree.BTreeG[pendingExpiry]
	// expiryHints are the places of the last insertions, because the next ones are mostly
	// near.
	expiryHints [2]btree.PathHint
	groups      pendingStates[kv.GroupState]
	namespaces  pendingStates[kv.NamespaceState]
	// deletions are the revisions at which groups were deleted.
	deletions pendingStates[uint64]
	// bytes estimates the memory that all of it takes.
	bytes int
}

// pendingEntry is the place of an entry in the pending set. Each new version of the entry
// takes this place.
type pendingEntry struct {
	*kv.EntryVersion
}

func newPending() *pending {
	options := btree.Options{NoLocks: true}
	return &pending{
		entries:  map[kv.EntryName]*pendingEntry{},
		ordered:  btree.NewBTreeGOptions(precedes, options),
		byExpiry: btree.NewBTreeGOptions(pendingExpiry.before, options),
	}
}

// precedes orders entries as the table does.
func precedes(left, right *pendingEntry) bool {
	return kv.CompareEntryNames(left.EntryName, right.EntryName) < 0
}

// rows is how many rows of the tables wait to be written.
func (pending *pending) rows() int {
	return len(pending.entries) + pending.groups.states.Len() + pending.namespaces.states.Len() + pending.deletions.states.Len()
}

// merge takes over the changes of a committed batch.
func (pending *pending) merge(changes *Slice) {
	for _, entry := range changes.entries {
		pending.put(entry)
	}
	for _, group := range changes.groups {
		pending.bytes += pending.groups.put(group.name, group.state)
	}
	for _, namespace := range changes.namespaces {
		pending.bytes += pending.namespaces.put(namespace.name, namespace.state)
	}
	for _, deletion := range changes.deletions {
		pending.bytes += pending.deletions.put(deletion.name, deletion.state)
	}
}

func (pending *pending) put(entry *kv.EntryVersion) {
	place, known := pending.entries[entry.EntryName]
	if known {
		pending.forgetExpiry(place.EntryVersion)
		pending.bytes -= place.Memory()
		place.EntryVersion = entry
	} else {
		place = &pendingEntry{entry}
		pending.entries[entry.EntryName] = place
		pending.ordered.Set(place)
	}
	pending.bytes += entry.Memory()
	pending.noteExpiry(entry)
}

// pendingExpiry is when an entry expires, as one realm has it.
type pendingExpiry struct {
	realm kv.Realm
	dueEntry
}

func (expiry pendingExpiry) before(other pendingExpiry) bool {
	if order := expiry.realm.Compare(other.realm); order != 0 {
		return order < 0
	}
	return expiry.compare(other.dueEntry) < 0
}

func (pending *pending) noteExpiry(entry *kv.EntryVersion) {
	if entry.ExpiresAt != 0 {
		due := dueEntry{entry.ExpiresAt, entry.EntryName}
		pending.byExpiry.SetHint(pendingExpiry{kv.WholeStore, due}, &pending.expiryHints[0])
		pending.byExpiry.SetHint(pendingExpiry{kv.RealmOf(entry.Group), due}, &pending.expiryHints[1])
	}
}

func (pending *pending) forgetExpiry(entry *kv.EntryVersion) {
	if entry.ExpiresAt != 0 {
		due := dueEntry{entry.ExpiresAt, entry.EntryName}
		pending.byExpiry.Delete(pendingExpiry{kv.WholeStore, due})
		pending.byExpiry.Delete(pendingExpiry{kv.RealmOf(entry.Group), due})
	}
}

// due is view.due for the pending set.
func (pending *pending) due(of kv.Realm, nowMilliseconds int64, after dueEntry, limit int) (due []dueEntry) {
	pending.byExpiry.Ascend(pendingExpiry{of, after}, func(expiry pendingExpiry) bool {
		if expiry.realm != of || expiry.expiresAt > nowMilliseconds || len(due) == limit {
			return false
		}
		if expiry.dueEntry != after {
			due = append(due, expiry.dueEntry)
		}
		return true
	})
	return due
}

// realmBehind is view.realmBehind for the pending set.
func (pending *pending) realmBehind(before kv.Realm) (next kv.Realm, first int64, found bool) {
	pending.byExpiry.Ascend(pendingExpiry{before, dueEntry{expiresAt: math.MaxInt64}}, func(expiry pendingExpiry) bool {
		next, first, found = expiry.realm, expiry.expiresAt, true
		return false
	})
	return next, first, found
}

// firstExpiry returns when the first entry expires, in Unix milliseconds.
func (pending *pending) firstExpiry() (milliseconds int64, found bool) {
	// The whole store comes before its realms.
	first, found := pending.byExpiry.Min()
	return first.expiresAt, found
}

// written removes the rows that a committed transaction has written to the tables. An entry
// that has been changed since stays.
func (pending *pending) written(slice *Slice) {
	for _, entry := range slice.entries {
		if place, waits := pending.entries[entry.EntryName]; waits && place.EntryVersion == entry {
			pending.forget(place)
		}
	}
	for _, group := range slice.groups {
		pending.bytes -= pending.groups.drop(group.name, group.state)
	}
	for _, namespace := range slice.namespaces {
		pending.bytes -= pending.namespaces.drop(namespace.name, namespace.state)
	}
	for _, deletion := range slice.deletions {
		pending.bytes -= pending.deletions.drop(deletion.name, deletion.state)
	}
}

// forget removes an entry that does not have to be written any more.
func (pending *pending) forget(place *pendingEntry) {
	pending.forgetExpiry(place.EntryVersion)
	pending.bytes -= place.Memory()
	delete(pending.entries, place.EntryName)
	pending.ordered.Delete(place)
}

// from returns up to limit entries in key order, beginning with one.
func (pending *pending) from(first kv.EntryName, limit int) []*kv.EntryVersion {
	var entries []*kv.EntryVersion
	pending.ordered.Ascend(placeOf(first), func(place *pendingEntry) bool {
		if len(entries) == limit {
			return false
		}
		entries = append(entries, place.EntryVersion)
		return true
	})
	return entries
}

// placeOf returns the key for a search of the tree.
func placeOf(name kv.EntryName) *pendingEntry {
	return &pendingEntry{&kv.EntryVersion{EntryName: name}}
}

// dropHidden looks at up to limit entries of a deleted group, from a key on. If the
// deletion hides an entry, it removes the entry. It returns the key to continue from.
func (pending *pending) dropHidden(deleted kv.Deletion, from string, limit int) (next string, looked int, more bool) {
	next = from
	for _, entry := range pending.from(kv.EntryName{Group: deleted.Group, Key: from}, limit) {
		if entry.Group != deleted.Group {
			return next, looked, false
		}
		if deleted.Hides(&entry.EntryState) {
			pending.forget(pending.entries[entry.EntryName])
		}
		next = kv.FirstBehind(entry.Key)
		looked++
	}
	return next, looked, looked == limit
}

// pendingRange goes through the pending entries of a range, in its direction. next
// is nil at its end.
type pendingRange struct {
	next *kv.EntryVersion

	entries  Range
	iterator btree.IterG[*pendingEntry]
}

// within returns the pending entries of a range; the caller releases it.
func (pending *pending) within(entries Range) *pendingRange {
	waiting := &pendingRange{entries: entries, iterator: pending.ordered.Iter()}
	switch {
	case !entries.Descending:
		waiting.settle(waiting.iterator.Seek(placeOf(entries.Low)))
	case entries.High != nil && waiting.iterator.Seek(placeOf(*entries.High)):
		waiting.settle(waiting.iterator.Prev())
	default:
		waiting.settle(waiting.iterator.Last())
	}
	return waiting
}

func (waiting *pendingRange) advance() {
	if waiting.entries.Descending {
		waiting.settle(waiting.iterator.Prev())
	} else {
		waiting.settle(waiting.iterator.Next())
	}
}

// settle takes the entry that the iterator stands at, if it is within the range.
func (waiting *pendingRange) settle(found bool) {
	waiting.next = nil
	if found && waiting.entries.holds(waiting.iterator.Item().EntryName) {
		waiting.next = waiting.iterator.Item().EntryVersion
	}
}

// compare tells which of two names comes first in the range's direction.
func (waiting *pendingRange) compare(left, right kv.EntryName) int {
	if waiting.entries.Descending {
		return kv.CompareEntryNames(right, left)
	}
	return kv.CompareEntryNames(left, right)
}

func (waiting *pendingRange) release() { waiting.iterator.Release() }
