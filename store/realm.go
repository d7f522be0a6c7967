// SPDX-License-Identifier: EUPL-1.2

package store

import "strings"

// realm is a part of the store whose due entries are found separately, however many are due
// elsewhere. It is the whole store, or all groups with the same text before their first colon.
// That text is their namespace, if it can be one.
type realm struct {
	whole bool
	name  string
}

var wholeStore = realm{whole: true}

// realmOf is the realm that a group lies in.
func realmOf(group string) realm {
	name, _, found := strings.Cut(group, ":")
	if !found {
		return realm{}
	}
	return realm{name: name}
}

// realmOfPrefix returns the realm of every group whose name begins with prefix.
func realmOfPrefix(prefix string) realm {
	if !strings.Contains(prefix, ":") {
		return wholeStore
	}
	return realmOf(prefix)
}

// holds reports whether a group lies in the realm.
func (realm realm) holds(group string) bool { return realm.whole || realmOf(group) == realm }

// compare orders realms: the whole store first, then by name.
func (realm realm) compare(other realm) int {
	if realm.whole != other.whole {
		if realm.whole {
			return -1
		}
		return 1
	}
	return strings.Compare(realm.name, other.name)
}
