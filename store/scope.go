// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"slices"

	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// ScopedStore is the view of one namespace on a Store. Arguments and results have the names of
// groups within the namespace. Errors have whole names.
//
// Methods for the whole store are missing, and so are the Submit methods, which take whole
// names.
type ScopedStore struct {
	store     *Store
	namespace string
}

// NewScoped returns the view of a namespace on a store. It returns ErrInvalidName if the
// namespace is not 1 to 64 letters, digits and '-', or if it is reserved (events, admin,
// workspace).
//
//	scoped, err := store.NewScoped(opened, "tenant-a")
func NewScoped(store *Store, namespace string) (*ScopedStore, error) {
	err := kv.CheckNamespace(namespace)
	if !store.opened() {
		err = failure.ErrNeverOpened
	}
	if err != nil {
		return nil, fmt.Errorf("store.NewScoped: %w", err)
	}
	return newScopedStore(store, namespace), nil
}

// ScopedStoreConfig configures NewScopedConfigured.
//
//	store.ScopedStoreConfig{Namespace: "tenant-a", Quota: store.QuotaConfig{MaxKeys: 100}}
type ScopedStoreConfig struct {
	// Namespace is as NewScoped takes it. Required.
	Namespace string
	// Quota, if it is not zero, sets MaxKeys and MaxGroups of the namespace's quota. The zero
	// value leaves the quota of the database as it is.
	Quota QuotaConfig
}

// QuotaConfig is the part of a Quota in ScopedStoreConfig; 0 is no limit.
type QuotaConfig struct {
	MaxKeys   int
	MaxGroups int
}

// Validate returns the error that NewScopedConfigured would return: ErrInvalidName for an
// invalid namespace, or an error for a negative limit.
//
//	err := store.ScopedStoreConfig{Namespace: "tenant-a"}.Validate()
func (config ScopedStoreConfig) Validate() error {
	return namespaceError("store.ScopedStoreConfig.Validate", config.Namespace, config.check())
}

func (config ScopedStoreConfig) check() error {
	if err := kv.CheckNamespace(config.Namespace); err != nil {
		return err
	}
	_, err := commands.QuotaAfter(config.Quota.change(), Quota{})
	return err
}

func (quota QuotaConfig) change() QuotaChange {
	keys, groups := int64(quota.MaxKeys), int64(quota.MaxGroups)
	return QuotaChange{MaxKeys: &keys, MaxGroups: &groups}
}

// NewScopedConfigured is NewScoped with a quota. The quota is kept in the database and holds
// across restarts.
//
//	scoped, err := store.NewScopedConfigured(opened, store.ScopedStoreConfig{
//		Namespace: "tenant-a", Quota: store.QuotaConfig{MaxKeys: 100}})
func NewScopedConfigured(store *Store, config ScopedStoreConfig) (*ScopedStore, error) {
	err := config.check()
	if !store.opened() {
		err = failure.ErrNeverOpened
	}
	if err == nil && config.Quota != (QuotaConfig{}) {
		_, err = store.changeQuota(config.Namespace, config.Quota.change())
	}
	if err != nil {
		return nil, namespaceError("store.NewScopedConfigured", config.Namespace, err)
	}
	return newScopedStore(store, config.Namespace), nil
}

func newScopedStore(store *Store, namespace string) *ScopedStore {
	return &ScopedStore{store: store, namespace: namespace}
}

// Namespace returns the name of the namespace.
func (scoped *ScopedStore) Namespace() string {
	if scoped == nil {
		return ""
	}
	return scoped.namespace
}

// within returns the store with the whole names of groups: nil if there is none, which
// has an error for every call.
func (scoped *ScopedStore) within() *Store {
	if scoped == nil {
		return nil
	}
	return scoped.store
}

func (scoped *ScopedStore) whole(group string) string {
	return kv.WholeGroup(scoped.Namespace(), group)
}

func (scoped *ScopedStore) local(group string) string {
	return kv.LocalGroup(scoped.Namespace(), group)
}

// Transaction is Store.Transaction within the namespace.
//
//	err := scoped.Transaction(func(transaction *store.ScopedStoreTransaction) error {
//		return transaction.SetIn("preferences", "locale", "en-GB")
//	})
func (scoped *ScopedStore) Transaction(function func(transaction *ScopedStoreTransaction) error) error {
	if err := checkFunction(function); err != nil {
		return fmt.Errorf("store.Transaction: %w", err)
	}
	return scoped.within().Transaction(func(transaction *StoreTransaction) error {
		return function(&ScopedStoreTransaction{unscoped: transaction, namespace: scoped.Namespace()})
	})
}

// GetEntries is Store.GetEntries of the namespace: query.Group, and the groups of the
// entries, are names within it.
//
//	page, err := scoped.GetEntries(store.PageQuery{Group: "preferences", Limit: 100})
func (scoped *ScopedStore) GetEntries(query PageQuery) (Page, error) {
	query.Group = scoped.whole(query.Group)
	query.Fits = fitsLocal(query.Fits, scoped.localEntry)
	page, err := scoped.within().GetEntries(query)
	changeAll(page.Entries, scoped.localEntry)
	return page, err
}

// GetMany is Store.GetMany of the namespace. The groups of query.Names and of the entries are
// names within the namespace.
//
//	many, err := scoped.GetMany(store.ManyQuery{Names: []store.EntryName{{Group: "preferences", Key: "locale"}}})
func (scoped *ScopedStore) GetMany(query ManyQuery) (ManyEntries, error) {
	query.Names = slices.Clone(query.Names)
	changeAll(query.Names, func(name *EntryName) { name.Group = scoped.whole(name.Group) })
	query.Fits = fitsLocal(query.Fits, scoped.localEntry)
	many, err := scoped.within().GetMany(query)
	changeAll(many.Entries, scoped.localEntry)
	return many, err
}

