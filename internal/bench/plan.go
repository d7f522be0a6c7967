// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"slices"

	"dappco.re/go/storebus/internal/bench/stage"
)

// plan returns the cases of a round in order: by the size of the values, then by the number
// of requests in flight. So cases that are compared run close together.
func (settings *Settings) plan() []stage.Trial {
	var cases []stage.Trial
	for _, inFlight := range settings.levels() {
		for _, kind := range settings.chosen() {
			if kind.Level == inFlight || kind.Level == 0 && slices.Contains(settings.InFlight, inFlight) {
				cases = append(cases, stage.Trial{Kind: kind, InFlight: inFlight, ValueBytes: settings.ValueBytes})
			}
		}
	}
	if settings.ValueBytes == bigValueBytes {
		return cases
	}
	for _, kind := range settings.chosen() {
		if kind.Big {
			cases = append(cases, stage.Trial{Kind: kind, InFlight: settings.bigLevel(), ValueBytes: bigValueBytes})
		}
	}
	return cases
}

// levels returns every number of requests in flight that a case may have.
func (settings *Settings) levels() []int {
	levels := slices.Clone(settings.InFlight)
	for _, kind := range settings.chosen() {
		if kind.Level > 0 {
			levels = append(levels, kind.Level)
		}
	}
	slices.Sort(levels)
	return slices.Compact(levels)
}

// bigLevel is the number of requests in flight for big values: the usual level, or the
// largest if that is not measured.
func (settings *Settings) bigLevel() int {
	if slices.Contains(settings.InFlight, stage.UsualInFlight) {
		return stage.UsualInFlight
	}
	return slices.Max(settings.InFlight)
}

// chosen returns the kinds that the settings ask for and the parts offer.
func (settings *Settings) chosen() []stage.Kind {
	return slices.DeleteFunc(stage.Kinds(), func(kind stage.Kind) bool {
		if len(settings.Cases) > 0 && !slices.Contains(settings.Cases, kind.Name) {
			return true
		}
		return !settings.offers(kind)
	})
}

// offers reports whether a kind can be measured. A million keys are measured only if the
// settings ask for them.
func (settings *Settings) offers(kind stage.Kind) bool {
	if kind.Large() && !settings.Large && !slices.Contains(settings.Cases, kind.Name) {
		return false
	}
	return settings.Offers(kind)
}
