// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/template"
)

// These methods of a StoreTransaction work with whole groups. They read a group at once, into
// memory, and not in pages. All due keys are expired before groups are counted or deleted,
// however long that takes.

// GetAll is Store.GetAll within the transaction.
//
//	entries, err := transaction.GetAll("config")
func (transaction *StoreTransaction) GetAll(group string) (map[string]string, error) {
	all, err := transaction.all(group)
	return all, operationError("store.StoreTransaction.GetAll", group, "", err)
}

func (transaction *StoreTransaction) all(group string) (map[string]string, error) {
	return perform(transaction, func(batch *batch.Batch, _ batch.Origin) (map[string]string, error) { return batch.All(group) })
}

// ordered returns the entries of a group in byte order of the keys.
func (transaction *StoreTransaction) ordered(group string) ([]KeyValue, error) {
	all, err := transaction.all(group)
	if err != nil {
		return nil, err
	}
	entries := make([]KeyValue, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		entries = append(entries, KeyValue{Key: key, Value: all[key]})
	}
	return entries, nil
}

// GetPage is Store.GetPage within the transaction.
//
//	page, err := transaction.GetPage("config", 0, 25)
func (transaction *StoreTransaction) GetPage(group string, offset, limit int) ([]KeyValue, error) {
	err := checkPage(offset, limit)
	var entries []KeyValue
	if err == nil {
		entries, err = transaction.ordered(group)
	}
	if err != nil {
		return nil, operationError("store.StoreTransaction.GetPage", group, "", err)
	}
	entries = entries[min(offset, len(entries)):]
	return entries[:min(limit, len(entries))], nil
}

// All is Store.All within the transaction. It iterates over the entries as they are when the
// loop begins, whatever the loop writes.
//
//	for entry, err := range transaction.All("config") { … }
func (transaction *StoreTransaction) All(group string) iter.Seq2[KeyValue, error] {
	return func(yield func(KeyValue, error) bool) {
		entries, err := transaction.ordered(group)
		if err != nil {
			yield(KeyValue{}, operationError("store.StoreTransaction.All", group, "", err))
			return
		}
		for _, entry := range entries {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// AllSeq is All.
//
//	for entry, err := range transaction.AllSeq("config") { … }
func (transaction *StoreTransaction) AllSeq(group string) iter.Seq2[KeyValue, error] {
	return transaction.All(group)
}

// Render is Store.Render within the transaction.
//
//	text, err := transaction.Render("theme: {{.theme}}\n", "config")
func (transaction *StoreTransaction) Render(source, group string) (string, error) {
	text, err := transaction.render(source, group)
	if err != nil {
		return "", fmt.Errorf("store.StoreTransaction.Render: group %q: %w", group, err)
	}
	return text, nil
}

func (transaction *StoreTransaction) render(source, group string) (string, error) {
	tree, err := template.Parse(source)
	if err != nil {
		return "", err
	}
	entries, err := transaction.ordered(group)
	if err != nil {
		return "", err
	}
	copied := template.NewGroup()
	for _, entry := range entries {
		if !copied.Take(entry.Key, entry.Value) {
			break
		}
	}
	return copied.Render(tree, false)
}

// Count is Store.Count within the transaction.
//
//	keys, err := transaction.Count("config")
func (transaction *StoreTransaction) Count(group string) (int, error) {
	keys, err := transaction.count(group)
	return keys, operationError("store.StoreTransaction.Count", group, "", err)
}

// GroupExists is Store.GroupExists within the transaction.
//
//	there, err := transaction.GroupExists("config")
func (transaction *StoreTransaction) GroupExists(group string) (bool, error) {
	keys, err := transaction.count(group)
	return keys > 0, operationError("store.StoreTransaction.GroupExists", group, "", err)
}

func (transaction *StoreTransaction) count(group string) (int, error) {
	return perform(transaction, func(batch *batch.Batch, _ batch.Origin) (int, error) {
		if err := batch.ExpireAll(kv.RealmOf(group)); err != nil {
			return 0, err
		}
		counted, err := batch.GroupState(group)
		if err != nil {
			return 0, err
		}
		return int(counted.Keys), nil
	})
}

// CountAll is Store.CountAll within the transaction.
//
//	keys, err := transaction.CountAll("tenant-a:")
func (transaction *StoreTransaction) CountAll(prefix string) (int, error) {
	groups, err := transaction.groups(prefix)
	if err != nil {
		return 0, fmt.Errorf("store.StoreTransaction.CountAll: prefix %q: %w", prefix, err)
	}
	keys := int64(0)
	for _, group := range groups {
		keys += group.Keys
	}
	return int(keys), nil
}

// Groups is Store.Groups within the transaction.
//
//	groups, err := transaction.Groups("tenant-a:")
func (transaction *StoreTransaction) Groups(prefix ...string) ([]string, error) {
	groups, err := transaction.groups(firstOf(prefix))
	if err != nil {
		return nil, fmt.Errorf("store.StoreTransaction.Groups: prefix %q: %w", firstOf(prefix), err)
	}
	names := make([]string, len(groups))
	for index, group := range groups {
		names[index] = group.Group
	}
	return names, nil
}

// GroupsSeq is Store.GroupsSeq within the transaction. It iterates over the groups as they are
// when the loop begins, whatever the loop writes.
//
//	for group, err := range transaction.GroupsSeq("tenant-a:") { … }
func (transaction *StoreTransaction) GroupsSeq(prefix ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		groups, err := transaction.groups(firstOf(prefix))
		if err != nil {
			yield("", fmt.Errorf("store.StoreTransaction.GroupsSeq: prefix %q: %w", firstOf(prefix), err))
			return
		}
		for _, group := range groups {
			if !yield(group.Group, nil) {
				return
			}
		}
	}
}

// groups returns the groups that have keys and begin with prefix.
func (transaction *StoreTransaction) groups(prefix string) ([]GroupInfo, error) {
	return perform(transaction, func(batch *batch.Batch, _ batch.Origin) ([]GroupInfo, error) {
		if err := batch.ExpireAll(kv.RealmOfPrefix(prefix)); err != nil {
			return nil, err
		}
		names, err := batch.GroupNames(kv.Prefixed(prefix), math.MaxInt)
		if err != nil {
			return nil, err
		}
		groups := make([]GroupInfo, len(names))
		for index, name := range names {
			state, err := batch.GroupState(name)
			if err != nil {
				return nil, err
			}
			groups[index] = GroupInfo{Group: name, Keys: state.Keys, Revision: state.LastRevision}
		}
		return groups, nil
	})
}

// DeleteGroup is Store.DeleteGroup within the transaction.
//
//	err := transaction.DeleteGroup("session")
func (transaction *StoreTransaction) DeleteGroup(group string) error {
	_, err := transaction.execute(DeleteGroupCommand{Group: group})
	return operationError("store.StoreTransaction.DeleteGroup", group, "", err)
}

// DeletePrefix is Store.DeletePrefix within the transaction.
//
//	err := transaction.DeletePrefix("tenant-a:")
func (transaction *StoreTransaction) DeletePrefix(prefix string) error {
	if _, err := transaction.execute(DeletePrefixCommand{Prefix: prefix}); err != nil {
		return fmt.Errorf("store.StoreTransaction.DeletePrefix: prefix %q: %w", prefix, err)
	}
	return nil
}
