// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// Target is an entry that a command is about, with everything around it. All of
// it is read before anything is changed, so that a command that fails leaves no trace.
type Target struct {
	kv.EntryName
	namespaceName string
	namespace     *namespaceChange
	group         *groupChange
	entry         kv.EntryState
}

// Live returns the entry if it is there and its time has not come, else the state of a missing
// one.
func (target *Target) Live(now time.Time) kv.EntryState {
	if target.entry.Expired(now) {
		return kv.EntryState{}
	}
	return target.entry
}

// Revision returns the revision of the namespace.
func (target *Target) Revision() uint64 { return target.namespace.Revision }

// packedBytes is the largest value that lies beside its names in memory.
const packedBytes = 1024

// Pack lays the names and a value that is to be theirs side by side in memory, where they are
// read together, and apart from whatever the caller has them in.
func (target *Target) Pack(value string) string {
	if len(value) > packedBytes {
		return value
	}
	group, names := len(target.Group), len(target.Group)+len(target.Key)
	packed := target.Group + target.Key + value
	target.EntryName = kv.EntryName{Group: packed[:group], Key: packed[group:names]}
	return packed[names:]
}

// CheckedTarget is target for names that a caller gave.
func (batch *Batch) CheckedTarget(group, key string) (*Target, error) {
	if err := batch.checkNames(group, key); err != nil {
		return nil, err
	}
	return batch.target(group, key)
}

// CheckedTargetWithValue is checkedTarget for a command that needs the entry's value.
func (batch *Batch) CheckedTargetWithValue(group, key string) (*Target, error) {
	if err := batch.checkNames(group, key); err != nil {
		return nil, err
	}
	target, err := batch.surroundings(kv.EntryName{Group: group, Key: key})
	if err != nil {
		return nil, err
	}
	target.entry, err = batch.Entry(target.EntryName)
	return target, err
}

func (batch *Batch) checkNames(group, key string) error {
	namespace, name := kv.NamespaceOf(group)
	return kv.CheckNames(batch.limits, namespace, name, key)
}

// target reads an entry and what surrounds it.
func (batch *Batch) target(group, key string) (*Target, error) {
	target, err := batch.surroundings(kv.EntryName{Group: group, Key: key})
	if err != nil {
		return nil, err
	}
	target.entry, err = batch.head(target.EntryName)
	return target, err
}

// surroundings is target without the entry itself.
func (batch *Batch) surroundings(name kv.EntryName) (*Target, error) {
	namespaceName, _ := kv.NamespaceOf(name.Group)
	namespace, err := batch.namespace(namespaceName)
	if err != nil {
		return nil, err
	}
	group, err := batch.group(name.Group)
	if err != nil {
		return nil, err
	}
	return &Target{EntryName: name, namespaceName: namespaceName, namespace: namespace, group: group}, nil
}

func (batch *Batch) namespace(name string) (*namespaceChange, error) {
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

func (batch *Batch) namespaceBelow(name string) (kv.NamespaceState, error) {
	if batch.below == nil {
		return batch.view.Namespace(name)
	}
	change, err := batch.below.namespace(name)
	if err != nil {
		return kv.NamespaceState{}, err
	}
	return change.NamespaceState, nil
}

func (batch *Batch) group(name string) (*groupChange, error) {
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

// GroupState returns the counters of a group.
func (batch *Batch) GroupState(name string) (kv.GroupState, error) {
	change, err := batch.group(name)
	if err != nil {
		return kv.GroupState{}, err
	}
	return change.GroupState, nil
}

func (batch *Batch) groupBelow(name string) (kv.GroupState, error) {
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
func (batch *Batch) head(name kv.EntryName) (kv.EntryState, error) {
	if state, changed := batch.changedState(name); changed {
		return state, nil
	}
	return batch.view.Head(name)
}

// Entry returns the state of a key, expired or not, with its value.
func (batch *Batch) Entry(name kv.EntryName) (kv.EntryState, error) {
	if state, changed := batch.changedState(name); changed {
		return state, nil
	}
	return batch.view.Entry(name)
}

// changedState returns the state of a key that the batch has written or deleted.
func (batch *Batch) changedState(name kv.EntryName) (state kv.EntryState, changed bool) {
	version, deleted := batch.changedEntry(name), batch.deletion(name.Group)
	if version != nil && !deleted.Hides(&version.EntryState) {
		return version.EntryState, true
	}
	return kv.EntryState{}, deleted.Revision != 0
}

// deletion returns the newest deletion of a group in the batch, of revision 0 if there is none.
func (batch *Batch) deletion(group string) kv.Deletion {
	for ; batch != nil; batch = batch.below {
		if revision, deleted := batch.deletions[group]; deleted {
			return kv.Deletion{Group: group, Revision: revision}
		}
	}
	return kv.Deletion{Group: group}
}

// changedEntry returns a key as the batch has changed it, nil if it has not.
func (batch *Batch) changedEntry(name kv.EntryName) *kv.EntryVersion {
	for ; batch != nil; batch = batch.below {
		if version, known := batch.entries[name]; known {
			return version
		}
	}
	return nil
}

// All returns the live entries of a group.
func (batch *Batch) All(group string) (all map[string]string, err error) {
	deleted := kv.Deletion{Revision: batch.deletions[group]}
	switch {
	case deleted.Revision != 0:
		all = map[string]string{}
	case batch.below != nil:
		all, err = batch.below.All(group)
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

// GroupNames returns the names of the groups of a range that have keys, in byte
// order. Of more than limit it returns limit, whichever they are.
func (batch *Batch) GroupNames(names kv.NameRange, limit int) (found []string, err error) {
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

// PlanDeletion logs the expiry of due keys in the realm of the groups, so that they do not
// count. It finds the groups that still have keys.
func (batch *Batch) PlanDeletion(names kv.NameRange, of kv.Realm) (*GroupDeletion, error) {
	if err := batch.ExpireAll(of); err != nil {
		return nil, err
	}
	namespaceName, _ := kv.NamespaceOf(names.Low)
	namespace, err := batch.namespace(namespaceName)
	if err != nil {
		return nil, err
	}
	groups, err := groupsWithKeys(batch, names)
	return &GroupDeletion{batch: batch, namespace: namespace, groups: groups}, err
}
