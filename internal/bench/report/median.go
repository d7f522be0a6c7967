// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"math"
	"slices"
)

// medianRound returns the median of each figure by itself, and the sum of the errors.
func medianRound(rounds []Round) Round {
	middle := func(figure func(*Round) float64) float64 { return medianOf(rounds, figure) }
	median := Round{
		Requests:     uint64(middle(func(round *Round) float64 { return float64(round.Requests) })),
		Seconds:      middle(func(round *Round) float64 { return round.Seconds }),
		DrainSeconds: middle(func(round *Round) float64 { return round.DrainSeconds }),
		Rate:         middle(rate),
		P50:          middle(p50),
		P99:          middle(p99),
		WriteRate:    middle(func(round *Round) float64 { return round.WriteRate }),
		WriteP99:     middle(writeP99),
		Events:       uint64(middle(func(round *Round) float64 { return float64(round.Events) })),
		Scrapes:      uint64(middle(func(round *Round) float64 { return float64(round.Scrapes) })),
		CPU:          medianCPU(rounds),
		Idle:         medianIdle(rounds),
	}
	for _, round := range rounds {
		median.Errors += round.Errors
		if median.Error == "" {
			median.Error = round.Error
		}
	}
	if len(rounds) > 0 && rounds[0].Lag != nil {
		median.Lag = &Lag{P50: middle(lagP50), P99: middle(lagP99)}
	}
	return median
}

func rate(round *Round) float64     { return round.Rate }
func p50(round *Round) float64      { return round.P50 }
func p99(round *Round) float64      { return round.P99 }
func writeP99(round *Round) float64 { return round.WriteP99 }
func lagP50(round *Round) float64   { return round.Lag.P50 }
func lagP99(round *Round) float64   { return round.Lag.P99 }

// responderCPU is not a number if the system does not report it.
func responderCPU(round *Round) float64 {
	if used, known := round.CPU[RoleResponder]; known {
		return used
	}
	return math.NaN()
}

// medianCPU returns the medians of the roles that every round has.
func medianCPU(rounds []Round) map[string]float64 {
	medians := map[string]float64{}
	for _, role := range []string{RoleBroker, RoleResponder, RoleClient, RoleSubscribers} {
		var known []float64
		for _, round := range rounds {
			if used, is := round.CPU[role]; is {
				known = append(known, used)
			}
		}
		if len(known) > 0 && len(known) == len(rounds) {
			medians[role] = median(known)
		}
	}
	if len(medians) == 0 {
		return nil
	}
	return medians
}

// medianIdle returns the median if every round has the figure.
func medianIdle(rounds []Round) *float64 {
	unknown := func(round Round) bool { return round.Idle == nil }
	if len(rounds) == 0 || slices.ContainsFunc(rounds, unknown) {
		return nil
	}
	return new(medianOf(rounds, func(round *Round) float64 { return *round.Idle }))
}

func medianOf(rounds []Round, figure func(*Round) float64) float64 {
	return median(figures(rounds, figure))
}

func figures(rounds []Round, figure func(*Round) float64) []float64 {
	values := make([]float64, len(rounds))
	for index := range rounds {
		values[index] = figure(&rounds[index])
	}
	return values
}

// median returns the middle value, or the mean of the middle two. It returns 0 if there is
// none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
