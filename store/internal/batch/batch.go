// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"maps"
	"math"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// Batch has the changes of a transaction: the future state of the view, and a part of the log.
// Commands are applied one after the other, and each sees the commands before it. Nothing is
// written until all are applied.
type Batch struct {
	view *state.View
	// below is the batch that this one stands on, nil if it stands on the view. nests tells that
	// this one will be merged into it. Otherwise the batch below is on its way to the log.
	below *Batch
	nests bool
	// after is the end of the log before the batch.
	after changelog.Position
	// spare is memory for a nested one, nil if there is none.
	spare     *Batch
	limits    kv.Limits
	timestamp time.Time

	events     []changelog.Event
	logged     []*changelog.NamespaceChanges
	namespaces map[string]*namespaceChange
	groups     map[string]*groupChange
	entries    map[kv.EntryName]*kv.EntryVersion
	// deletions are the revisions at which the batch deletes groups. Entries of these groups at
	// a lower revision, in the batch or in the view, do not exist.
	deletions map[string]uint64
	// changed is the result of changes. Expired entries are there before.
	changed state.Slice
	// parts are the changes beside the log, one part for each table.
	parts  parts
	tables *Tables
	// due is the progress of the batch through due entries, by realm. stale are entries that
	// were found there and are no longer due. looks is the number of entries that it may still
	// look at; a nested batch uses the one of the lowest batch.
	due   map[kv.Realm]*state.DueQueue
	stale []kv.EntryName
	looks int
}

// namespaceChange is a namespace as the batch leaves it, and its part of the log.
type namespaceChange struct {
	kv.NamespaceState
	before  kv.NamespaceState
	changed bool
	logged  *changelog.NamespaceChanges
}

// groupChange is a group as the batch leaves it.
type groupChange struct {
	kv.GroupState
	changed bool
}

// New returns a batch without limits.
func New(view *state.View, tables *Tables, timestamp time.Time) *Batch {
	return Empty().On(view, tables, kv.Limits{}, timestamp)
}

// On puts an empty batch on top of a view.
func (batch *Batch) On(view *state.View, tables *Tables, limits kv.Limits, timestamp time.Time) *Batch {
	batch.view, batch.tables, batch.limits, batch.timestamp, batch.looks = view, tables, limits, timestamp, DuePerBatch
	return batch
}

// Follows tells a batch the end of the log before it. below is the batch whose record is the end,
// while that is on its way to the log, and nil afterwards.
func (batch *Batch) Follows(after changelog.Position, below *Batch) {
	batch.after, batch.below = after, below
}

// Expect tells an empty batch about how many changes will come.
func (batch *Batch) Expect(changes int) { batch.events = make([]changelog.Event, 0, changes) }

// Landed tells the batch that the view has all that was below it.
func (batch *Batch) Landed() { batch.below = nil }

// Empty returns a batch that must be put on a view.
func Empty() *Batch {
	return &Batch{
		namespaces: map[string]*namespaceChange{},
		groups:     map[string]*groupChange{},
		entries:    map[kv.EntryName]*kv.EntryVersion{},
		deletions:  map[string]uint64{},
	}
}

// Nested returns a batch on top of this one, and sees the changes of this one. Its changes
// reach this one when it is merged, and are dropped otherwise. Until then this one must not
// change.
func (batch *Batch) Nested() *Batch {
	nested := batch.spare
	if batch.spare = nil; nested == nil {
		nested = Empty()
	}
	nested.On(batch.view, batch.tables, batch.limits, batch.timestamp)
	nested.below, nested.nests, nested.after = batch, true, batch.after
	return nested
}

// Merge takes over the changes of a nested batch, and its memory.
func (batch *Batch) Merge(nested *Batch) {
	for name, change := range nested.namespaces {
		if change.changed {
			below := batch.namespaces[name]
			below.NamespaceState, below.changed = change.NamespaceState, true
		}
	}
	for name, change := range nested.groups {
		if change.changed {
			batch.groups[name] = change
		}
	}
	maps.Copy(batch.entries, nested.entries)
	maps.Copy(batch.deletions, nested.deletions)
	maps.Copy(batch.due, nested.due)
	batch.changed.AddExpiries(&nested.changed)
	batch.events = slices.Grow(batch.events, len(nested.events))
	for index := range nested.events {
		event := &nested.events[index]
		batch.log(batch.namespaces[event.Namespace], event)
	}
	nested.parts.mergeInto(batch)
	batch.spare = Reuse(nested)
}

