// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
)

// defaultGroup is the group of the methods that name none.
const defaultGroup = "default"

// ScopedStore is a Store as one namespace sees it: the names of groups are those
// within the namespace, going in and coming out.
type ScopedStore struct {
	store     *Store
	namespace string
}

// NewScoped returns the view that a namespace has of a store. It returns
// ErrInvalidName for a namespace that is not 1 to 64 letters, digits and '-', or
// that is reserved (events, admin, workspace).
//
//	scoped, err := store.NewScoped(opened, "tenant-a")
func NewScoped(store *Store, namespace string) (*ScopedStore, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, fmt.Errorf("store.NewScoped: %w", err)
	}
	return &ScopedStore{store: store, namespace: namespace}, nil
}

// ScopedStoreConfig says which view NewScopedConfigured returns.
//
//	store.ScopedStoreConfig{Namespace: "tenant-a", Quota: store.QuotaConfig{MaxKeys: 100}}
type ScopedStoreConfig struct {
	// Namespace is as NewScoped takes it. Required.
	Namespace string
	// Quota, where it is not zero, sets MaxKeys and MaxGroups of the namespace's quota;
	// the zero value leaves what was set before.
	Quota QuotaConfig
}

// QuotaConfig is the part of a Quota that ScopedStoreConfig sets; 0 is no limit.
type QuotaConfig struct {
	MaxKeys   int
	MaxGroups int
}

// NewScopedConfigured is NewScoped with a quota, which holds across restarts.
//
//	scoped, err := store.NewScopedConfigured(opened, store.ScopedStoreConfig{
//		Namespace: "tenant-a", Quota: store.QuotaConfig{MaxKeys: 100}})
func NewScopedConfigured(store *Store, config ScopedStoreConfig) (*ScopedStore, error) {
	err := checkNamespace(config.Namespace)
	if err == nil && config.Quota != (QuotaConfig{}) {
		keys, groups := int64(config.Quota.MaxKeys), int64(config.Quota.MaxGroups)
		_, err = store.changeQuota(config.Namespace, QuotaChange{MaxKeys: &keys, MaxGroups: &groups})
	}
	if err != nil {
		return nil, namespaceError("store.NewScopedConfigured", config.Namespace, err)
	}
	return &ScopedStore{store: store, namespace: config.Namespace}, nil
}

// Namespace returns the name of the namespace.
func (scoped *ScopedStore) Namespace() string { return scoped.namespace }

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
	return scoped.store.Set(scoped.whole(group), key, value)
}

// GetFrom is Store.Get in a group of the namespace.
//
//	value, err := scoped.GetFrom("preferences", "locale")
func (scoped *ScopedStore) GetFrom(group, key string) (string, error) {
	return scoped.store.Get(scoped.whole(group), key)
}

// SetWithTTL is Store.SetWithTTL in a group of the namespace.
//
//	err := scoped.SetWithTTL("session", "token", "abc123", 5*time.Minute)
func (scoped *ScopedStore) SetWithTTL(group, key, value string, timeToLive time.Duration) error {
	return scoped.store.SetWithTTL(scoped.whole(group), key, value, timeToLive)
}

// Delete is Store.Delete in a group of the namespace.
//
//	err := scoped.Delete("preferences", "locale")
func (scoped *ScopedStore) Delete(group, key string) error {
	return scoped.store.Delete(scoped.whole(group), key)
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
	return scoped.store.Exists(scoped.whole(group), key)
}

// GetEntry is Store.GetEntry in a group of the namespace.
//
//	entry, err := scoped.GetEntry("preferences", "locale")
func (scoped *ScopedStore) GetEntry(group, key string) (Entry, error) {
	entry, err := scoped.store.GetEntry(scoped.whole(group), key)
	entry.Group = scoped.local(entry.Group)
	return entry, err
}

// GetAll is Store.GetAll of a group of the namespace.
//
//	entries, err := scoped.GetAll("preferences")
func (scoped *ScopedStore) GetAll(group string) (map[string]string, error) {
	return scoped.store.GetAll(scoped.whole(group))
}

// GetPage is Store.GetPage of a group of the namespace.
//
//	page, err := scoped.GetPage("preferences", 0, 25)
func (scoped *ScopedStore) GetPage(group string, offset, limit int) ([]KeyValue, error) {
	return scoped.store.GetPage(scoped.whole(group), offset, limit)
}