// Scan is Store.Scan of the namespace: query.Prefix and query.After, the groups of the
// entries and Next are names within it.
//
//	page, err := scoped.Scan(store.ScanQuery{Prefix: "session:"})
func (scoped *ScopedStore) Scan(query ScanQuery) (ScanPage, error) {
	query.Prefix = scoped.whole(query.Prefix)
	if query.After != nil {
		query.After = &EntryName{Group: scoped.whole(query.After.Group), Key: query.After.Key}
	}
	query.Fits = fitsLocal(query.Fits, scoped.localEntry)
	page, err := scoped.within().Scan(query)
	changeAll(page.Entries, scoped.localEntry)
	if page.Next != nil {
		page.Next.Group = scoped.local(page.Next.Group)
	}
	return page, err
}

// GetGroups is Store.GetGroups of the namespace: query.Prefix and query.After, the
// groups and Next are names within it.
//
//	page, err := scoped.GetGroups(store.GroupsQuery{Prefix: "session:"})
func (scoped *ScopedStore) GetGroups(query GroupsQuery) (GroupsPage, error) {
	query.Prefix = scoped.whole(query.Prefix)
	query.After = renamed(query.After, scoped.whole)
	query.Fits = fitsLocal(query.Fits, scoped.localGroup)
	page, err := scoped.within().GetGroups(query)
	page.Next = renamed(page.Next, scoped.local)
	changeAll(page.Groups, scoped.localGroup)
	return page, err
}

// CountKeys is Store.CountKeys of the namespace: query.Group and query.Prefix are names
// within it.
//
//	count, err := scoped.CountKeys(store.CountQuery{Prefix: "session:"})
func (scoped *ScopedStore) CountKeys(query CountQuery) (KeyCount, error) {
	query.Group = renamed(query.Group, scoped.whole)
	query.Prefix = scoped.whole(query.Prefix)
	return scoped.within().CountKeys(query)
}

// SetQuota is Store.SetQuota of the namespace.
//
//	err := scoped.SetQuota(store.Quota{MaxKeys: 100})
func (scoped *ScopedStore) SetQuota(quota Quota) error {
	return scoped.within().SetQuota(scoped.Namespace(), quota)
}

// Quota is Store.Quota of the namespace.
func (scoped *ScopedStore) Quota() (Quota, error) {
	return scoped.within().Quota(scoped.Namespace())
}

// Usage is Store.Usage of the namespace.
func (scoped *ScopedStore) Usage() (Usage, error) { return scoped.within().Usage(scoped.Namespace()) }

// Changes is Store.Changes of the namespace, whatever query.Namespace says.
//
//	page, err := scoped.Changes(ctx, store.ChangesQuery{After: 41})
func (scoped *ScopedStore) Changes(ctx context.Context, query ChangesQuery) (ChangesPage, error) {
	query.Namespace = scoped.Namespace()
	query.Fits = fitsLocal(query.Fits, scoped.localEvent)
	page, err := scoped.within().Changes(ctx, query)
	changeAll(page.Events, scoped.localEvent)
	return page, err
}

// Watch is Store.Watch of a group of the namespace, "*" for all of its groups.
//
//	events := scoped.Watch("preferences")
//	defer scoped.Unwatch("preferences", events)
func (scoped *ScopedStore) Watch(group string) <-chan Event {
	return scoped.within().watch(scoped.Namespace(), group)
}

// Unwatch ends a Watch and closes its channel.
func (scoped *ScopedStore) Unwatch(group string, events <-chan Event) {
	scoped.within().unwatch(scoped.Namespace(), group, events)
}

// OnChange is Store.OnChange for the changes of the namespace.
//
//	unregister := scoped.OnChange(func(event store.Event) { fmt.Println(event.Group, event.Key) })
func (scoped *ScopedStore) OnChange(callback func(Event)) (unregister func()) {
	if callback == nil {
		return func() {}
	}
	return scoped.within().OnChange(func(event Event) {
		if event.Namespace == scoped.Namespace() {
			scoped.localEvent(&event)
			callback(event)
		}
	})
}

func (scoped *ScopedStore) localEntry(entry *Entry) { entry.Group = scoped.local(entry.Group) }

func (scoped *ScopedStore) localGroup(group *GroupInfo) { group.Group = scoped.local(group.Group) }

func (scoped *ScopedStore) localEvent(event *Event) { event.Group = scoped.local(event.Group) }

// fitsLocal calls fits with names within the namespace.
func fitsLocal[Element any](fits func(*Element) bool, localise func(*Element)) func(*Element) bool {
	if fits == nil {
		return nil
	}
	return func(element *Element) bool {
		copied := *element
		localise(&copied)
		return fits(&copied)
	}
}

func changeAll[Element any](elements []Element, change func(*Element)) {
	for index := range elements {
		change(&elements[index])
	}
}

// renamed is a name, if there is one, as rename has it.
func renamed(name *string, rename func(string) string) *string {
	if name == nil {
		return nil
	}
	changed := rename(*name)
	return &changed
}

// PurgeExpired is Store.PurgeExpired for the keys of the namespace. It counts only these keys,
// and waits only for these.
//
//	expired, err := scoped.PurgeExpired()
func (scoped *ScopedStore) PurgeExpired() (int64, error) {
	expired, err := scoped.within().purge(kv.Realm{Name: scoped.Namespace()})
	return expired, namespaceError("store.PurgeExpired", scoped.Namespace(), err)
}
