// SPDX-License-Identifier: EUPL-1.2

package bench

import "fmt"

// places is where keys are: one after the other in the next namespace, and once
// around in the next group.
type places struct{ namespaces, groups []string }

// onePlace is the group of a namespace that most cases keep all their keys in.
func onePlace(namespace string) places {
	return places{namespaces: []string{namespace}, groups: []string{group}}
}

// of gives the indices of the namespace and the group that a key is in.
func (places places) of(key int) (namespace, group int) {
	namespaces := len(places.namespaces)
	return key % namespaces, key / namespaces % len(places.groups)
}

// spread is how many namespaces there are, and groups in each. Zero is one group of a
// namespace that has another name.
type spread struct{ namespaces, groups int }

// places gives names to what a spread counts: n0007, g0042. The zero spread is in the namespace
// that is given.
func (spread spread) places(namespace string) places {
	if spread.namespaces == 0 {
		return onePlace(namespace)
	}
	return places{namespaces: numbered("n", spread.namespaces), groups: numbered("g", spread.groups)}
}

func numbered(letter string, count int) []string {
	names := make([]string, count)
	for index := range names {
		names[index] = fmt.Sprintf("%s%04d", letter, index)
	}
	return names
}

// firstPlaceKeys is how many of some keys are in the first group of the first
// namespace.
func (spread spread) firstPlaceKeys(keys int) int {
	count := spread.namespaces * spread.groups
	return (keys + count - 1) / count
}
