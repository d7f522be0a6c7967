// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"fmt"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

// scaleInFlight is how many sets or gets of a size are in flight.
const scaleInFlight = 256

// size is a store that is measured: how many keys it holds, and where.
type size struct {
	keys int
	load.Spread
}

func (size size) String() string {
	if size.Namespaces > 1 {
		return fmt.Sprintf("%s keys in %s namespaces", report.Thousands(float64(size.keys)), report.Thousands(float64(size.Namespaces)))
	}
	return fmt.Sprintf("%s keys in %d groups", report.Thousands(float64(size.keys)), size.Groups)
}

// sets and gets are the trials of a size.
func (size size) sets(valueBytes int) trial { return size.trial("set", verbSet, valueBytes) }
func (size size) gets(valueBytes int) trial { return size.trial("get", verbGet, valueBytes) }

// trial gives the sets or gets of every key of a size, each as likely as any other.
func (size size) trial(name string, verb verb, valueBytes int) trial {
	return trial{
		kind:     kind{name: name, target: targetScale, verb: verb, held: size.keys, spread: size.Spread},
		inFlight: scaleInFlight, valueBytes: valueBytes,
	}
}
