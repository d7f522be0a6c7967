// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"math"
	"slices"
)

// Ratio is a bar at one level, computed from the ratios of single rounds. The rounds of the
// two cases are paired by their numbers: they are neighbours in time, so both have met the
// same machine. Value is the median of these ratios.
type Ratio struct {
	Name       string  `json:"name"`
	InFlight   int     `json:"in_flight"`
	ValueBytes int     `json:"value_bytes"`
	Value      float64 `json:"value"`
	Lowest     float64 `json:"lowest"`
	Highest    float64 `json:"highest"`
	// Unit is the unit of a figure that is no ratio.
	Unit string `json:"unit,omitzero"`
	// Goal is the value that storebus wants to reach.
	Goal string `json:"goal,omitzero"`
}

// Ratios returns every bar whose figures are in the results.
func Ratios(results []Result) []Ratio {
	ratios := []Ratio{}
	for _, bar := range bars() {
		for _, above := range results {
			if above.Name != bar.above || !bar.covers(above.InFlight) {
				continue
			}
			if ratio, possible := bar.ratio(&above, results); possible {
				ratios = append(ratios, ratio)
			}
		}
	}
	return ratios
}

func (bar *bar) covers(level int) bool {
	return len(bar.levels) == 0 || slices.Contains(bar.levels, level)
}

// ratio compares a result with its counterpart, if there is one, round by round.
func (bar *bar) ratio(above *Result, results []Result) (Ratio, bool) {
	ratio := Ratio{
		Name: bar.name, InFlight: above.InFlight, ValueBytes: above.ValueBytes, Unit: bar.unit,
		Goal: bar.goals.at(above.InFlight, above.ValueBytes),
	}
	rounds := figures(above.Rounds, bar.figure)
	if bar.below != "" {
		below := slices.IndexFunc(results, func(other Result) bool {
			return other.Name == bar.below && other.InFlight == above.InFlight && other.ValueBytes == above.ValueBytes
		})
		if below < 0 {
			return ratio, false
		}
		for index, divisor := range figures(results[below].Rounds, bar.figure) {
			rounds[index] /= divisor
		}
	}
	ratio.Value, ratio.Lowest, ratio.Highest = median(rounds), slices.Min(rounds), slices.Max(rounds)
	// If a case served nothing in a round, or a figure is not known, there is no ratio.
	possible := !slices.ContainsFunc(rounds, func(value float64) bool { return math.IsNaN(value) || math.IsInf(value, 0) })
	return ratio, possible
}
