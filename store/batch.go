// SPDX-License-Identifier: EUPL-1.2

package store

import "time"

// batch is what a transaction will change: the view as it will be, and the log's
// part of it. Commands are applied to it one after the other, each seeing those
// before it; nothing is written until all were. It does no input or output but
// through the view, and asks no clock: the same commands on the same view at the
// same time give the same batch.
type batch struct {
	view      *view
	limits    Limits
	timestamp time.Time

	events     []Event
	sections   []*section
	namespaces map[string]*namespaceChange
	groups     map[string]*groupChange
	entries    map[entryName]*entryVersion
	// deletions are the revisions at which the batch deletes groups: what it has of
	// them at a lower one, and what the view has, is not there.
	deletions map[string]uint64
}

// namespaceChange is a namespace as the batch leaves it, and its part of the log.
type namespaceChange struct {
	namespaceState
	before  namespaceState
	changed bool
	section *section
}

// groupChange is a group as the batch leaves it.
type groupChange struct {
	groupState
	changed bool
}

func newBatch(view *view, limits Limits, timestamp time.Time) *batch {
	return &batch{
		view:       view,
		limits:     limits,
		timestamp:  timestamp,
		namespaces: map[string]*namespaceChange{},
		groups:     map[string]*groupChange{},
		entries:    map[entryName]*entryVersion{},
		deletions:  map[string]uint64{},
	}
}

// target is an entry that a command is about, with everything around it. All of
// it is read before anything is changed, so that a command that fails leaves no trace.
type target struct {
	entryName
	namespaceName string
	namespace     *namespaceChange
	group         *groupChange
	entry         entryState
}

// live returns the entry where it is there and its time has not come, else the
// state of a missing one.
func (target *target) live(now time.Time) entryState {
	if target.entry.expired(now) {
		return entryState{}
	}
	return target.entry
}

// packedBytes is the largest value that lies beside its names in memory.
const packedBytes = 1024

// pack lays the names and a value that is to be theirs side by side in memory,
// where they are read together, and apart from whatever the caller has them in.
func (target *target) pack(value string) string {
	if len(value) > packedBytes {
		return value
	}
	group, names := len(target.entryName.group), len(target.entryName.group)+len(target.key)
	packed := target.entryName.group + target.key + value
	target.entryName = entryName{group: packed[:group], key: packed[group:names]}
	return packed[names:]
}

// checkedTarget is target for names that a caller gave.
func (batch *batch) checkedTarget(group, key string) (*target, error) {
	namespace, name := NamespaceOf(group)
	if err := batch.limits.checkNames(namespace, name, key); err != nil {
		return nil, err
	}
	return batch.target(group, key)
}

// target reads an entry and what surrounds it.
func (batch *batch) target(group, key string) (*target, error) {
	target, err := batch.surroundings(entryName{group: group, key: key})
	if err != nil {
		return nil, err
	}
	target.entry, err = batch.head(target.entryName)
	return target, err
}

// surroundings is target without the entry itself.
func (batch *batch) surroundings(name entryName) (*target, error) {
	namespaceName, _ := NamespaceOf(name.group)
	namespace, err := batch.namespace(namespaceName)
	if err != nil {
		return nil, err
	}
	group, err := batch.group(name.group)
	if err != nil {
		return nil, err
	}
	return &target{entryName: name, namespaceName: namespaceName, namespace: namespace, group: group}, nil
}

func (batch *batch) namespace(name string) (*namespaceChange, error) {
	if change, known := batch.namespaces[name]; known {
		return change, nil
	}
	state, err := batch.view.namespace(name)
	if err != nil {
		return nil, err
	}
	change := &namespaceChange{namespaceState: state, before: state}
	batch.namespaces[name] = change
	return change, nil
}

func (batch *batch) group(name string) (*groupChange, error) {
	if change, known := batch.groups[name]; known {
		return change, nil
	}
	state, err := batch.view.group(name)
	if err != nil {
		return nil, err
	}
	change := &groupChange{groupState: state}
	batch.groups[name] = change
	return change, nil
}

