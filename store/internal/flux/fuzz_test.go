// SPDX-License-Identifier: EUPL-1.2

package flux_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/flux"
)

// Any text is a query, or an error with a place in the text. If a query is printed and
// parsed, it prints the same and means the same.
func FuzzParse(f *testing.F) {
	for _, predicate := range predicates {
		f.Add(where(predicate[0]))
	}
	f.Add(`from(bucket: "b") |> range(start: -1y2mo3w, stop: 2026-11-22T10:00:00.5+02:00) |> sort(columns: ["a", "_time"], desc: true) |> limit(n: 5, offset: 7)`)
	f.Add(`SELECT * FROM entries; DROP TABLE entries`)
	f.Fuzz(func(t *testing.T, text string) {
		query, err := flux.Parse(text)
		if err != nil {
			requirePlace(t, text, err)
			return
		}
		printed := query.String()
		again, err := flux.Parse(printed)
		require.NoError(t, err, printed)
		require.Equal(t, printed, again.String())
		require.Equal(t, query.Measurement(), again.Measurement())
		requireSame(t, query, again)
	})
}

func requirePlace(t *testing.T, text string, err error) {
	t.Helper()
	var failure *flux.Error
	require.ErrorAs(t, err, &failure)
	lines := strings.Split(text, "\n")
	require.True(t, failure.Line >= 1 && failure.Line <= len(lines), "%v", err)
	require.True(t, failure.Column >= 1 && failure.Column <= len(lines[failure.Line-1])+1, "%v", err)
}

// requireSame asserts that two queries have the same range, and accept the same of some
// rows.
func requireSame(t *testing.T, one, other *flux.Query) {
	t.Helper()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	start, stop, err := one.Range(now)
	otherStart, otherStop, otherErr := other.Range(now)
	require.Equal(t, err == nil, otherErr == nil)
	require.Equal(t, []int64{start, stop}, []int64{otherStart, otherStop})
	require.Len(t, other.Stages, len(one.Stages))
	for index := range one.Stages {
		filter, isFilter := one.Stages[index].(flux.Filter)
		if !isFilter {
			require.Equal(t, one.Stages[index], other.Stages[index])
			continue
		}
		again, isFilter := other.Stages[index].(flux.Filter)
		require.True(t, isFilter)
		require.Equal(t, filter, again)
		for _, value := range []any{nil, true, "x", int64(1), uint64(1 << 63), 1.5} {
			row := func(column string) any {
				switch column {
				case flux.ColumnTime:
					return now
				case flux.ColumnMeasurement:
					return "m"
				}
				return value
			}
			assert.Equal(t, filter.Predicate.Evaluate(row), again.Predicate.Evaluate(row))
		}
	}
}
