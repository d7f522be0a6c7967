// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/stage"
)

const (
	// scaleGroups is the number of groups for the keys of a size in one namespace.
	scaleGroups = 100
	// scaleNamespaces is the number of namespaces if the keys are spread over many. Each
	// has at least leastInNamespace keys.
	scaleNamespaces  = 1000
	leastInNamespace = 10
	// leastScale is the smallest size: one key in each group.
	leastScale = scaleGroups
)

// sizes returns the sizes of --scale, and the first of them once more in many namespaces.
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