// MarkTransaction marks the changes of a nested batch as one transaction. A transaction over
// several namespaces has a first and a last revision in each.
func (batch *Batch) MarkTransaction() {
	for index := range batch.events {
		event := &batch.events[index]
		namespace := batch.namespaces[event.Namespace]
		event.TransactionFirst, event.TransactionLast = namespace.before.Revision+1, namespace.Revision
	}
}

// Below returns the batch that this one stands on, nil if it stands on the view.
func (batch *Batch) Below() *Batch { return batch.below }

// End returns the end of the log before the batch.
func (batch *Batch) End() changelog.Position { return batch.after }

// Limits returns the limits of the entries that the batch takes.
func (batch *Batch) Limits() kv.Limits { return batch.limits }

// Timestamp returns the time of all changes of the batch.
func (batch *Batch) Timestamp() time.Time { return batch.timestamp }

// Tables returns the tables as they are before the batch, and before all batches below it.
func (batch *Batch) Tables() *Tables { return batch.tables }

// Events returns the changes of entries so far. They must not be changed.
func (batch *Batch) Events() []changelog.Event { return batch.events }

// IsEmpty reports whether the batch changes nothing.
func (batch *Batch) IsEmpty() bool { return len(batch.events) == 0 && batch.parts.empty() }

// Sections returns what the batch changes beside the entries, as the sections of a record.
func (batch *Batch) Sections() []byte { return batch.parts.sections() }

// MayBePutOff reports whether the rows of the batch may be written after its commit: it changes
// entries, and may have answers.
func (batch *Batch) MayBePutOff() bool { return len(batch.events) > 0 && batch.parts.onlyAnswers() }

// Revision returns the revision of a namespace.
func (batch *Batch) Revision(namespace string) (uint64, error) {
	change, err := batch.namespace(namespace)
	if err != nil {
		return 0, err
	}
	return change.Revision, nil
}

// Beyond returns a namespace other than the named one that the batch has had to do with.
func (batch *Batch) Beyond(namespace string) (other string, found bool) {
	for name := range batch.namespaces {
		if name != namespace {
			return name, true
		}
	}
	return "", false
}

// Oldest returns the lowest revision in the log of a namespace that the batch changes.
func (batch *Batch) Oldest(namespace string) uint64 { return batch.namespaces[namespace].Oldest }

// Stale returns entries that were found among the due ones, and have got another state since.
func (batch *Batch) Stale() []kv.EntryName { return batch.stale }

// LookAtAll has the batch look at all due entries that it comes to, however many.
func (batch *Batch) LookAtAll() { batch.looks = math.MaxInt }

// Waits tells how the commit of the batch waits for the disk.
func (batch *Batch) Waits() Waiting {
	waits := batch.parts.waits()
	if len(batch.events) > 0 {
		waits = max(waits, WaitsAsUsual)
	}
	return waits
}

// reusableStates is the largest batch whose memory is used again: of a larger one it
// would be held for nothing.
const reusableStates = 512

// Reuse returns an empty batch in the memory of a committed or dropped batch; nil if that is
// not worth it. Events and log data of the old batch stay valid for others.
func Reuse(used *Batch) *Batch {
	if max(len(used.namespaces), len(used.groups), len(used.entries), len(used.deletions)) > reusableStates {
		return nil
	}
	clear(used.namespaces)
	clear(used.groups)
	clear(used.entries)
	clear(used.deletions)
	used.changed.Reset()
	*used = Batch{
		spare:      used.spare,
		namespaces: used.namespaces, groups: used.groups, entries: used.entries, deletions: used.deletions,
		changed: used.changed,
	}
	return used
}

// Origin has the data about a command's source that its changes carry.
type Origin struct {
	// FromCaller tells that the caller runs the callbacks of OnChange for the changes.
	FromCaller bool
}
