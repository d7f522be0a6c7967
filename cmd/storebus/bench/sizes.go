// SPDX-License-Identifier: EUPL-1.2

package bench

import "fmt"

const (
	// scaleGroups is how many groups of one namespace the keys of a size are in.
	scaleGroups = 100
	// scaleNamespaces is how many namespaces they are in once more, and
	// leastInNamespace how many there are at least in each.
	scaleNamespaces  = 1000
	leastInNamespace = 10
	// leastScale is the smallest size: a key in each group.
	leastScale = scaleGroups
	// scaleInFlight is how many sets or gets are in flight.
	scaleInFlight = 256
)

// size is a store that is measured: how many keys it holds, and where.
type size struct {
	keys int
	spread
}

func (size size) String() string {
	if size.namespaces > 1 {
		return fmt.Sprintf("%s keys in %s namespaces", rateText(float64(size.keys)), rateText(float64(size.namespaces)))
	}
	return fmt.Sprintf("%s keys in %d groups", rateText(float64(size.keys)), size.groups)
}

// sizes gives what --scale names, and the first of it in many namespaces.
func (settings *Settings) sizes() []size {
	if len(settings.Scale) == 0 {
		return nil
	}
	var sizes []size
	for _, keys := range settings.Scale {
		sizes = append(sizes, size{keys, spread{1, scaleGroups}})
	}
	return append(sizes, size{max(settings.Scale[0], scaleNamespaces*leastInNamespace), spread{scaleNamespaces, 1}})
}

// trial gives the sets or gets of every key of a size, each as likely as any other.
func (size size) trial(name string, verb verb, valueBytes int) trial {
	return trial{
		kind:     kind{name: name, target: targetScale, verb: verb, held: size.keys, spread: size.spread},
		inFlight: scaleInFlight, valueBytes: valueBytes,
	}
}