// GetEntries is Store.GetEntries of the namespace: query.Group, and the groups of the
// entries, are names within it.
//
//	page, err := scoped.GetEntries(store.PageQuery{Group: "preferences", Limit: 100})
func (scoped *ScopedStore) GetEntries(query PageQuery) (Page, error) {
	query.Group = scoped.whole(query.Group)
	if fits := query.Fits; fits != nil {
		query.Fits = func(entry *Entry) bool {
			stripped := *entry
			stripped.Group = scoped.local(entry.Group)
			return fits(&stripped)
		}
	}
	page, err := scoped.store.GetEntries(query)
	for index := range page.Entries {
		page.Entries[index].Group = scoped.local(page.Entries[index].Group)
	}
	return page, err
}

// All is Store.All of a group of the namespace.
//
//	for entry, err := range scoped.All("preferences") { … }
func (scoped *ScopedStore) All(group string) iter.Seq2[KeyValue, error] {
	return scoped.store.All(scoped.whole(group))
}

// GetSplit is Store.GetSplit of a group of the namespace.
//
//	hosts, err := scoped.GetSplit("preferences", "hosts", ",")
func (scoped *ScopedStore) GetSplit(group, key, separator string) (iter.Seq[string], error) {
	return scoped.store.GetSplit(scoped.whole(group), key, separator)
}

// GetFields is Store.GetFields of a group of the namespace.
//
//	flags, err := scoped.GetFields("preferences", "flags")
func (scoped *ScopedStore) GetFields(group, key string) (iter.Seq[string], error) {
	return scoped.store.GetFields(scoped.whole(group), key)
}

// Render is Store.Render of a group of the namespace.
//
//	text, err := scoped.Render("locale: {{.locale}}", "preferences")
func (scoped *ScopedStore) Render(template, group string) (string, error) {
	return scoped.store.Render(template, scoped.whole(group))
}

// SetQuota is Store.SetQuota of the namespace.
//
//	err := scoped.SetQuota(store.Quota{MaxKeys: 100})
func (scoped *ScopedStore) SetQuota(quota Quota) error {
	return scoped.store.SetQuota(scoped.namespace, quota)
}

// Quota is Store.Quota of the namespace.
func (scoped *ScopedStore) Quota() (Quota, error) { return scoped.store.Quota(scoped.namespace) }

// Usage is Store.Usage of the namespace.
func (scoped *ScopedStore) Usage() (Usage, error) { return scoped.store.Usage(scoped.namespace) }

// Changes is Store.Changes of the namespace, whatever query.Namespace says.
//
//	page, err := scoped.Changes(ctx, store.ChangesQuery{After: 41})
func (scoped *ScopedStore) Changes(ctx context.Context, query ChangesQuery) (ChangesPage, error) {
	query.Namespace = scoped.namespace
	if fits := query.Fits; fits != nil {
		query.Fits = func(event *Event) bool {
			stripped := *event
			stripped.Group = scoped.local(event.Group)
			return fits(&stripped)
		}
	}
	page, err := scoped.store.Changes(ctx, query)
	for index := range page.Events {
		page.Events[index].Group = scoped.local(page.Events[index].Group)
	}
	return page, err
}

// Watch is Store.Watch of a group of the namespace, "*" for all of its groups.
//
//	events := scoped.Watch("preferences")
//	defer scoped.Unwatch("preferences", events)
func (scoped *ScopedStore) Watch(group string) <-chan Event {
	return scoped.store.watchers.add(watchedGroup(scoped.namespace, group), scoped.whole(""))
}

// Unwatch ends a Watch and closes its channel.
func (scoped *ScopedStore) Unwatch(group string, events <-chan Event) {
	scoped.store.watchers.remove(watchedGroup(scoped.namespace, group), events)
}

// OnChange is Store.OnChange for the changes of the namespace.
//
//	unregister := scoped.OnChange(func(event store.Event) { fmt.Println(event.Group, event.Key) })
func (scoped *ScopedStore) OnChange(callback func(Event)) (unregister func()) {
	return scoped.store.OnChange(func(event Event) {
		if event.Namespace == scoped.namespace {
			event.Group = scoped.local(event.Group)
			callback(event)
		}
	})
}

func (scoped *ScopedStore) whole(group string) string { return wholeGroup(scoped.namespace, group) }

func (scoped *ScopedStore) local(group string) string {
	return strings.TrimPrefix(group, scoped.namespace+":")
}
