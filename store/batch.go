// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"maps"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// batch has the changes of a transaction: the future state of the view, and a part of the log.
// Commands are applied one after the other, and each sees the commands before it. Nothing is
// written until all are applied. A batch does no input or output except through the view, and
// asks no clock. So the same commands on the same view at the same time give the same batch.
type batch struct {
	view *state.View
	// below is the batch that this one stands on, nil if it stands on the view. nests tells that
	// this one will be merged into it. Otherwise the batch below is on its way to the log.
	below *batch
	nests bool
	// after is the end of the log before the batch.
	after changelog.Position
	// spare is memory for a nested one, nil if there is none.
	spare     *batch
	limits    kv.Limits
	timestamp time.Time

	events     []Event
	sections   []*changelog.NamespaceChanges
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
	tables *tables
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
	section *changelog.NamespaceChanges
}

// groupChange is a group as the batch leaves it.
type groupChange struct {
	kv.GroupState
	changed bool
}

// newBatch returns a batch without limits.
func newBatch(view *state.View, tables *tables, timestamp time.Time) *batch {
	return emptyBatch().on(view, tables, kv.Limits{}, timestamp)
}

// on puts an empty batch on top of a view or of another batch.
func (batch *batch) on(view *state.View, tables *tables, limits kv.Limits, timestamp time.Time) *batch {
	batch.view, batch.tables, batch.limits, batch.timestamp, batch.looks = view, tables, limits, timestamp, duePerBatch
	return batch
}

func emptyBatch() *batch {
	return &batch{
		namespaces: map[string]*namespaceChange{},
		groups:     map[string]*groupChange{},
		entries:    map[kv.EntryName]*kv.EntryVersion{},
		deletions:  map[string]uint64{},
	}
}

// nested returns a batch on top of this one, and sees the changes of this one. Its changes
// reach this one when it is merged, and are dropped otherwise. Until then this one must not
// change.
func (batch *batch) nested() *batch {
	nested := batch.spare
	if batch.spare = nil; nested == nil {
		nested = emptyBatch()
	}
	nested.on(batch.view, batch.tables, batch.limits, batch.timestamp)
	nested.below, nested.nests, nested.after = batch, true, batch.after
	return nested
}

// merge takes over the changes of a nested batch, and its memory.
func (batch *batch) merge(nested *batch) {
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
	batch.spare = reuse(nested)
}

// markTransaction marks the changes of a nested batch as one transaction. A transaction over
// several namespaces has a first and a last revision in each.
func (batch *batch) markTransaction() {
	for index := range batch.events {
		event := &batch.events[index]
		namespace := batch.namespaces[event.Namespace]
		event.TransactionFirst, event.TransactionLast = namespace.before.Revision+1, namespace.Revision
	}
}

// target is an entry that a command is about, with everything around it. All of
// it is read before anything is changed, so that a command that fails leaves no trace.
type target struct {
	kv.EntryName
	namespaceName string
	namespace     *namespaceChange
	group         *groupChange
	entry         kv.EntryState
}

// live returns the entry if it is there and its time has not come, else the state of a missing
// one.
func (target *target) live(now time.Time) kv.EntryState {
	if target.entry.Expired(now) {
		return kv.EntryState{}
	}
	return target.entry
}

// packedBytes is the largest value that lies beside its names in memory.
const packedBytes = 1024

// pack lays the names and a value that is to be theirs side by side in memory, where they are
// read together, and apart from whatever the caller has them in.
func (target *target) pack(value string) string {
	if len(value) > packedBytes {
		return value
	}
	group, names := len(target.Group), len(target.Group)+len(target.Key)
	packed := target.Group + target.Key + value
	target.EntryName = kv.EntryName{Group: packed[:group], Key: packed[group:names]}
	return packed[names:]
}

// checkedTarget is target for names that a caller gave.
func (batch *batch) checkedTarget(group, key string) (*target, error) {
	if err := batch.checkNames(group, key); err != nil {
		return nil, err
	}
	return batch.target(group, key)
}

