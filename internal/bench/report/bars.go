// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"cmp"
	"slices"
)

// The sizes of values that goals are about.
const (
	usualBytes = 128
	bigBytes   = 16 << 10
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
	goals  goals
}

// goals are what storebus wants to reach, by the numbers of requests in flight and the size
// of the values.
type goals map[place]string

// place is a level, and a size of values.
type place struct{ inFlight, valueBytes int }

// everywhere is the goal of a bar that is measured at one level only.
func everywhere(goal string) goals { return goals{{}: goal} }

// at returns the goal of a level and of a size of values, "" if there is none.
func (goals goals) at(inFlight, valueBytes int) string {
	return cmp.Or(goals[place{inFlight, valueBytes}], goals[place{}])
}

// bars is every comparison, in the order of the report.
func bars() []bar { return slices.Concat(requestBars(), delayBars(), neighbourBars()) }

// requestBars compare requests a second, and the processor time of a set.
func requestBars() []bar {
	return []bar{
		{name: "set ÷ KV put", above: "set", below: "kv-put", figure: rate, goals: goals{{256, usualBytes}: "0.75", {64, bigBytes}: "0.6"}},
		{name: "embedded set ÷ KV put", above: "embedded-set", below: "kv-put", figure: rate, goals: goals{{256, usualBytes}: "0.8"}},
		{
			name: "set ÷ KV put always", above: "set", below: "kv-put-always", figure: rate, levels: []int{64, 256},
			goals: goals{{256, usualBytes}: "15", {64, usualBytes}: "9"},
		},
		{name: "embedded set ÷ KV put always", above: "embedded-set", below: "kv-put-always", figure: rate, levels: []int{64, 256}},
		{
			name: "lone client: set ÷ KV put always", above: "set", below: "kv-put-always", figure: rate, levels: []int{1},
			goals: goals{{1, usualBytes}: "0.75"},
		},
		{
			name: "lone client: embedded set ÷ KV put always", above: "embedded-set", below: "kv-put-always", figure: rate, levels: []int{1},
			goals: goals{{1, usualBytes}: "0.95"},
		},
		{name: "set ÷ echo with the same client work", above: "set", below: "echo-set", figure: rate},
		{name: "get ÷ KV get", above: "get", below: "kv-get", figure: rate, goals: goals{{256, usualBytes}: "1.3"}},
		{
			name: "embedded get ÷ KV get", above: "embedded-get", below: "kv-get", figure: rate,
			goals: goals{{64, usualBytes}: "1.15", {1, usualBytes}: "0.95"},
		},
		{
			name: "get ÷ echo with the same client work", above: "get", below: "echo-get", figure: rate,
			goals: goals{{256, usualBytes}: "0.8", {64, usualBytes}: "0.92", {64, bigBytes}: "0.8"},
		},
		{
			name: "raw get ÷ raw echo", above: "raw-get", below: "raw-echo", figure: rate,
			goals: goals{{256, usualBytes}: "0.85", {64, bigBytes}: "0.9"},
		},
		{
			name: "sidecar's processor time of a set", above: "set", figure: responderCPU, unit: "µs",
			goals: goals{{256, usualBytes}: "at most 9 µs", {1, usualBytes}: "at most 200 µs"},
		},
		{name: "set with a message id ÷ set", above: "set-with-id", below: "set", figure: rate},
		{name: "set with 1 subscriber ÷ set", above: "set-1-subscriber", below: "set", figure: rate},
		{name: "set with 100 subscribers ÷ set", above: "set-100-subscribers", below: "set", figure: rate},
	}
}

