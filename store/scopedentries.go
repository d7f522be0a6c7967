// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"iter"
	"strings"
	"time"
)

// defaultGroup is the group of the methods that name none.
const defaultGroup = "default"

// unscoped is what Store and StoreTransaction both do, by the whole names of groups.
type unscoped interface {
	Get(group, key string) (string, error)
	GetEntry(group, key string) (Entry, error)
	Exists(group, key string) (bool, error)
	GetSplit(group, key, separator string) (iter.Seq[string], error)
	GetFields(group, key string) (iter.Seq[string], error)

	Set(group, key, value string) error
	SetWithTTL(group, key, value string, timeToLive time.Duration) error
	Create(group, key, value string) (uint64, error)
	Update(group, key, value string, revision uint64) (uint64, error)
	Delete(group, key string) error
	DeleteAt(group, key string, revision uint64) error
	Touch(group, key string, timeToLive time.Duration) (uint64, error)
	Increment(group, key string, by int64) (int64, error)

	GetAll(group string) (map[string]string, error)
	GetPage(group string, offset, limit int) ([]KeyValue, error)
	All(group string) iter.Seq2[KeyValue, error]
	AllSeq(group string) iter.Seq2[KeyValue, error]
	Render(template, group string) (string, error)
	Count(group string) (int, error)
	CountAll(prefix string) (int, error)
	GroupExists(group string) (bool, error)
	Groups(prefix ...string) ([]string, error)
	GroupsSeq(prefix ...string) iter.Seq2[string, error]
	DeleteGroup(group string) error
	DeletePrefix(prefix string) error
}

// scope does the same by the names of groups within one namespace.
type scope struct {
	unscoped  unscoped
	namespace string
}

func (scope scope) whole(group string) string { return wholeGroup(scope.namespace, group) }

func (scope scope) local(group string) string { return strings.TrimPrefix(group, scope.namespace+":") }

// Namespace returns the name of the namespace.
func (scope scope) Namespace() string { return scope.namespace }

// Set is Store.Set in the group "default".
//
//	err := scoped.Set("colour", "blue")
func (scope scope) Set(key, value string) error {
	return scope.SetIn(defaultGroup, key, value)
}

// Get is Store.Get in the group "default".
//
//	value, err := scoped.Get("colour")
func (scope scope) Get(key string) (string, error) {
	return scope.GetFrom(defaultGroup, key)
}

// SetIn is Store.Set in a group of the namespace.
//
//	err := scoped.SetIn("preferences", "locale", "en-GB")
func (scope scope) SetIn(group, key, value string) error {
	return scope.unscoped.Set(scope.whole(group), key, value)
}

// GetFrom is Store.Get in a group of the namespace.
//
//	value, err := scoped.GetFrom("preferences", "locale")
func (scope scope) GetFrom(group, key string) (string, error) {
	return scope.unscoped.Get(scope.whole(group), key)
}

// SetWithTTL is Store.SetWithTTL in a group of the namespace.
//
//	err := scoped.SetWithTTL("session", "token", "abc123", 5*time.Minute)
func (scope scope) SetWithTTL(group, key, value string, timeToLive time.Duration) error {
	return scope.unscoped.SetWithTTL(scope.whole(group), key, value, timeToLive)
}

// Create is Store.Create in a group of the namespace.
//
//	revision, err := scoped.Create("lock", "leader", "node-1")
func (scope scope) Create(group, key, value string) (uint64, error) {
	return scope.unscoped.Create(scope.whole(group), key, value)
}

// Update is Store.Update in a group of the namespace.
//
//	revision, err := scoped.Update("preferences", "locale", "de-CH", 41)
func (scope scope) Update(group, key, value string, revision uint64) (uint64, error) {
	return scope.unscoped.Update(scope.whole(group), key, value, revision)
}

// Delete is Store.Delete in a group of the namespace.
//
//	err := scoped.Delete("preferences", "locale")
func (scope scope) Delete(group, key string) error {
	return scope.unscoped.Delete(scope.whole(group), key)
}

// DeleteAt is Store.DeleteAt in a group of the namespace.
//
//	err := scoped.DeleteAt("preferences", "locale", 41)
func (scope scope) DeleteAt(group, key string, revision uint64) error {
	return scope.unscoped.DeleteAt(scope.whole(group), key, revision)
}

// Touch is Store.Touch in a group of the namespace.
//
//	revision, err := scoped.Touch("session", "token", 5*time.Minute)
func (scope scope) Touch(group, key string, timeToLive time.Duration) (uint64, error) {
	return scope.unscoped.Touch(scope.whole(group), key, timeToLive)
}

// Increment is Store.Increment in a group of the namespace.
//
//	visits, err := scoped.Increment("counters", "visits", 1)
func (scope scope) Increment(group, key string, by int64) (int64, error) {
	return scope.unscoped.Increment(scope.whole(group), key, by)
}