// checkedTargetWithValue is checkedTarget for a command that needs the entry's value.
func (batch *batch) checkedTargetWithValue(group, key string) (*target, error) {
	if err := batch.checkNames(group, key); err != nil {
		return nil, err
	}
	target, err := batch.surroundings(kv.EntryName{Group: group, Key: key})
	if err != nil {
		return nil, err
	}
	target.entry, err = batch.entry(target.EntryName)
	return target, err
}

func (batch *batch) checkNames(group, key string) error {
	namespace, name := kv.NamespaceOf(group)
	return kv.CheckNames(batch.limits, namespace, name, key)
}

// target reads an entry and what surrounds it.
func (batch *batch) target(group, key string) (*target, error) {
	target, err := batch.surroundings(kv.EntryName{Group: group, Key: key})
	if err != nil {
		return nil, err
	}
	target.entry, err = batch.head(target.EntryName)
	return target, err
}

// surroundings is target without the entry itself.
func (batch *batch) surroundings(name kv.EntryName) (*target, error) {
	namespaceName, _ := kv.NamespaceOf(name.Group)
	namespace, err := batch.namespace(namespaceName)
	if err != nil {
		return nil, err
	}
	group, err := batch.group(name.Group)
	if err != nil {
		return nil, err
	}
	return &target{EntryName: name, namespaceName: namespaceName, namespace: namespace, group: group}, nil
}

func (batch *batch) namespace(name string) (*namespaceChange, error) {
	if change, known := batch.namespaces[name]; known {
		return change, nil
	}
	state, err := batch.namespaceBelow(name)
	if err != nil {
		return nil, err
	}
	change := &namespaceChange{NamespaceState: state, before: state}
	batch.namespaces[name] = change
	return change, nil
}

func (batch *batch) namespaceBelow(name string) (kv.NamespaceState, error) {
	if batch.below == nil {
		return batch.view.Namespace(name)
	}
	change, err := batch.below.namespace(name)
	if err != nil {
		return kv.NamespaceState{}, err
	}
	return change.NamespaceState, nil
}

func (batch *batch) group(name string) (*groupChange, error) {
	if change, known := batch.groups[name]; known {
		return change, nil
	}
	state, err := batch.groupBelow(name)
	if err != nil {
		return nil, err
	}
	change := &groupChange{GroupState: state}
	batch.groups[name] = change
	return change, nil
}

func (batch *batch) groupBelow(name string) (kv.GroupState, error) {
	if batch.below == nil {
		return batch.view.Group(name)
	}
	change, err := batch.below.group(name)
	if err != nil {
		return kv.GroupState{}, err
	}
	return change.GroupState, nil
}

// head returns the state of a key, expired or not; its value may be left out.
func (batch *batch) head(name kv.EntryName) (kv.EntryState, error) {
	if state, changed := batch.changedState(name); changed {
		return state, nil
	}
	return batch.view.Head(name)
}

// entry returns the state of a key, expired or not, with its value.
func (batch *batch) entry(name kv.EntryName) (kv.EntryState, error) {
	if state, changed := batch.changedState(name); changed {
		return state, nil
	}
	return batch.view.Entry(name)
}

// changedState returns the state of a key that the batch has written or deleted.
func (batch *batch) changedState(name kv.EntryName) (state kv.EntryState, changed bool) {
	version, deleted := batch.changedEntry(name), batch.deletion(name.Group)
	if version != nil && !deleted.Hides(&version.EntryState) {
		return version.EntryState, true
	}
	return kv.EntryState{}, deleted.Revision != 0
}

// deletion returns the newest deletion of a group in the batch, of revision 0 if there is none.
func (batch *batch) deletion(group string) kv.Deletion {
	for ; batch != nil; batch = batch.below {
		if revision, deleted := batch.deletions[group]; deleted {
			return kv.Deletion{Group: group, Revision: revision}
		}
	}
	return kv.Deletion{Group: group}
}

