// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"slices"
)

// plan gives the cases of a round in their order: by the size of the values, then by
// how many requests are in flight, so that what is compared runs close together.
func (settings *Settings) plan() []trial {
	var cases []trial
	for _, inFlight := range settings.levels() {
		for _, kind := range settings.chosen() {
			if kind.level == inFlight || kind.level == 0 && slices.Contains(settings.InFlight, inFlight) {
				cases = append(cases, trial{kind: kind, inFlight: inFlight, valueBytes: settings.ValueBytes})
			}
		}
	}
	if settings.ValueBytes == bigValueBytes {
		return cases
	}
	for _, kind := range settings.chosen() {
		if kind.big {
			cases = append(cases, trial{kind: kind, inFlight: settings.bigLevel(), valueBytes: bigValueBytes})
		}
	}
	return cases
}

// levels gives every number of requests in flight that a case may have.
func (settings *Settings) levels() []int {
	levels := append(slices.Clone(settings.InFlight), usualInFlight, fullInFlight, besideReaders, loneClient)
	slices.Sort(levels)
	return slices.Compact(levels)
}

// bigLevel is where big values are measured: the usual level, or the largest there is.
func (settings *Settings) bigLevel() int {
	if slices.Contains(settings.InFlight, usualInFlight) {
		return usualInFlight
	}
	return slices.Max(settings.InFlight)
}

// chosen gives the kinds that are asked for and can be had.
func (settings *Settings) chosen() []kind {
	return slices.DeleteFunc(kinds(), func(kind kind) bool {
		if len(settings.Cases) > 0 && !slices.Contains(settings.Cases, kind.name) {
			return true
		}
		return !settings.offers(kind)
	})
}

// offers reports whether a kind can be measured: a million keys are for whoever asks for them.
func (settings *Settings) offers(kind kind) bool {
	if kind.large() && !settings.Large && !slices.Contains(settings.Cases, kind.name) {
		return false
	}
	return settings.Config.offers(kind)
}
