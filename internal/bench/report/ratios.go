// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"math"
	"slices"
)

// bar is a comparison by which storebus is judged.
type bar struct {
	name string
	// above and below name the two cases, at the same level and with values of the same
	// size. The ratio is above divided by below. If below is empty, it is the figure of
	// above alone.
	above, below string
	figure       func(*Round) float64
	unit         string // of the figure, if nothing is divided
	// levels are the levels of the bar. If it is empty, all are.
	levels []int
	goal   string
}

// The goals that the report prints.
const (
	goalPut    = "0.85"
	goalAlways = "> 10"
	goalAhead  = "> 1"
	goalLevel  = "1"
	goalNoMore = "at most 1"
	goalExpiry = "100 ms"
	goalOthers = "at most 1.2"
	goalTwice  = "at most 2"
)

// bars is every comparison, in the order of the report.
func bars() []bar {
	return []bar{
		{name: "set ÷ KV put", above: "set", below: "kv-put", figure: rate, goal: goalPut},
		{name: "embedded set ÷ KV put", above: "embedded-set", below: "kv-put", figure: rate, goal: goalPut},
		{name: "set ÷ KV put always", above: "set", below: "kv-put-always", figure: rate, levels: []int{64, 256}, goal: goalAlways},
		{name: "embedded set ÷ KV put always", above: "embedded-set", below: "kv-put-always", figure: rate, levels: []int{64, 256}, goal: goalAlways},
		{name: "lone client: embedded set ÷ KV put always", above: "embedded-set", below: "kv-put-always", figure: rate, levels: []int{1}},
		{name: "lone client: set ÷ KV put always", above: "set", below: "kv-put-always", figure: rate, levels: []int{1}},
		{name: "set ÷ echo with the same client work", above: "set", below: "echo-set", figure: rate},
		{name: "get ÷ KV get", above: "get", below: "kv-get", figure: rate, goal: goalAhead},
		{name: "embedded get ÷ KV get", above: "embedded-get", below: "kv-get", figure: rate, goal: goalAhead},
		{name: "get ÷ echo with the same client work", above: "get", below: "echo-get", figure: rate, goal: goalLevel},
		{name: "raw get ÷ raw echo", above: "raw-get", below: "raw-echo", figure: rate, goal: goalLevel},
		{name: "set with 1 subscriber ÷ set", above: "set-1-subscriber", below: "set", figure: rate},
		{name: "set with 100 subscribers ÷ set", above: "set-100-subscribers", below: "set", figure: rate},
		{
			name: "get p99 beside writers ÷ echo p99 beside the same writers", above: "get-beside-writers", below: "echo-beside-writers",
			figure: p99, goal: goalNoMore,
		},
		{name: "change latency from reply to event, median", above: "change-latency", figure: lagP50, unit: "µs"},
		{name: "change latency from reply to event, p99", above: "change-latency", figure: lagP99, unit: "µs"},
		{name: "embedded change latency from reply to event, median", above: "embedded-change-latency", figure: lagP50, unit: "µs"},
		{name: "embedded change latency from reply to event, p99", above: "embedded-change-latency", figure: lagP99, unit: "µs"},
		{name: "journal latency from reply to delivery, median", above: "journal", figure: lagP50, unit: "µs"},
		{name: "journal latency from reply to delivery, p99", above: "journal", figure: lagP99, unit: "µs"},
		{name: "expiry latency from deadline to event, median", above: "expiry-latency", figure: lagP50, unit: "µs"},
		{name: "expiry latency from deadline to event, p99", above: "expiry-latency", figure: lagP99, unit: "µs", goal: goalExpiry},
		{name: "expiry latency beside 64 sets in flight, median", above: "expiry-latency-beside-writers", figure: lagP50, unit: "µs"},
		{name: "expiry latency beside 64 sets in flight, p99", above: "expiry-latency-beside-writers", figure: lagP99, unit: "µs", goal: goalExpiry},
		{name: "get p99 while a large group is deleted ÷ without", above: "long-deletion", below: "get-beside-writers", figure: p99},
		{name: "set p99 while a large group is deleted ÷ without", above: "long-deletion", below: "get-beside-writers", figure: writeP99},
		{name: "get p99 while a large group expires ÷ without", above: "long-expiry", below: "get-beside-writers", figure: p99},
		{name: "set p99 while a large group expires ÷ without", above: "long-expiry", below: "get-beside-writers", figure: writeP99},
		{
			name: "expiry latency p99 while a large group of another tenant expires at once ÷ without", above: "expiry-beside-mass-expiry",
			below: "expiry-beside-lone-writer", figure: lagP99, goal: goalTwice,
		},
		{name: "expiry latency while a large group of another tenant expires at once, p99", above: "expiry-beside-mass-expiry", figure: lagP99, unit: "µs", goal: goalExpiry},
		{
			name: "lone set p99 while a large group of another tenant expires at once ÷ without", above: "expiry-beside-mass-expiry",
			below: "expiry-beside-lone-writer", figure: writeP99, goal: goalTwice,
		},
		{name: "lone set p50 beside a tenant with 9,999 waiters ÷ without", above: "set-beside-waiters", below: "set-beside-neighbour", figure: p50, goal: goalOthers},
		{name: "lone set p99 beside a tenant with 9,999 waiters ÷ without", above: "set-beside-waiters", below: "set-beside-neighbour", figure: p99, goal: goalOthers},
		{name: "lone set p50 while each write answers 9,999 ÷ without", above: "set-beside-woken-waiters", below: "set-beside-neighbour", figure: p50},
		{name: "lone set p99 while each write answers 9,999 ÷ without", above: "set-beside-woken-waiters", below: "set-beside-neighbour", figure: p99},
		{name: "set, metrics scraped every 100 ms ÷ set without HTTP", above: "set-scraped", below: "set-without-http", figure: rate},
		{name: "sidecar's processor time of a set, metrics scraped every 100 ms ÷ without HTTP", above: "set-scraped", below: "set-without-http", figure: responderCPU},
		{name: "growth: set of 1 million keys ÷ set", above: "set-1m-keys", below: "set", figure: rate},
		{name: "growth: get of 1 million keys ÷ get", above: "get-1m-keys", below: "get", figure: rate},
	}
}

// Ratio is a bar at one level. Value is computed from the medians over the rounds, Lowest
// and Highest from single rounds.
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

// ratio compares a result with its counterpart, if there is one.
func (bar *bar) ratio(above *Result, results []Result) (Ratio, bool) {
	ratio := Ratio{Name: bar.name, InFlight: above.InFlight, ValueBytes: above.ValueBytes, Unit: bar.unit, Goal: bar.goal}
	rounds := figures(above.Rounds, bar.figure)
	ratio.Value = median(rounds)
	if bar.below != "" {
		below := slices.IndexFunc(results, func(other Result) bool {
			return other.Name == bar.below && other.InFlight == above.InFlight && other.ValueBytes == above.ValueBytes
		})
		if below < 0 {
			return ratio, false
		}
		divisors := figures(results[below].Rounds, bar.figure)
		ratio.Value /= median(divisors)
		for index := range rounds {
			rounds[index] /= divisors[index]
		}
	}
	ratio.Lowest, ratio.Highest = slices.Min(rounds), slices.Max(rounds)
	// If a case served nothing, there is no ratio.
	possible := !slices.ContainsFunc([]float64{ratio.Value, ratio.Lowest, ratio.Highest}, func(value float64) bool {
		return math.IsNaN(value) || math.IsInf(value, 0)
	})
	return ratio, possible
}
