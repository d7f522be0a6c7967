// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"iter"
	"time"
)

// defaultGroup is the group of the methods that name none.
const defaultGroup = "default"

// Set is Store.Set in the group "default".
//
//	err := scoped.Set("colour", "blue")
func (scoped *ScopedStore) Set(key, value string) error {
	return scoped.SetIn(defaultGroup, key, value)
}

// Get is Store.Get in the group "default".
//
//	value, err := scoped.Get("colour")
func (scoped *ScopedStore) Get(key string) (string, error) {
	return scoped.GetFrom(defaultGroup, key)
}

// SetIn is Store.Set in a group of the namespace.
//
//	err := scoped.SetIn("preferences", "locale", "en-GB")
func (scoped *ScopedStore) SetIn(group, key, value string) error {
	return scoped.within().Set(scoped.whole(group), key, value)
}

// GetFrom is Store.Get in a group of the namespace.
//
//	value, err := scoped.GetFrom("preferences", "locale")
func (scoped *ScopedStore) GetFrom(group, key string) (string, error) {
	return scoped.within().Get(scoped.whole(group), key)
}

// SetWithTTL is Store.SetWithTTL in a group of the namespace.
//
//	err := scoped.SetWithTTL("session", "token", "abc123", 5*time.Minute)
func (scoped *ScopedStore) SetWithTTL(group, key, value string, timeToLive time.Duration) error {
	return scoped.within().SetWithTTL(scoped.whole(group), key, value, timeToLive)
}

// Create is Store.Create in a group of the namespace.
//
//	revision, err := scoped.Create("lock", "leader", "node-1")
func (scoped *ScopedStore) Create(group, key, value string) (uint64, error) {
	return scoped.within().Create(scoped.whole(group), key, value)
}

// Update is Store.Update in a group of the namespace.
//
//	revision, err := scoped.Update("preferences", "locale", "de-CH", 41)
func (scoped *ScopedStore) Update(group, key, value string, revision uint64) (uint64, error) {
	return scoped.within().Update(scoped.whole(group), key, value, revision)
}

// Delete is Store.Delete in a group of the namespace.
//
//	err := scoped.Delete("preferences", "locale")
func (scoped *ScopedStore) Delete(group, key string) error {
	return scoped.within().Delete(scoped.whole(group), key)
}

// DeleteAt is Store.DeleteAt in a group of the namespace.
//
//	err := scoped.DeleteAt("preferences", "locale", 41)
func (scoped *ScopedStore) DeleteAt(group, key string, revision uint64) error {
	return scoped.within().DeleteAt(scoped.whole(group), key, revision)
}

// Touch is Store.Touch in a group of the namespace.
//
//	revision, err := scoped.Touch("session", "token", 5*time.Minute)
func (scoped *ScopedStore) Touch(group, key string, timeToLive time.Duration) (uint64, error) {
	return scoped.within().Touch(scoped.whole(group), key, timeToLive)
}

// Increment is Store.Increment in a group of the namespace.
//
//	visits, err := scoped.Increment("counters", "visits", 1)
func (scoped *ScopedStore) Increment(group, key string, by int64) (int64, error) {
	return scoped.within().Increment(scoped.whole(group), key, by)
}

// DeleteGroup is Store.DeleteGroup of a group of the namespace.
//
//	err := scoped.DeleteGroup("session")
func (scoped *ScopedStore) DeleteGroup(group string) error {
	return scoped.within().DeleteGroup(scoped.whole(group))
}

// DeletePrefix is Store.DeletePrefix of the groups of the namespace that begin with prefix; ""
// is all groups.
//
//	err := scoped.DeletePrefix("session:")
func (scoped *ScopedStore) DeletePrefix(prefix string) error {
	return scoped.within().DeletePrefix(scoped.whole(prefix))
}

// Exists is Store.Exists in the group "default".
//
//	there, err := scoped.Exists("colour")
func (scoped *ScopedStore) Exists(key string) (bool, error) {
	return scoped.ExistsIn(defaultGroup, key)
}

