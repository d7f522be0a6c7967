// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// CountQuery asks for the number of keys, in one group or in many.
//
//	store.CountQuery{Prefix: "acme:session:"}
type CountQuery struct {
	// Group, if not nil, is the whole name of the only group to count.
	Group *string
	// Prefix is the beginning of the groups' whole names, byte for byte: "acme:" for the
	// namespace acme, "" for the store.
	Prefix string
}

// KeyCount is the number of keys at one point.
type KeyCount struct {
	Keys int64
	// Revision is the revision of the namespace that Group or Prefix lies in.
	Revision uint64
}

// CountKeys returns the number of keys, without expired keys. The count of one group, of a
// namespace and of the store is known at once. For any other prefix the store adds up group by
// group.
//
//	count, err := store.CountKeys(store.CountQuery{Prefix: "acme:"})
func (store *Store) CountKeys(query CountQuery) (KeyCount, error) {
	count, err := askExactly(store, query.realm(), inView(query.read))
	if err != nil {
		return count, fmt.Errorf("store.CountKeys: %w", err)
	}
	return count, nil
}

// SubmitCount is CountKeys without waiting. It calls done once, before SubmitCount returns or
// later from a goroutine of the store. done must not block.
func (store *Store) SubmitCount(query CountQuery, done func(KeyCount, error)) {
	submitExactly(store, query.realm(), inView(query.read), done)
}

func (query CountQuery) realm() kv.Realm {
	if query.Group != nil {
		return kv.RealmOf(*query.Group)
	}
	return kv.RealmOfPrefix(query.Prefix)
}

func (query CountQuery) read(view *state.View) (count KeyCount, err error) {
	name := query.Prefix
	if query.Group != nil {
		name = *query.Group
	}
	if count.Revision, err = view.RevisionOf(name); err != nil {
		return count, err
	}
	if query.Group != nil {
		count.Keys, err = view.KeysOf(name)
	} else {
		count.Keys, err = view.KeysIn(name)
	}
	return count, err
}

// Count returns the number of keys of a group, without expired keys.
//
//	keys, err := store.Count("config")
func (store *Store) Count(group string) (int, error) {
	count, err := askExactly(store, kv.RealmOf(group), inView(CountQuery{Group: &group}.read))
	return int(count.Keys), operationError("store.Count", group, "", err)
}

// CountAll returns the number of keys of all groups that begin with prefix, byte for byte; ""
// counts the whole store.
//
//	keys, err := store.CountAll("tenant-a:")
func (store *Store) CountAll(prefix string) (int, error) {
	count, err := askExactly(store, kv.RealmOfPrefix(prefix), inView(CountQuery{Prefix: prefix}.read))
	if err != nil {
		return 0, fmt.Errorf("store.CountAll: prefix %q: %w", prefix, err)
	}
	return int(count.Keys), nil
}

// GroupExists reports whether a group has a key.
//
//	there, err := store.GroupExists("config")
func (store *Store) GroupExists(group string) (bool, error) {
	count, err := askExactly(store, kv.RealmOf(group), inView(CountQuery{Group: &group}.read))
	return count.Keys > 0, operationError("store.GroupExists", group, "", err)
}
