// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"errors"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// Record gives a change its place in the log and applies it. The event needs only the data of
// the command: its type and the written values.
func (batch *Batch) Record(target *Target, event changelog.Event, origin Origin) *changelog.Event {
	event.Namespace = target.namespaceName
	event.Group, event.Key = target.Group, target.Key
	event.Timestamp = batch.timestamp
	event.Revision = target.namespace.Revision + 1
	if target.group.LastRevision >= target.namespace.Oldest {
		event.Previous = target.group.LastRevision
	}
	var replaced int64
	switch event.Type {
	case changelog.EventTouch:
	case changelog.EventDeleteGroup:
		replaced = target.group.Bytes
	default:
		replaced = int64(target.entry.Bytes)
	}
	changelog.SetCounters(&event, replaced, target.group.Keys)
	changelog.SetFromCaller(&event, origin.FromCaller)
	batch.log(target.namespace, &event)
	batch.count(target, &event)
	batch.change(target, &event)
	return &batch.events[len(batch.events)-1]
}

// Replay applies events of the log as it stands.
func (batch *Batch) Replay(events []changelog.Event) error {
	for index := range events {
		event := &events[index]
		target, err := batch.surroundings(kv.EntryName{Group: event.Group, Key: event.Key})
		if err != nil {
			return err
		}
		batch.count(target, event)
		if event.Type == changelog.EventTouch {
			// The log does not repeat the value: it is the value of the entry before. If the
			// tables are newer than the event, that may be another value or none. The log then
			// goes on to the change that made the tables so.
			target.entry, err = batch.Entry(target.EntryName)
			if errors.Is(err, failure.ErrDamagedEntry) {
				continue // it stays damaged in the tables, and is repaired like any other
			}
			if err != nil {
				return err
			}
		}
		batch.change(target, event)
	}
	return nil
}

// count updates the counters with an event. It needs only the event and the counters, so the
// replay of the log uses it too. A counter that already includes the event is left alone.
func (batch *Batch) count(target *Target, event *changelog.Event) {
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

// change applies an event to its entry, or to the deleted group.
func (batch *Batch) change(target *Target, event *changelog.Event) {
	if event.Type == changelog.EventDeleteGroup {
		batch.deletions[event.Group] = event.Revision
		return
	}
	target.entry = StateAfter(event, &target.entry)
	batch.entries[target.EntryName] = &kv.EntryVersion{EntryName: target.EntryName, EntryState: target.entry}
}

// StateAfter returns an entry after a change, given the entry before.
func StateAfter(event *changelog.Event, before *kv.EntryState) kv.EntryState {
	state := kv.EntryState{Revision: event.Revision, UpdatedAt: event.Timestamp.UnixNano()}
	switch event.Type {
	case changelog.EventSet:
		state.Value, state.Bytes = event.Value, len(event.Value)
	case changelog.EventTouch:
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
func (batch *Batch) log(namespace *namespaceChange, event *changelog.Event) {
	batch.events = append(batch.events, *event)
	if batch.nests {
		return
	}
	if namespace.logged == nil {
		namespace.logged = &changelog.NamespaceChanges{Namespace: event.Namespace, FirstRevision: event.Revision}
		batch.logged = append(batch.logged, namespace.logged)
	}
	namespace.logged.Add(event)
}

// Changes returns what the batch has changed; it is called once, and the slice goes
// with the batch.
func (batch *Batch) Changes() *state.Slice {
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

// Take applies a record to a batch, and returns its changes of entries.
func (batch *Batch) Take(record *changelog.Record) (changes *changelog.Changes, err error) {
	if len(record.Changes) > 0 {
		err = changelog.ReadChanges(record.Changes, batch.timestamp, func(namespace changelog.NamespaceChanges) func(*changelog.Event) bool {
			batch.logged = append(batch.logged, &namespace)
			return func(event *changelog.Event) bool {
				batch.events = append(batch.events, *event)
				return true
			}
		})
	}
	if err == nil {
		err = batch.Replay(batch.events)
	}
	if err == nil {
		err = batch.tables.read(batch, record.Sections)
	}
	return &changelog.Changes{Blob: record.Changes, Count: len(batch.events), Namespaces: batch.logged}, err
}

// Encode returns the changes of entries as a record has them.
func (batch *Batch) Encode() *changelog.Changes {
	if len(batch.events) == 0 {
		return &changelog.Changes{}
	}
	return changelog.EncodeChanges(batch.logged)
}
