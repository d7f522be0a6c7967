// SPDX-License-Identifier: EUPL-1.2

package load

import "fmt"

// Places are the namespaces and groups of keys. Each key is in the next namespace; after
// the last namespace the keys go on in the next group.
type Places struct{ Namespaces, Groups []string }

// onePlace is the one group of a namespace in which most cases keep all keys.
func onePlace(namespace string) Places {
	return Places{Namespaces: []string{namespace}, Groups: []string{group}}
}

// of returns the indices of a key's namespace and group.
func (places Places) of(key int) (namespace, group int) {
	namespaces := len(places.Namespaces)
	return key % namespaces, key / namespaces % len(places.Groups)
}

// Spread is a number of namespaces, and a number of groups in each. The zero Spread is one
// group of one namespace.
type Spread struct{ Namespaces, Groups int }

// Places names the namespaces and groups of a spread: n0007, g0042. The places of the zero
// spread are in the given namespace.
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

// FirstPlaceKeys returns how many of the keys are in the first group of the first
// namespace.
func (spread Spread) FirstPlaceKeys(keys int) int {
	count := spread.Namespaces * spread.Groups
	return (keys + count - 1) / count
}