// changedEntry returns a key as the batch has changed it, nil if it has not.
func (batch *batch) changedEntry(name kv.EntryName) *kv.EntryVersion {
	for ; batch != nil; batch = batch.below {
		if version, known := batch.entries[name]; known {
			return version
		}
	}
	return nil
}

// all returns the live entries of a group.
func (batch *batch) all(group string) (all map[string]string, err error) {
	deleted := kv.Deletion{Revision: batch.deletions[group]}
	switch {
	case deleted.Revision != 0:
		all = map[string]string{}
	case batch.below != nil:
		all, err = batch.below.all(group)
	default:
		all = map[string]string{}
		err = batch.view.WholeGroup(group, batch.timestamp, func(key string, state *kv.EntryState) bool {
			all[key] = state.Value
			return true
		})
	}
	if err != nil {
		return nil, err
	}
	for name, version := range batch.entries {
		switch {
		case name.Group != group, deleted.Hides(&version.EntryState):
		case version.Present() && !version.Expired(batch.timestamp):
			all[name.Key] = version.Value
		default:
			delete(all, name.Key)
		}
	}
	return all, nil
}

// groupNames returns the names of the groups of a range that have keys, in byte
// order. Of more than limit it returns limit, whichever they are.
func (batch *batch) groupNames(names kv.NameRange, limit int) (found []string, err error) {
	// Changes of the batches below are newer than the view.
	for below := batch.below; below != nil; below = below.below {
		for name, group := range below.groups {
			if _, known := batch.groups[name]; !known && names.Holds(name) {
				batch.groups[name] = &groupChange{GroupState: group.GroupState}
			}
		}
	}
	for name, group := range batch.groups {
		if names.Holds(name) && group.Keys > 0 {
			found = append(found, name)
		}
	}
	err = batch.view.GroupsIn(names, func(name string, state kv.GroupState) bool {
		if _, known := batch.groups[name]; !known && state.Keys > 0 {
			batch.groups[name] = &groupChange{GroupState: state}
			found = append(found, name)
		}
		return len(found) < limit
	})
	slices.Sort(found)
	return found[:min(limit, len(found))], err
}

// expireIfDue logs the expiry of an entry whose time has come, before a write to it.
func (batch *batch) expireIfDue(target *target) {
	if target.entry.Present() && target.entry.Expired(batch.timestamp) {
		batch.changed.AddExpiry(target.EntryName, &target.entry)
		batch.record(target, Event{Type: EventExpire}, origin{})
	}
}

// record gives a change its place in the log and applies it. The event needs only the data of
// the command: its type and the written values.
func (batch *batch) record(target *target, event Event, origin origin) *Event {
	event.Namespace = target.namespaceName
	event.Group, event.Key = target.Group, target.Key
	event.Timestamp = batch.timestamp
	event.Revision = target.namespace.Revision + 1
	if target.group.LastRevision >= target.namespace.Oldest {
		event.Previous = target.group.LastRevision
	}
	var replaced int64
	switch event.Type {
	case EventTouch:
	case EventDeleteGroup:
		replaced = target.group.Bytes
	default:
		replaced = int64(target.entry.Bytes)
	}
	changelog.SetCounters(&event, replaced, target.group.Keys)
	changelog.SetFromCaller(&event, origin.fromCaller)
	batch.log(target.namespace, &event)
	batch.count(target, &event)
	batch.change(target, &event)
	return &batch.events[len(batch.events)-1]
}

// replay applies events of the log as it stands.
func (batch *batch) replay(events []Event) error {
	for index := range events {
		event := &events[index]
		target, err := batch.surroundings(kv.EntryName{Group: event.Group, Key: event.Key})
		if err != nil {
			return err
		}
		batch.count(target, event)
		if event.Type == EventTouch {
			// The log does not repeat the value: it is the value of the entry before. If the
			// tables are newer than the event, that may be another value or none. The log then
			// goes on to the change that made the tables so.
			if target.entry, err = batch.entry(target.EntryName); err != nil {
				return err
			}
		}
		batch.change(target, event)
	}
	return nil
}

