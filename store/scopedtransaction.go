// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"iter"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// ScopedStoreTransaction is the view of one namespace on a StoreTransaction.
type ScopedStoreTransaction struct {
	unscoped  *StoreTransaction
	namespace string
}

// Namespace returns the name of the namespace.
func (transaction *ScopedStoreTransaction) Namespace() string {
	if transaction == nil {
		return ""
	}
	return transaction.namespace
}

// within returns the transaction with the whole names of groups: nil if there is none,
// which has an error for every call.
func (transaction *ScopedStoreTransaction) within() *StoreTransaction {
	if transaction == nil {
		return nil
	}
	return transaction.unscoped
}

func (transaction *ScopedStoreTransaction) whole(group string) string {
	return kv.WholeGroup(transaction.Namespace(), group)
}

func (transaction *ScopedStoreTransaction) local(group string) string {
	return kv.LocalGroup(transaction.Namespace(), group)
}

// Set is ScopedStore.Set within the transaction.
func (transaction *ScopedStoreTransaction) Set(key, value string) error {
	return transaction.SetIn(defaultGroup, key, value)
}

// Get is ScopedStore.Get within the transaction.
func (transaction *ScopedStoreTransaction) Get(key string) (string, error) {
	return transaction.GetFrom(defaultGroup, key)
}

// SetIn is ScopedStore.SetIn within the transaction.
func (transaction *ScopedStoreTransaction) SetIn(group, key, value string) error {
	return transaction.within().Set(transaction.whole(group), key, value)
}

// GetFrom is ScopedStore.GetFrom within the transaction.
func (transaction *ScopedStoreTransaction) GetFrom(group, key string) (string, error) {
	return transaction.within().Get(transaction.whole(group), key)
}

// SetWithTTL is ScopedStore.SetWithTTL within the transaction.
func (transaction *ScopedStoreTransaction) SetWithTTL(group, key, value string, timeToLive time.Duration) error {
	return transaction.within().SetWithTTL(transaction.whole(group), key, value, timeToLive)
}

// Create is ScopedStore.Create within the transaction.
func (transaction *ScopedStoreTransaction) Create(group, key, value string) (uint64, error) {
	return transaction.within().Create(transaction.whole(group), key, value)
}

// Update is ScopedStore.Update within the transaction.
func (transaction *ScopedStoreTransaction) Update(group, key, value string, revision uint64) (uint64, error) {
	return transaction.within().Update(transaction.whole(group), key, value, revision)
}

// Delete is ScopedStore.Delete within the transaction.
func (transaction *ScopedStoreTransaction) Delete(group, key string) error {
	return transaction.within().Delete(transaction.whole(group), key)
}

// DeleteAt is ScopedStore.DeleteAt within the transaction.
func (transaction *ScopedStoreTransaction) DeleteAt(group, key string, revision uint64) error {
	return transaction.within().DeleteAt(transaction.whole(group), key, revision)
}

// Touch is ScopedStore.Touch within the transaction.
func (transaction *ScopedStoreTransaction) Touch(group, key string, timeToLive time.Duration) (uint64, error) {
	return transaction.within().Touch(transaction.whole(group), key, timeToLive)
}

// Increment is ScopedStore.Increment within the transaction.
func (transaction *ScopedStoreTransaction) Increment(group, key string, by int64) (int64, error) {
	return transaction.within().Increment(transaction.whole(group), key, by)
}

// DeleteGroup is ScopedStore.DeleteGroup within the transaction.
func (transaction *ScopedStoreTransaction) DeleteGroup(group string) error {
	return transaction.within().DeleteGroup(transaction.whole(group))
}

// DeletePrefix is ScopedStore.DeletePrefix within the transaction.
func (transaction *ScopedStoreTransaction) DeletePrefix(prefix string) error {
	return transaction.within().DeletePrefix(transaction.whole(prefix))
}

// Exists is ScopedStore.Exists within the transaction.
func (transaction *ScopedStoreTransaction) Exists(key string) (bool, error) {
	return transaction.ExistsIn(defaultGroup, key)
}

// ExistsIn is ScopedStore.ExistsIn within the transaction.
func (transaction *ScopedStoreTransaction) ExistsIn(group, key string) (bool, error) {
	return transaction.within().Exists(transaction.whole(group), key)
}

// GetEntry is ScopedStore.GetEntry within the transaction.
func (transaction *ScopedStoreTransaction) GetEntry(group, key string) (Entry, error) {
	entry, err := transaction.within().GetEntry(transaction.whole(group), key)
	entry.Group = transaction.local(entry.Group)
	return entry, err
}

// GetAll is ScopedStore.GetAll within the transaction.
func (transaction *ScopedStoreTransaction) GetAll(group string) (map[string]string, error) {
	return transaction.within().GetAll(transaction.whole(group))
}

// GetPage is ScopedStore.GetPage within the transaction.
func (transaction *ScopedStoreTransaction) GetPage(group string, offset, limit int) ([]KeyValue, error) {
	return transaction.within().GetPage(transaction.whole(group), offset, limit)
}

// All is ScopedStore.All within the transaction.
func (transaction *ScopedStoreTransaction) All(group string) iter.Seq2[KeyValue, error] {
	return transaction.within().All(transaction.whole(group))
}

// AllSeq is ScopedStore.AllSeq within the transaction.
func (transaction *ScopedStoreTransaction) AllSeq(group string) iter.Seq2[KeyValue, error] {
	return transaction.All(group)
}

// GroupExists is ScopedStore.GroupExists within the transaction.
func (transaction *ScopedStoreTransaction) GroupExists(group string) (bool, error) {
	return transaction.within().GroupExists(transaction.whole(group))
}

// Count is ScopedStore.Count within the transaction.
func (transaction *ScopedStoreTransaction) Count(group string) (int, error) {
	return transaction.within().Count(transaction.whole(group))
}

// CountAll is ScopedStore.CountAll within the transaction.
func (transaction *ScopedStoreTransaction) CountAll(prefix ...string) (int, error) {
	return transaction.within().CountAll(transaction.whole(firstOf(prefix)))
}

// Groups is ScopedStore.Groups within the transaction.
func (transaction *ScopedStoreTransaction) Groups(prefix ...string) ([]string, error) {
	groups, err := transaction.within().Groups(transaction.whole(firstOf(prefix)))
	for index := range groups {
		groups[index] = transaction.local(groups[index])
	}
	return groups, err
}

// GroupsSeq is ScopedStore.GroupsSeq within the transaction.
func (transaction *ScopedStoreTransaction) GroupsSeq(prefix ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for group, err := range transaction.within().GroupsSeq(transaction.whole(firstOf(prefix))) {
			if !yield(transaction.local(group), err) {
				return
			}
		}
	}
}

// GetSplit is ScopedStore.GetSplit within the transaction.
func (transaction *ScopedStoreTransaction) GetSplit(group, key, separator string) (iter.Seq[string], error) {
	return transaction.within().GetSplit(transaction.whole(group), key, separator)
}

// GetFields is ScopedStore.GetFields within the transaction.
func (transaction *ScopedStoreTransaction) GetFields(group, key string) (iter.Seq[string], error) {
	return transaction.within().GetFields(transaction.whole(group), key)
}

// Render is ScopedStore.Render within the transaction.
func (transaction *ScopedStoreTransaction) Render(template, group string) (string, error) {
	return transaction.within().Render(template, transaction.whole(group))
}
