// SPDX-License-Identifier: EUPL-1.2

package load

import "fmt"

// Places is where keys are: one after the other in the next namespace, and once
// around in the next group.
type Places struct{ Namespaces, Groups []string }

// onePlace is the group of a namespace that most cases keep all their keys in.
func onePlace(namespace string) Places {
	return Places{Namespaces: []string{namespace}, Groups: []string{group}}
}

// of gives the indices of the namespace and the group that a key is in.
func (places Places) of(key int) (namespace, group int) {
	namespaces := len(places.Namespaces)
	return key % namespaces, key / namespaces % len(places.Groups)
}

// Spread is how many namespaces there are, and groups in each. Zero is one group of a
// namespace that has another name.
type Spread struct{ Namespaces, Groups int }

// Places gives names to what a spread counts: n0007, g0042. The zero spread is in the namespace
// that is given.
func (spread Spread) Places(namespace string) Places {
	if spread.Namespaces == 0 {
		return onePlace(namespace)
	}
	return Places{Namespaces: numbered("n", spread.Namespaces), Groups: numbered("g", spread.Groups)}
}

func numbered(letter string, count int) []string {
	names := make([]string, count)
	for index := range names {
		names[index] = fmt.Sprintf("%s%04d", letter, index)
	}
	return names
}

// FirstPlaceKeys is how many of some keys are in the first group of the first
// namespace.
func (spread Spread) FirstPlaceKeys(keys int) int {
	count := spread.Namespaces * spread.Groups
	return (keys + count - 1) / count
}
