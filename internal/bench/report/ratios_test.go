// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// resultOf returns a result whose rounds have these rates.
func resultOf(name string, inFlight int, rates ...float64) Result {
	rounds := make([]Round, len(rates))
	for index, rate := range rates {
		rounds[index] = Round{Requests: uint64(rate), Seconds: 1, Rate: rate, P50: 100, P99: rate / 10}
	}
	return NewResult(name, "", inFlight, 128, rounds)
}

func TestRatios_RatiosOf_Good(t *testing.T) {
	results := []Result{
		resultOf("set", 1, 10, 20, 30), resultOf("kv-put", 1, 20, 10, 100),
		resultOf("set", 64, 10, 20, 30), resultOf("kv-put-always", 64, 1, 1, 1),
		resultOf("get-beside-writers", 4, 100, 200, 300), resultOf("echo-beside-writers", 4, 100, 100, 100),
		resultOf("get", 64, 10, 10, 10),
	}
	assert.Equal(t, []Ratio{
		{Name: "set ÷ KV put", InFlight: 1, ValueBytes: 128, Value: 0.5, Lowest: 0.3, Highest: 2},
		{Name: "set ÷ KV put always", InFlight: 64, ValueBytes: 128, Value: 20, Lowest: 10, Highest: 30, Goal: "9"},
		{
			Name: "get p99 beside writers ÷ echo p99 beside the same writers", InFlight: 4, ValueBytes: 128,
			Value: 2, Lowest: 1, Highest: 3, Goal: "at most 1.2",
		},
	}, Ratios(results))
}

func TestRatios_RatiosOf_Bad(t *testing.T) {
	assert.NotNil(t, Ratios(nil), "an empty list in JSON, not null")
	assert.Empty(t, Ratios([]Result{resultOf("set", 1, 10, 20), resultOf("kv-put", 1, 0, 10)}), "nothing is divided by nothing")
	assert.Empty(t, Ratios([]Result{resultOf("set", 1, 10), resultOf("kv-put", 64, 10)}), "nor by another level")
}

// A machine that slows down slows both cases of a round.
func TestRatios_RatiosOf_Good_PairsTheRounds(t *testing.T) {
	found := Ratios([]Result{resultOf("set", 256, 10, 20, 30, 40, 50), resultOf("kv-put", 256, 10, 20, 30, 40, 50)})
	require.Len(t, found, 1)
	assert.Equal(t, Ratio{Name: "set ÷ KV put", InFlight: 256, ValueBytes: 128, Value: 1, Lowest: 1, Highest: 1, Goal: "0.75"}, found[0])

	found = Ratios([]Result{resultOf("set", 256, 10, 20, 90), resultOf("kv-put", 256, 20, 40, 10)})
	require.Len(t, found, 1)
	assert.InDelta(t, 0.5, found[0].Value, 1e-9, "the medians are 20 and 20")
}

func TestRatios_RatiosOf_Good_ProcessorTime(t *testing.T) {
	used := func(microseconds ...float64) Result {
		result := resultOf("set", 256, make([]float64, len(microseconds))...)
		for index := range result.Rounds {
			result.Rounds[index].CPU = map[string]float64{RoleResponder: microseconds[index]}
		}
		return result
	}
	assert.Equal(t, []Ratio{{
		Name: "sidecar's processor time of a set", InFlight: 256, ValueBytes: 128, Value: 16.5, Lowest: 16, Highest: 18, Unit: "µs", Goal: "at most 9 µs",
	}}, Ratios([]Result{used(16, 16.5, 18)}))
	assert.Empty(t, Ratios([]Result{resultOf("set", 256, 1, 2)}), "the system does not report it")
}

func TestRatios_Goals_Good(t *testing.T) {
	goals := goals{{256, usualBytes}: "0.75", {64, bigBytes}: "0.6"}
	assert.Equal(t, "0.75", goals.at(256, 128))
	assert.Equal(t, "0.6", goals.at(64, 16384))
	assert.Empty(t, goals.at(64, 128))
	assert.Equal(t, "at most 2", everywhere("at most 2").at(7, 9))
	assert.Empty(t, bars()[0].goals.at(0, 0))
}

func TestRatios_Bars_Good(t *testing.T) {
	for _, bar := range bars() {
		assert.Equal(t, bar.below == "", bar.unit != "", bar.name)
	}
}

func TestMedian_MedianRound_Good(t *testing.T) {
	t.Run("TakesEachFigureByItself", func(t *testing.T) {
		median := medianRound([]Round{
			{Requests: 1, Rate: 30, P50: 3, P99: 9, Errors: 1, Error: "first", CPU: map[string]float64{RoleClient: 1, RoleBroker: 5}, Lag: &Lag{P50: 1, P99: 3}},
			{Requests: 3, Rate: 20, P50: 1, P99: 8, Errors: 2, Error: "second", CPU: map[string]float64{RoleClient: 2}, Lag: &Lag{P50: 2, P99: 9}},
			{Requests: 2, Rate: 10, P50: 2, P99: 7, CPU: map[string]float64{RoleClient: 9}, Lag: &Lag{P50: 3, P99: 6}},
		})
		assert.Equal(t, Round{
			Requests: 2, Rate: 20, P50: 2, P99: 8, Errors: 3, Error: "first", CPU: map[string]float64{RoleClient: 2}, Lag: &Lag{P50: 2, P99: 6},
		}, median)
	})
	t.Run("IsBetweenTheMiddleTwo", func(t *testing.T) {
		assert.InDelta(t, 2.5, median([]float64{4, 1, 3, 2}), 0)
		assert.Zero(t, median(nil))
		assert.Nil(t, medianRound([]Round{{}}).CPU)
		assert.Equal(t, new(0.5), medianRound([]Round{{Idle: new(0.25)}, {Idle: new(0.75)}}).Idle)
		assert.Nil(t, medianRound([]Round{{Idle: new(0.25)}, {}}).Idle, "a figure that one round lacks")
	})
}
