// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"fmt"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

// SizeInFlight is the number of sets or gets in flight for a size.
const SizeInFlight = 256

// Size is the size of a measured store: its number of keys, and their places.
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

// Sets returns the trial that sets random keys of a size.
func (size Size) Sets(valueBytes int) Trial { return size.trial("set", verbSet, valueBytes) }

// Gets returns the trial that gets random keys of a size.
func (size Size) Gets(valueBytes int) Trial { return size.trial("get", verbGet, valueBytes) }

// trial returns sets or gets of random keys of a size, each equally likely.
func (size Size) trial(name string, verb verb, valueBytes int) Trial {
	return Trial{
		Kind:     Kind{Name: name, target: targetScale, verb: verb, held: size.Keys, spread: size.Spread},
		InFlight: SizeInFlight, ValueBytes: valueBytes,
	}
}