// count updates the counters with an event. It needs only the event and the counters, so the
// replay of the log uses it too. A counter that already includes the event is left alone.
func (batch *batch) count(target *target, event *Event) {
	keys, bytes, groups := changelog.Counters(event)
	if event.Revision > target.group.LastRevision {
		target.group.LastRevision = event.Revision
		target.group.Keys += keys
		target.group.Bytes += bytes
		target.group.changed = true
	}
	if event.Revision > target.namespace.Revision {
		target.namespace.Revision = event.Revision
		target.namespace.Keys += keys
		target.namespace.Bytes += bytes
		target.namespace.Groups += groups
		target.namespace.changed = true
	}
}

// change brings the entry, or the group that is deleted, to where it is after an event.
func (batch *batch) change(target *target, event *Event) {
	if event.Type == EventDeleteGroup {
		batch.deletions[event.Group] = event.Revision
		return
	}
	target.entry = stateAfter(event, &target.entry)
	batch.entries[target.EntryName] = &kv.EntryVersion{EntryName: target.EntryName, EntryState: target.entry}
}

// stateAfter returns an entry after a change, given the entry before.
func stateAfter(event *Event, before *kv.EntryState) kv.EntryState {
	state := kv.EntryState{Revision: event.Revision, UpdatedAt: event.Timestamp.UnixNano()}
	switch event.Type {
	case EventSet:
		state.Value, state.Bytes = event.Value, len(event.Value)
	case EventTouch:
		state.Value, state.Bytes = before.Value, before.Bytes
	default:
		return kv.EntryState{}
	}
	if !event.ExpiresAt.IsZero() {
		state.ExpiresAt = event.ExpiresAt.UnixMilli()
	}
	return state
}

// log adds an event. It is encoded in the batch that is written, if all of it is known: a
// transaction's last revision is, when it ends.
func (batch *batch) log(namespace *namespaceChange, event *Event) {
	batch.events = append(batch.events, *event)
	if batch.nests {
		return
	}
	if namespace.section == nil {
		namespace.section = &changelog.NamespaceChanges{Namespace: event.Namespace, FirstRevision: event.Revision}
		batch.sections = append(batch.sections, namespace.section)
	}
	namespace.section.Add(event)
}

// changes returns what the batch has changed; it is called once, and the slice goes
// with the batch.
func (batch *batch) changes() *state.Slice {
	changes := &batch.changed
	for name, version := range batch.entries {
		if (kv.Deletion{Revision: batch.deletions[name.Group]}).Hides(&version.EntryState) {
			continue
		}
		changes.AddEntry(version)
	}
	for name, change := range batch.groups {
		if change.changed {
			changes.AddGroup(name, change.GroupState)
		}
	}
	for name, change := range batch.namespaces {
		if change.changed {
			changes.AddNamespace(name, change.before, change.NamespaceState)
		}
	}
	for name, revision := range batch.deletions {
		changes.AddDeletion(name, revision)
	}
	return changes
}

// reusableStates is the largest batch whose memory is used again: of a larger one it
// would be held for nothing.
const reusableStates = 64

// reuse returns an empty batch in the memory of a committed or dropped batch; nil if that is
// not worth it. Events and log data of the old batch stay valid for others.
func reuse(used *batch) *batch {
	if max(len(used.namespaces), len(used.groups), len(used.entries), len(used.deletions)) > reusableStates {
		return nil
	}
	clear(used.namespaces)
	clear(used.groups)
	clear(used.entries)
	clear(used.deletions)
	used.changed.Reset()
	*used = batch{
		spare:      used.spare,
		namespaces: used.namespaces, groups: used.groups, entries: used.entries, deletions: used.deletions,
		changed: used.changed,
	}
	return used
}
