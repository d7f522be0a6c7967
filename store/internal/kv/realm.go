// SPDX-License-Identifier: EUPL-1.2

package kv

import "strings"

// Realm is a part of the store whose due entries are found separately, however many are due
// elsewhere. It is the whole store, or all groups with the same text before their first
// colon. If that text is a valid namespace, it is their namespace.
type Realm struct {
	Whole bool
	Name  string
}

// WholeStore is the realm of every group.
var WholeStore = Realm{Whole: true}

// RealmOf returns the realm of a group.
func RealmOf(group string) Realm {
	name, _, found := strings.Cut(group, ":")
	if !found {
		return Realm{}
	}
	return Realm{Name: name}
}

// RealmOfPrefix returns the realm of every group whose name begins with prefix.
func RealmOfPrefix(prefix string) Realm {
	if !strings.Contains(prefix, ":") {
		return WholeStore
	}
	return RealmOf(prefix)
}

// Holds reports whether a group lies in the realm.
func (realm Realm) Holds(group string) bool { return realm.Whole || RealmOf(group) == realm }

// Compare orders realms: the whole store first, then by name.
func (realm Realm) Compare(other Realm) int {
	if realm.Whole != other.Whole {
		if realm.Whole {
			return -1
		}
		return 1
	}
	return strings.Compare(realm.Name, other.Name)
}
