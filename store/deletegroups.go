// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"

	"dappco.re/go/storebus/store/internal/kv"
)

// MaxGroupsPerDelete is the largest number of groups that one DeletePrefixCommand deletes. They
// are one change of the log with an event for each group, and all other callers wait for it.
const MaxGroupsPerDelete = 100_000

// DeleteGroupCommand removes every key of Group, the group's whole name, as one change. If the
// group has no keys, nothing is changed, and that is not an error. Outcome.DeletedKeys is the
// number of keys that the group had.
//
//	store.DeleteGroupCommand{Group: "acme:session"}
type DeleteGroupCommand struct {
	Group string
	// TraceParent is passed to the event.
	TraceParent string
}

func (command DeleteGroupCommand) apply(batch *batch, origin origin) (Outcome, error) {
	namespace, name := kv.NamespaceOf(command.Group)
	if err := kv.CheckGroup(batch.limits, namespace, name); err != nil {
		return Outcome{}, err
	}
	end := kv.FirstBehind(command.Group)
	deletion, err := batch.planDeletion(kv.NameRange{Low: command.Group, High: &end}, kv.RealmOf(command.Group))
	if err != nil {
		return Outcome{}, err
	}
	return deletion.record(Event{TraceParent: command.TraceParent}, origin), nil
}

func (command DeleteGroupCommand) groups() []string { return []string{command.Group} }

// DeletePrefixCommand removes every key of the groups whose whole names begin with Prefix, byte
// for byte, as one change with an event for each group, in byte order. "acme:" is the whole
// namespace acme; "" is the whole store. If no group has a key, nothing is changed. More than
// MaxGroupsPerDelete groups are refused with TooManyGroupsError. Outcome.Revision is the
// revision of the namespace that Prefix lies in.
//
//	store.DeletePrefixCommand{Prefix: "acme:session:"}
type DeletePrefixCommand struct {
	Prefix string
	// TraceParent is passed to the events.
	TraceParent string
}

func (command DeletePrefixCommand) apply(batch *batch, origin origin) (Outcome, error) {
	deletion, err := batch.planDeletion(kv.Prefixed(command.Prefix), kv.RealmOfPrefix(command.Prefix))
	if err != nil {
		return Outcome{}, err
	}
	deletion.together = true
	return deletion.record(Event{TraceParent: command.TraceParent}, origin), nil
}

func (DeletePrefixCommand) groups() []string { return nil }

// groupDeletion is a checked deletion of groups: everything is read, and no group is changed
// yet.
type groupDeletion struct {
	batch *batch
	// namespace is the namespace in which the range of names begins.
	namespace *namespaceChange
	groups    []*target
	// together marks the events of one namespace as parts of one change.
	together bool
}

// planDeletion logs the expiry of due keys in the realm of the groups, so that they do not
// count. It finds the groups that still have keys.
func (batch *batch) planDeletion(names kv.NameRange, of kv.Realm) (*groupDeletion, error) {
	if err := batch.expireAll(of); err != nil {
		return nil, err
	}
	namespaceName, _ := kv.NamespaceOf(names.Low)
	namespace, err := batch.namespace(namespaceName)
	if err != nil {
		return nil, err
	}
	groups, err := batch.groupsWithKeys(names)
	return &groupDeletion{batch: batch, namespace: namespace, groups: groups}, err
}

// groupsWithKeys returns the groups of a range that have keys, in byte order, or
// TooManyGroupsError.
func (batch *batch) groupsWithKeys(names kv.NameRange) ([]*target, error) {
	found, err := batch.groupNames(names, MaxGroupsPerDelete+1)
	if err != nil {
		return nil, err
	}
	if len(found) > MaxGroupsPerDelete {
		return nil, &kv.TooManyGroupsError{Prefix: names.Low, Limit: MaxGroupsPerDelete}
	}
	groups := make([]*target, len(found))
	for index, name := range found {
		if groups[index], err = batch.surroundings(kv.EntryName{Group: name}); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// record logs the deletion of every group. The event needs the data of the caller.
func (deletion *groupDeletion) record(event Event, origin origin) (outcome Outcome) {
	event.Type = EventDeleteGroup
	transactions := deletion.transactions()
	for _, target := range deletion.groups {
		outcome.DeletedKeys += target.group.Keys
		outcome.DeletedGroups++
		transaction := transactions[target.namespace]
		event.TransactionFirst, event.TransactionLast = transaction.first, transaction.last
		deletion.batch.record(target, event, origin)
	}
	outcome.Revision = deletion.namespace.Revision
	return outcome
}

// revisionRange are the revisions that a change of many events takes in a namespace.
type revisionRange struct{ first, last uint64 }

func (deletion *groupDeletion) transactions() map[*namespaceChange]revisionRange {
	if !deletion.together {
		return nil
	}
	transactions := map[*namespaceChange]revisionRange{}
	for _, target := range deletion.groups {
		transaction, known := transactions[target.namespace]
		if !known {
			transaction = revisionRange{first: target.namespace.Revision + 1, last: target.namespace.Revision}
		}
		transaction.last++
		transactions[target.namespace] = transaction
	}
	return transactions
}

// DeleteGroup removes every key of a group. A group without keys is not an error.
//
//	err := store.DeleteGroup("session")
func (store *Store) DeleteGroup(group string) error {
	_, err := store.execute(DeleteGroupCommand{Group: group})
	return operationError("store.DeleteGroup", group, "", err)
}

// DeletePrefix removes every key of the groups whose names begin with prefix, byte
// for byte; "" is every group. It returns TooManyGroupsError for more than
// MaxGroupsPerDelete groups.
//
//	err := store.DeletePrefix("tenant-a:")
func (store *Store) DeletePrefix(prefix string) error {
	if _, err := store.execute(DeletePrefixCommand{Prefix: prefix}); err != nil {
		return fmt.Errorf("store.DeletePrefix: prefix %q: %w", prefix, err)
	}
	return nil
}
