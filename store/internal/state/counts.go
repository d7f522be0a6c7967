// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The counts that a view gives leave out due keys that leaveOutDue has counted.

// Counts returns the totals of the store.
func (view *View) Counts() Totals {
	totals := view.totals
	totals.Entries -= uint64(view.tallies.total(kv.WholeStore).keys)
	totals.Unscoped -= uint64(view.tallies.namespace(kv.WholeStore, "").keys)
	return totals
}

// Usage returns the state of a namespace.
func (view *View) Usage(namespace string) (kv.NamespaceState, error) {
	state, err := view.Namespace(namespace)
	view.tallies.namespace(kv.Realm{Name: namespace}, namespace).leaveOut(&state)
	return state, err
}

// KeysOf counts the keys of a group.
func (view *View) KeysOf(group string) (int64, error) {
	state, err := view.Group(group)
	return state.Keys - view.tallies.group(kv.RealmOf(group), group).keys, err
}

// KeysIn counts the keys of the groups that begin with a prefix.
func (view *View) KeysIn(prefix string) (keys int64, err error) {
	namespace, group := kv.NamespaceOf(prefix)
	of := kv.RealmOfPrefix(prefix)
	switch {
	case prefix == "":
		return int64(view.totals.Entries) - view.tallies.total(of).keys, nil
	case namespace != "" && group == "":
		state, err := view.Namespace(namespace)
		return state.Keys - view.tallies.namespace(of, namespace).keys, err
	}
	err = view.GroupsIn(kv.Prefixed(prefix), func(name string, state kv.GroupState) bool {
		keys += state.Keys - view.tallies.group(of, name).keys
		return true
	})
	return keys, err
}

// PageOfGroups calls visit with each group of a range that has keys, in byte order, until visit
// returns false. of is the realm of the range. If it has passed over too many groups without keys,
// it returns the name of the last one.
func (view *View) PageOfGroups(names kv.NameRange, of kv.Realm, visit func(name string, state kv.GroupState) bool) (passed *string, err error) {
	count := 0
	err = view.GroupsIn(names, func(name string, state kv.GroupState) bool {
		if state.Keys -= view.tallies.group(of, name).keys; state.Keys > 0 {
			return visit(name, state)
		}
		if count++; count == passedPerPage {
			passed = &name
		}
		return passed == nil
	})
	return passed, err
}

// NamespacesIn calls visit with each namespace of a range, in byte order, until visit returns
// false. The state of the log is left out.
func (view *View) NamespacesIn(names kv.NameRange, visit func(name string, state kv.NamespaceState) bool) error {
	return mergeStates(&view.pending.namespaces, names, func(take func(string, kv.NamespaceState) bool) error {
		return view.selectNamespaces.Query(func(row sqlite.Row) bool {
			return take(row.Text(0), readNamespace(row[1:]))
		}, names.Low, upperBound(names.High))
	}, func(name string, state kv.NamespaceState) bool {
		view.tallies.namespace(kv.WholeStore, name).leaveOut(&state)
		return visit(name, state)
	})
}