// ExistsIn is Store.Exists in a group of the namespace.
//
//	there, err := scoped.ExistsIn("preferences", "locale")
func (scoped *ScopedStore) ExistsIn(group, key string) (bool, error) {
	return scoped.within().Exists(scoped.whole(group), key)
}

// GetEntry is Store.GetEntry in a group of the namespace.
//
//	entry, err := scoped.GetEntry("preferences", "locale")
func (scoped *ScopedStore) GetEntry(group, key string) (Entry, error) {
	entry, err := scoped.within().GetEntry(scoped.whole(group), key)
	entry.Group = scoped.local(entry.Group)
	return entry, err
}

// GetAll is Store.GetAll of a group of the namespace.
//
//	entries, err := scoped.GetAll("preferences")
func (scoped *ScopedStore) GetAll(group string) (map[string]string, error) {
	return scoped.within().GetAll(scoped.whole(group))
}

// GetPage is Store.GetPage of a group of the namespace.
//
//	page, err := scoped.GetPage("preferences", 0, 25)
func (scoped *ScopedStore) GetPage(group string, offset, limit int) ([]KeyValue, error) {
	return scoped.within().GetPage(scoped.whole(group), offset, limit)
}

// All is Store.All of a group of the namespace.
//
//	for entry, err := range scoped.All("preferences") { … }
func (scoped *ScopedStore) All(group string) iter.Seq2[KeyValue, error] {
	return scoped.within().All(scoped.whole(group))
}

// AllSeq is All.
//
//	for entry, err := range scoped.AllSeq("preferences") { … }
func (scoped *ScopedStore) AllSeq(group string) iter.Seq2[KeyValue, error] {
	return scoped.All(group)
}

// GroupExists is Store.GroupExists of a group of the namespace.
//
//	there, err := scoped.GroupExists("preferences")
func (scoped *ScopedStore) GroupExists(group string) (bool, error) {
	return scoped.within().GroupExists(scoped.whole(group))
}

// Count is Store.Count of a group of the namespace.
//
//	keys, err := scoped.Count("preferences")
func (scoped *ScopedStore) Count(group string) (int, error) {
	return scoped.within().Count(scoped.whole(group))
}

// CountAll is Store.CountAll of the groups of the namespace that begin with prefix, or of all
// groups without a prefix.
//
//	keys, err := scoped.CountAll("session:")
func (scoped *ScopedStore) CountAll(prefix ...string) (int, error) {
	return scoped.within().CountAll(scoped.whole(firstOf(prefix)))
}

// Groups is Store.Groups of the namespace.
//
//	groups, err := scoped.Groups("session:")
func (scoped *ScopedStore) Groups(prefix ...string) ([]string, error) {
	groups, err := scoped.within().Groups(scoped.whole(firstOf(prefix)))
	for index := range groups {
		groups[index] = scoped.local(groups[index])
	}
	return groups, err
}

// GroupsSeq is Store.GroupsSeq of the namespace.
//
//	for group, err := range scoped.GroupsSeq("session:") { … }
func (scoped *ScopedStore) GroupsSeq(prefix ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for group, err := range scoped.within().GroupsSeq(scoped.whole(firstOf(prefix))) {
			if !yield(scoped.local(group), err) {
				return
			}
		}
	}
}

// GetSplit is Store.GetSplit of a group of the namespace.
//
//	hosts, err := scoped.GetSplit("preferences", "hosts", ",")
func (scoped *ScopedStore) GetSplit(group, key, separator string) (iter.Seq[string], error) {
	return scoped.within().GetSplit(scoped.whole(group), key, separator)
}

// GetFields is Store.GetFields of a group of the namespace.
//
//	flags, err := scoped.GetFields("preferences", "flags")
func (scoped *ScopedStore) GetFields(group, key string) (iter.Seq[string], error) {
	return scoped.within().GetFields(scoped.whole(group), key)
}

// Render is Store.Render of a group of the namespace.
//
//	text, err := scoped.Render("locale: {{.locale}}", "preferences")
func (scoped *ScopedStore) Render(template, group string) (string, error) {
	return scoped.within().Render(template, scoped.whole(group))
}
