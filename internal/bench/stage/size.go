// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"fmt"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

// SizeInFlight is how many sets or gets of a size are in flight.
const SizeInFlight = 256

// Size is a store that is measured: how many keys it holds, and where.
type Size struct {
	Keys int
	load.Spread
}

func (size Size) String() string {
	if size.Namespaces > 1 {
		return fmt.Sprintf("%s keys in %s namespaces", report.Thousands(float64(size.Keys)), report.Thousands(float64(size.Namespaces)))
	}
	return fmt.Sprintf("%s keys in %d groups", report.Thousands(float64(size.Keys)), size.Groups)
}

// Sets gives sets of any key of a size.
func (size Size) Sets(valueBytes int) Trial { return size.trial("set", verbSet, valueBytes) }

// Gets gives gets of any key of a size.
func (size Size) Gets(valueBytes int) Trial { return size.trial("get", verbGet, valueBytes) }

// trial gives the sets or gets of every key of a size, each as likely as any other.
func (size Size) trial(name string, verb verb, valueBytes int) Trial {
	return Trial{
		Kind:     Kind{Name: name, target: targetScale, verb: verb, held: size.Keys, spread: size.Spread},
		InFlight: SizeInFlight, ValueBytes: valueBytes,
	}
}
