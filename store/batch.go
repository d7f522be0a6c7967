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
	entries    map[entryName]*entryState
}

// namespaceChange is a namespace as the batch leaves it, and its part of the log,
// nil where it has none.
type namespaceChange struct {
	namespaceState
	before  namespaceState
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
		entries:    map[entryName]*entryState{},
	}
}

// target is an entry that a command is about, with everything around it. All of
// it is read before anything is changed, so that a command that fails leaves no trace.
type target struct {
	name      entryName
	namespace *namespaceChange
	group     *groupChange
	entry     *entryState
	// namespaceName is the namespace of name.group.
	namespaceName string
}

// live returns the entry where it is there and its time has not come, else the
// state of a missing one.
func (target *target) live(now time.Time) entryState {
	if target.entry.expired(now) {
		return entryState{}
	}
	return *target.entry
}

// checkedTarget is target for names that a caller gave.
func (batch *batch) checkedTarget(group, key string) (*target, error) {
	namespace, name := NamespaceOf(group)
	if err := batch.limits.checkNames(namespace, name, key); err != nil {
		return nil, err
	}
	return batch.target(group, key)
}

// target reads what surrounds an entry.
func (batch *batch) target(group, key string) (*target, error) {
	namespaceName, _ := NamespaceOf(group)
	namespace, err := batch.namespace(namespaceName)
	if err != nil {
		return nil, err
	}
	groupState, err := batch.group(group)
	if err != nil {
		return nil, err
	}
	entry, err := batch.head(entryName{group: group, key: key})
	if err != nil {
		return nil, err
	}
	return &target{name: entryName{group: group, key: key}, namespace: namespace, group: groupState, entry: entry, namespaceName: namespaceName}, nil
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

func (batch *batch) head(name entryName) (*entryState, error) {
	if state, known := batch.entries[name]; known {
		return state, nil
	}
	state, err := batch.view.head(name)
	return &state, err
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
	event.Group, event.Key = target.name.group, target.name.key
	event.Timestamp = batch.timestamp
	event.Revision = target.namespace.revision + 1
	if target.group.lastRevision >= target.namespace.oldest {
		event.Previous = target.group.lastRevision
	}
	batch.apply(target, &event)
	return &batch.events[len(batch.events)-1]
}

// apply brings the batch's states to where they are after an event, and adds the
// event to the log's part. It serves new changes and those replayed from the log.
func (batch *batch) apply(target *target, event *Event) {
	target.namespace.revision = event.Revision
	target.group.lastRevision = event.Revision
	target.group.changed = true
	switch event.Type {
	case EventSet:
		batch.put(target, event)
	case EventDelete, EventExpire:
		batch.remove(target)
	}
	batch.log(target.namespace, event)
}

func (batch *batch) put(target *target, event *Event) {
	if !target.entry.present() {
		target.count(1, len(event.Key))
	}
	target.count(0, len(event.Value)-target.entry.bytes)
	target.entry = &entryState{
		revision:  event.Revision,
		updatedAt: event.Timestamp.UnixNano(),
		bytes:     len(event.Value),
		value:     event.Value,
	}
	if !event.ExpiresAt.IsZero() {
		target.entry.expiresAt = event.ExpiresAt.UnixMilli()
	}
	batch.entries[target.name] = target.entry
}

func (batch *batch) remove(target *target) {
	if !target.entry.present() {
		return
	}
	target.count(-1, -len(target.name.key)-target.entry.bytes)
	target.entry = &entryState{}
	batch.entries[target.name] = target.entry
}

// count adds keys and bytes to the group and its namespace. The name of a group
// counts with each of its keys.
func (target *target) count(keys int64, bytes int) {
	_, group := NamespaceOf(target.name.group)
	change := int64(bytes) + keys*int64(len(group))
	before := target.group.keys
	target.group.keys += keys
	target.group.bytes += change
	target.namespace.keys += keys
	target.namespace.bytes += change
	switch {
	case before == 0 && target.group.keys > 0:
		target.namespace.groups++
	case before > 0 && target.group.keys == 0:
		target.namespace.groups--
	}
}

func (batch *batch) log(namespace *namespaceChange, event *Event) {
	if namespace.section == nil {
		namespace.section = &section{namespace: event.Namespace, firstRevision: event.Revision}
		batch.sections = append(batch.sections, namespace.section)
	}
	namespace.section.add(event)
	batch.events = append(batch.events, *event)
}
