// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
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
		{Name: "set ÷ KV put", InFlight: 1, ValueBytes: 128, Value: 1, Lowest: 0.3, Highest: 2, Goal: goalPut},
		{Name: "set ÷ KV put always", InFlight: 64, ValueBytes: 128, Value: 20, Lowest: 10, Highest: 30, Goal: goalAlways},
		{
			Name: "get p99 beside writers ÷ echo p99 beside the same writers", InFlight: 4, ValueBytes: 128,
			Value: 2, Lowest: 1, Highest: 3, Goal: goalNoMore,
		},
	}, Ratios(results))
}

func TestRatios_RatiosOf_Bad(t *testing.T) {
	assert.NotNil(t, Ratios(nil), "an empty list in JSON, not null")
	assert.Empty(t, Ratios([]Result{resultOf("set", 1, 10, 20), resultOf("kv-put", 1, 0, 10)}), "nothing is divided by nothing")
	assert.Empty(t, Ratios([]Result{resultOf("set", 1, 10), resultOf("kv-put", 64, 10)}), "nor by another level")
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
	})
}
