// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// MaxGroupsPerDelete is the largest number of groups that one DeletePrefixCommand deletes. They
// are one change of the log with an event for each group, and all other callers wait for it.
const MaxGroupsPerDelete = 100_000

// GroupDeletion is a checked deletion of groups: everything is read, and no group is changed
// yet.
type GroupDeletion struct {
	batch *Batch
	// namespace is the namespace in which the range of names begins.
	namespace *namespaceChange
	groups    []*Target
}

// groupsWithKeys returns the groups of a range that have keys, in byte order, or
// TooManyGroupsError.
func groupsWithKeys(batch *Batch, names kv.NameRange) ([]*Target, error) {
	found, err := batch.GroupNames(names, MaxGroupsPerDelete+1)
	if err != nil {
		return nil, err
	}
	if len(found) > MaxGroupsPerDelete {
		return nil, &failure.TooManyGroupsError{Prefix: names.Low, Limit: MaxGroupsPerDelete}
	}
	groups := make([]*Target, len(found))
	for index, name := range found {
		if groups[index], err = batch.surroundings(kv.EntryName{Group: name}); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// Revision returns the revision of the namespace in which the range of names begins.
func (deletion *GroupDeletion) Revision() uint64 { return deletion.namespace.Revision }

// Record logs the deletion of every group, and returns how many keys and groups are deleted. The
// event needs the data of the caller. If together is true, the events of one namespace are parts
// of one change.
func (deletion *GroupDeletion) Record(event changelog.Event, together bool, origin Origin) (keys, groups int64) {
	event.Type = changelog.EventDeleteGroup
	var transactions map[*namespaceChange]revisionRange
	if together {
		transactions = deletion.transactions()
	}
	for _, target := range deletion.groups {
		keys += target.group.Keys
		groups++
		transaction := transactions[target.namespace]
		event.TransactionFirst, event.TransactionLast = transaction.first, transaction.last
		deletion.batch.Record(target, event, origin)
	}
	return keys, groups
}

// revisionRange are the revisions that a change of many events takes in a namespace.
type revisionRange struct{ first, last uint64 }

// transactions returns the revisions that the deletions take, by namespace.
func (deletion *GroupDeletion) transactions() map[*namespaceChange]revisionRange {
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
