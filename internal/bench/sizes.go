// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/stage"
)

const (
	// scaleGroups is how many groups of one namespace the keys of a size are in.
	scaleGroups = 100
	// scaleNamespaces is how many namespaces they are in once more, and
	// leastInNamespace how many there are at least in each.
	scaleNamespaces  = 1000
	leastInNamespace = 10
	// leastScale is the smallest size: a key in each group.
	leastScale = scaleGroups
)

// sizes gives what --scale names, and the first of it in many namespaces.
func (settings *Settings) sizes() []stage.Size {
	if len(settings.Scale) == 0 {
		return nil
	}
	var sizes []stage.Size
	for _, keys := range settings.Scale {
		sizes = append(sizes, stage.Size{Keys: keys, Spread: load.Spread{Namespaces: 1, Groups: scaleGroups}})
	}
	return append(sizes, stage.Size{Keys: max(settings.Scale[0], scaleNamespaces*leastInNamespace), Spread: load.Spread{Namespaces: scaleNamespaces, Groups: 1}})
}
