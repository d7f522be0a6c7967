// SPDX-License-Identifier: EUPL-1.2

package flux_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/flux"
)

// evaluate returns the value of a predicate for a row.
func evaluate(t *testing.T, predicate string, row flux.Row) any {
	t.Helper()
	query, err := flux.Parse(where(predicate))
	require.NoError(t, err, predicate)
	filter, ok := query.Stages[0].(flux.Filter)
	require.True(t, ok)
	return filter.Predicate.Evaluate(row)
}

func TestExpression_Evaluate_Good(t *testing.T) {
	columns := map[string]any{
		"_time": time.Date(2026, 11, 22, 10, 0, 0, 1, time.UTC), "_measurement": "m",
		"yes": true, "no": false, "text": "b", "float": 2.5, "integer": int64(2), "negative": int64(-5),
		"unsigned": uint64(2), "largest": uint64(math.MaxUint64), "least": int64(math.MinInt64), "most": int64(math.MaxInt64),
		"exact": int64(1<<53 + 1), "rounded": float64(1 << 53), "a.b": "dotted", `"$`: int64(1),
	}
	row := func(column string) any { return columns[column] }
	for predicate, value := range map[string]any{
		`r.yes`: true, `r.no`: false, `r.missing`: nil, `r.yes == true`: true, `r.yes != r.no`: true,
		`r.yes != r.missing`: nil, `r.yes < r.no`: nil, `r.yes == 1 or r.yes`: true,
		`r.text == "b"`: true, `r.text != "b"`: false, `r.text < "c"`: true, `r.text <= "a"`: false, `r.text > "B"`: true, `r.text >= "b"`: true,
		`r["a.b"] == "dotted"`: true, `r["\"$"] == 1`: true, `r["A.b"] == "dotted"`: nil,
		`r.float > 2`: true, `r.float < 3`: true, `r.integer == 2.0`: true, `r.integer != 2.5`: true, `2.5 == r.float`: true,
		`r.integer == r.unsigned`: true, `r.negative < r.unsigned`: true, `r.negative >= r.unsigned`: false, `r.negative == -5`: true,
		`r.largest == uint(v: "18446744073709551615")`: true, `r.largest > uint(v: "18446744073709551614")`: true,
		`r.largest > 9223372036854775807`: true, `r.largest < 18446744073709551616.0`: true, `r.least <= -9223372036854775808`: true,
		`r.least == -9223372036854775808.0`: true, `r.most < 9223372036854775808.0`: true, `r.most == 9223372036854775807`: true,
		`r.exact > r.rounded`: true, `r.exact == r.rounded`: false, `r.exact == 9007199254740993`: true,
		`r._measurement == "m"`: true, `r._time == 2026-11-22T10:00:00.000000001Z`: true, `r._time > 2026-11-22`: true, `r._time == r._time`: true,
		// If two values cannot be compared, the result is unknown, and its negation too.
		`r.text == 1`: nil, `r.text != 1`: nil, `not (r.text == 1)`: nil, `r.missing == "x"`: nil, `r.missing != "x"`: nil,
		`not r.missing`: nil, `not r.text`: nil, `r.missing == r.missing`: nil, `r.text`: "b",
		`exists r.text`: true, `exists r.no`: true, `exists r.missing`: false, `not exists r.missing`: true,
		`r.missing and r.no`: false, `r.missing and r.yes`: nil, `r.missing or r.yes`: true, `r.missing or r.no`: nil,
		`r.text and r.no`: false, `r.no and r.missing`: false, `r.yes or r.missing`: true, `r.yes and not r.no`: true, `r.no or r.no`: false,
		`not (r.missing and r.no)`: true, `true`: true, `not false`: true, `(r.float > 2) == (r.text == "b")`: true,
	} {
		assert.Equal(t, value, evaluate(t, predicate, row), predicate)
	}
}

func TestValue_Order_Good(t *testing.T) {
	ordered := [][]any{
		{nil}, {false}, {true},
		{int64(math.MinInt64), -math.Pow(2, 63)}, {-1.5}, {int64(-1), -1.0}, {int64(0), uint64(0), 0.0, math.Copysign(0, -1)},
		{math.SmallestNonzeroFloat64}, {float64(1 << 53), int64(1 << 53)}, {uint64(1<<53 + 1)}, {int64(math.MaxInt64), uint64(math.MaxInt64)},
		{uint64(1 << 63), math.Pow(2, 63)}, {uint64(math.MaxUint64)}, {math.Pow(2, 64)}, {math.MaxFloat64},
		{""}, {"A"}, {"a"}, {"a\x00"}, {"é"},
		{time.Unix(0, 0)}, {time.Unix(0, 1), time.Unix(0, 1).UTC()},
	}
	for left, lefts := range ordered {
		for right, rights := range ordered {
			for _, one := range lefts {
				for _, other := range rights {
					want := 0
					if left != right {
						want = map[bool]int{true: -1, false: 1}[left < right]
					}
					assert.Equal(t, want, flux.Order(one, other), "%T %v, %T %v", one, one, other, other)
				}
			}
		}
	}
}