func (batch *batch) head(name entryName) (entryState, error) {
	version, known := batch.entries[name]
	deleted := deletion{revision: batch.deletions[name.group]}
	switch {
	case known && !deleted.hides(&version.entryState):
		return version.entryState, nil
	case deleted.revision != 0:
		return entryState{}, nil
	default:
		return batch.view.head(name)
	}
}

// expireIfDue logs the expiry of an entry whose time has come, before a write to it.
func (batch *batch) expireIfDue(target *target) {
	if target.entry.present() && target.entry.expired(batch.timestamp) {
		batch.record(target, Event{Type: EventExpire})
	}
}

// record gives a change its place in the log and applies it. The event needs only
// what the command knows: its type and what was written.
func (batch *batch) record(target *target, event Event) *Event {
	event.Namespace = target.namespaceName
	event.Group, event.Key = target.entryName.group, target.key
	event.Timestamp = batch.timestamp
	event.Revision = target.namespace.revision + 1
	if target.group.lastRevision >= target.namespace.oldest {
		event.Previous = target.group.lastRevision
	}
	event.replaced = int64(target.entry.bytes)
	if event.Type == EventDeleteGroup {
		event.replaced, event.removed = target.group.bytes, target.group.keys
	}
	event.groups = target.groupsChange(&event)
	batch.log(target.namespace, &event)
	batch.apply(target, &event)
	return &batch.events[len(batch.events)-1]
}

// replay applies events of the log as it stands.
func (batch *batch) replay(events []Event) error {
	for index := range events {
		event := &events[index]
		target, err := batch.surroundings(entryName{group: event.Group, key: event.Key})
		if err != nil {
			return err
		}
		batch.apply(target, event)
	}
	return nil
}

// groupsChange tells whether an event makes its group appear or vanish.
func (target *target) groupsChange(event *Event) int8 {
	switch {
	case event.keys() > 0 && target.group.keys == 0:
		return 1
	case event.keys() < 0 && target.group.keys+event.keys() == 0:
		return -1
	default:
		return 0
	}
}

// apply brings the batch's states to where they are after an event. It asks for
// nothing but the event and what is counted, so that it serves the log's replay too:
// a counter that already holds the event is left alone.
func (batch *batch) apply(target *target, event *Event) {
	keys, bytes := event.keys(), event.bytes()
	if event.Revision > target.group.lastRevision {
		target.group.lastRevision = event.Revision
		target.group.keys += keys
		target.group.bytes += bytes
		target.group.changed = true
	}
	if event.Revision > target.namespace.revision {
		target.namespace.revision = event.Revision
		target.namespace.keys += keys
		target.namespace.bytes += bytes
		target.namespace.groups += int64(event.groups)
		target.namespace.changed = true
	}
	if event.Type == EventDeleteGroup {
		batch.deletions[event.Group] = event.Revision
		return
	}
	target.entry = event.state()
	batch.entries[target.entryName] = &entryVersion{entryName: target.entryName, entryState: target.entry}
}

func (batch *batch) log(namespace *namespaceChange, event *Event) {
	if namespace.section == nil {
		namespace.section = &section{namespace: event.Namespace, firstRevision: event.Revision}
		batch.sections = append(batch.sections, namespace.section)
	}
	namespace.section.add(event)
	batch.events = append(batch.events, *event)
}

// changes returns what the batch has changed.
func (batch *batch) changes() *slice {
	changes := &slice{
		deletions:  batch.deletions,
		entries:    make([]*entryVersion, 0, len(batch.entries)),
		groups:     make(map[string]groupState, len(batch.groups)),
		namespaces: make(map[string]namespaceState, len(batch.namespaces)),
	}
	for name, version := range batch.entries {
		if (deletion{revision: batch.deletions[name.group]}).hides(&version.entryState) {
			continue
		}
		changes.entries = append(changes.entries, version)
	}
	for name, change := range batch.groups {
		if change.changed {
			changes.groups[name] = change.groupState
		}
	}
	for name, change := range batch.namespaces {
		if change.changed {
			changes.namespaces[name] = change.namespaceState
		}
	}
	return changes
}