// delayBars compare delays: of gets beside writers, and of events.
func delayBars() []bar {
	return []bar{
		{
			name: "get p99 beside writers ÷ echo p99 beside the same writers", above: "get-beside-writers", below: "echo-beside-writers",
			figure: p99, goals: everywhere("at most 1.2"),
		},
		{name: "change latency from reply to event, median", above: "change-latency", figure: lagP50, unit: "µs"},
		{name: "change latency from reply to event, p99", above: "change-latency", figure: lagP99, unit: "µs"},
		{name: "embedded change latency from reply to event, median", above: "embedded-change-latency", figure: lagP50, unit: "µs"},
		{name: "embedded change latency from reply to event, p99", above: "embedded-change-latency", figure: lagP99, unit: "µs"},
		{name: "journal latency from reply to delivery, median", above: "journal", figure: lagP50, unit: "µs"},
		{name: "journal latency from reply to delivery, p99", above: "journal", figure: lagP99, unit: "µs"},
		{name: "expiry latency from deadline to event, median", above: "expiry-latency", figure: lagP50, unit: "µs"},
		{name: "expiry latency from deadline to event, p99", above: "expiry-latency", figure: lagP99, unit: "µs", goals: everywhere("at most 100 ms")},
		{name: "expiry latency beside 64 sets in flight, median", above: "expiry-latency-beside-writers", figure: lagP50, unit: "µs"},
		{name: "expiry latency beside 64 sets in flight, p99", above: "expiry-latency-beside-writers", figure: lagP99, unit: "µs", goals: everywhere("at most 100 ms")},
	}
}

// neighbourBars compare one tenant with and without the work of others, and a store with and without growth.
func neighbourBars() []bar {
	return []bar{
		{name: "get p99 while a large group is deleted ÷ without", above: "long-deletion", below: "get-beside-writers", figure: p99},
		{name: "set p99 while a large group is deleted ÷ without", above: "long-deletion", below: "get-beside-writers", figure: writeP99},
		{name: "get p99 while a large group expires ÷ without", above: "long-expiry", below: "get-beside-writers", figure: p99},
		{name: "set p99 while a large group expires ÷ without", above: "long-expiry", below: "get-beside-writers", figure: writeP99},
		{
			name: "expiry latency p99 while a large group of another tenant expires at once ÷ without", above: "expiry-beside-mass-expiry",
			below: "expiry-beside-lone-writer", figure: lagP99, goals: everywhere("at most 2"),
		},
		{name: "expiry latency while a large group of another tenant expires at once, p99", above: "expiry-beside-mass-expiry", figure: lagP99, unit: "µs", goals: everywhere("at most 100 ms")},
		{
			name: "lone set p99 while a large group of another tenant expires at once ÷ without", above: "expiry-beside-mass-expiry",
			below: "expiry-beside-lone-writer", figure: writeP99, goals: everywhere("at most 2"),
		},
		{name: "lone set p50 beside a tenant with 9,999 waiters ÷ without", above: "set-beside-waiters", below: "set-beside-neighbour", figure: p50, goals: everywhere("at most 1.2")},
		{name: "lone set p99 beside a tenant with 9,999 waiters ÷ without", above: "set-beside-waiters", below: "set-beside-neighbour", figure: p99, goals: everywhere("at most 1.2")},
		{name: "lone set p50 while each write answers 9,999 ÷ without", above: "set-beside-woken-waiters", below: "set-beside-neighbour", figure: p50},
		{name: "lone set p99 while each write answers 9,999 ÷ without", above: "set-beside-woken-waiters", below: "set-beside-neighbour", figure: p99},
		{name: "set, metrics scraped every 100 ms ÷ set without HTTP", above: "set-scraped", below: "set-without-http", figure: rate},
		{name: "sidecar's processor time of a set, metrics scraped every 100 ms ÷ without HTTP", above: "set-scraped", below: "set-without-http", figure: responderCPU},
		{name: "growth: set of 1 million keys ÷ set", above: "set-1m-keys", below: "set", figure: rate, goals: goals{{256, usualBytes}: "0.5"}},
		{name: "growth: get of 1 million keys ÷ get", above: "get-1m-keys", below: "get", figure: rate, goals: goals{{256, usualBytes}: "0.7"}},
	}
}