// DeleteGroup is Store.DeleteGroup of a group of the namespace.
//
//	err := scoped.DeleteGroup("session")
func (scope scope) DeleteGroup(group string) error {
	return scope.unscoped.DeleteGroup(scope.whole(group))
}

// DeletePrefix is Store.DeletePrefix of the groups of the namespace that begin with
// prefix; "" is all of them.
//
//	err := scoped.DeletePrefix("session:")
func (scope scope) DeletePrefix(prefix string) error {
	return scope.unscoped.DeletePrefix(scope.whole(prefix))
}

// Exists is Store.Exists in the group "default".
//
//	there, err := scoped.Exists("colour")
func (scope scope) Exists(key string) (bool, error) {
	return scope.ExistsIn(defaultGroup, key)
}

// ExistsIn is Store.Exists in a group of the namespace.
//
//	there, err := scoped.ExistsIn("preferences", "locale")
func (scope scope) ExistsIn(group, key string) (bool, error) {
	return scope.unscoped.Exists(scope.whole(group), key)
}

// GetEntry is Store.GetEntry in a group of the namespace.
//
//	entry, err := scoped.GetEntry("preferences", "locale")
func (scope scope) GetEntry(group, key string) (Entry, error) {
	entry, err := scope.unscoped.GetEntry(scope.whole(group), key)
	entry.Group = scope.local(entry.Group)
	return entry, err
}

// GetAll is Store.GetAll of a group of the namespace.
//
//	entries, err := scoped.GetAll("preferences")
func (scope scope) GetAll(group string) (map[string]string, error) {
	return scope.unscoped.GetAll(scope.whole(group))
}

// GetPage is Store.GetPage of a group of the namespace.
//
//	page, err := scoped.GetPage("preferences", 0, 25)
func (scope scope) GetPage(group string, offset, limit int) ([]KeyValue, error) {
	return scope.unscoped.GetPage(scope.whole(group), offset, limit)
}

// All is Store.All of a group of the namespace.
//
//	for entry, err := range scoped.All("preferences") { … }
func (scope scope) All(group string) iter.Seq2[KeyValue, error] {
	return scope.unscoped.All(scope.whole(group))
}

// AllSeq is All.
//
//	for entry, err := range scoped.AllSeq("preferences") { … }
func (scope scope) AllSeq(group string) iter.Seq2[KeyValue, error] { return scope.All(group) }

// GroupExists is Store.GroupExists of a group of the namespace.
//
//	there, err := scoped.GroupExists("preferences")
func (scope scope) GroupExists(group string) (bool, error) {
	return scope.unscoped.GroupExists(scope.whole(group))
}

// Count is Store.Count of a group of the namespace.
//
//	keys, err := scoped.Count("preferences")
func (scope scope) Count(group string) (int, error) {
	return scope.unscoped.Count(scope.whole(group))
}

// CountAll is Store.CountAll of the groups of the namespace that begin with prefix;
// without one, of all of them.
//
//	keys, err := scoped.CountAll("session:")
func (scope scope) CountAll(prefix ...string) (int, error) {
	return scope.unscoped.CountAll(scope.whole(firstOf(prefix)))
}

// Groups is Store.Groups of the namespace.
//
//	groups, err := scoped.Groups("session:")
func (scope scope) Groups(prefix ...string) ([]string, error) {
	groups, err := scope.unscoped.Groups(scope.whole(firstOf(prefix)))
	for index := range groups {
		groups[index] = scope.local(groups[index])
	}
	return groups, err
}

// GroupsSeq is Store.GroupsSeq of the namespace.
//
//	for group, err := range scoped.GroupsSeq("session:") { … }
func (scope scope) GroupsSeq(prefix ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for group, err := range scope.unscoped.GroupsSeq(scope.whole(firstOf(prefix))) {
			if !yield(scope.local(group), err) {
				return
			}
		}
	}
}

// GetSplit is Store.GetSplit of a group of the namespace.
//
//	hosts, err := scoped.GetSplit("preferences", "hosts", ",")
func (scope scope) GetSplit(group, key, separator string) (iter.Seq[string], error) {
	return scope.unscoped.GetSplit(scope.whole(group), key, separator)
}

// GetFields is Store.GetFields of a group of the namespace.
//
//	flags, err := scoped.GetFields("preferences", "flags")
func (scope scope) GetFields(group, key string) (iter.Seq[string], error) {
	return scope.unscoped.GetFields(scope.whole(group), key)
}

// Render is Store.Render of a group of the namespace.
//
//	text, err := scoped.Render("locale: {{.locale}}", "preferences")
func (scope scope) Render(template, group string) (string, error) {
	return scope.unscoped.Render(template, scope.whole(group))
}
