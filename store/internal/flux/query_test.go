// SPDX-License-Identifier: EUPL-1.2

package flux_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/flux"
)

func TestQuery_Range_Good(t *testing.T) {
	now := time.Date(2024, 3, 31, 10, 0, 0, 5, time.FixedZone("", 3600))
	for arguments, times := range map[string][2]string{
		`start: -1h`:                                              {"2024-03-31T08:00:00.000000005Z", "2024-03-31T09:00:00.000000005Z"},
		`start: -1h, stop: 1h`:                                    {"2024-03-31T08:00:00.000000005Z", "2024-03-31T10:00:00.000000005Z"},
		`start: -1ns, stop: now()`:                                {"2024-03-31T09:00:00.000000004Z", "2024-03-31T09:00:00.000000005Z"},
		`start: -1mo`:                                             {"2024-02-29T09:00:00.000000005Z", "2024-03-31T09:00:00.000000005Z"},
		`start: -13mo1d`:                                          {"2023-02-27T09:00:00.000000005Z", "2024-03-31T09:00:00.000000005Z"},
		`start: -1y`:                                              {"2023-03-31T09:00:00.000000005Z", "2024-03-31T09:00:00.000000005Z"},
		`start: now(), stop: 1mo1h`:                               {"2024-03-31T09:00:00.000000005Z", "2024-04-30T10:00:00.000000005Z"},
		`start: 2018-08-15T13:36:23-07:00`:                        {"2018-08-15T20:36:23Z", "2024-03-31T09:00:00.000000005Z"},
		`start: 1970-01-01, stop: 1970-01-02`:                     {"1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"},
		`start: 1678-01-01, stop: 2262-01-01`:                     {"1678-01-01T00:00:00Z", "2262-01-01T00:00:00Z"},
		`start: -340y, stop: 2024-03-31T09:00:00Z`:                {"1684-03-31T09:00:00.000000005Z", "2024-03-31T09:00:00Z"},
		`start: 1970-01-01, stop: 1970-01-01T00:00:00.000000001Z`: {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000001Z"},
	} {
		query, err := flux.Parse(`from(bucket: "b") |> range(` + arguments + `)`)
		require.NoError(t, err)
		start, stop, err := query.Range(now)
		require.NoError(t, err, arguments)
		text := [2]string{time.Unix(0, start).UTC().Format(time.RFC3339Nano), time.Unix(0, stop).UTC().Format(time.RFC3339Nano)}
		assert.Equal(t, times, text, arguments)
	}
}

func TestQuery_Range_Bad(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for arguments, message := range map[string]string{
		`start: 1h`:                           `1:35: the range ends at 2026-11-22T10:00:00Z, which is not behind its start 2026-11-22T11:00:00Z`,
		`start: now()`:                        `1:35: the range ends at 2026-11-22T10:00:00Z, which is not behind its start 2026-11-22T10:00:00Z`,
		`start: -1h, stop: -2h`:               `1:46: the range ends at 2026-11-22T08:00:00Z, which is not behind its start 2026-11-22T09:00:00Z`,
		`start: 2026-01-02, stop: 2026-01-01`: `1:53: the range ends at 2026-01-01T00:00:00Z, which is not behind its start 2026-01-02T00:00:00Z`,
		`start: 0001-01-01`:                   `1:35: the time lies before 1678 or after 2261, which no entry does`,
		`start: -1000y`:                       `1:35: the time lies before 1678 or after 2261, which no entry does`,
		`start: -1h, stop: 106751d`:           `1:46: the time lies before 1678 or after 2261, which no entry does`,
		`start: -1h, stop: 2263-01-01`:        `1:46: the time lies before 1678 or after 2261, which no entry does`,
	} {
		query, err := flux.Parse(`from(bucket: "b") |> range(` + arguments + `)`)
		require.NoError(t, err)
		_, _, err = query.Range(now)
		if assert.Error(t, err, arguments) {
			assert.Equal(t, message, err.Error(), arguments)
		}
	}
}

func TestQuery_Measurement_Good(t *testing.T) {
	for stages, measurement := range map[string]string{
		``: "",
		`|> filter(fn: (r) => r._measurement == "m")`:                                             "m",
		`|> filter(fn: (r) => "m" == r._measurement)`:                                             "m",
		`|> filter(fn: (r) => r.a and (r.b or r.c) and (r.d and r._measurement == "m"))`:          "m",
		`|> filter(fn: (r) => r.a) |> filter(fn: (r) => r._measurement == "m")`:                   "m",
		`|> filter(fn: (r) => r._measurement == "m") |> filter(fn: (r) => r._measurement == "n")`: "m",
		`|> filter(fn: (r) => r._measurement != "m")`:                                             "",
		`|> filter(fn: (r) => r._measurement >= "m")`:                                             "",
		`|> filter(fn: (r) => r._measurement == r.a)`:                                             "",
		`|> filter(fn: (r) => r.a == "m")`:                                                        "",
		`|> filter(fn: (r) => r._measurement == "m" or r.a)`:                                      "",
		`|> filter(fn: (r) => not (r._measurement == "m"))`:                                       "",
		`|> filter(fn: (r) => (r._measurement == "m") == false)`:                                  "",
		`|> sort(columns: ["a"]) |> filter(fn: (r) => r._measurement == "m")`:                     "m",
		`|> limit(n: 5) |> filter(fn: (r) => r._measurement == "m")`:                              "",
		`|> filter(fn: (r) => r._measurement == "")`:                                              "",
	} {
		query, err := flux.Parse(ranged + stages)
		require.NoError(t, err)
		assert.Equal(t, measurement, query.Measurement(), stages)
	}
}

func TestQuery_OrderByTime_Good(t *testing.T) {
	for stages, order := range map[string]struct {
		stages     int
		descending bool
	}{
		``: {0, false},
		`|> filter(fn: (r) => r.a) |> sort(columns: ["_time", "a"], desc: true) |> limit(n: 5)`: {2, true},
		`|> sort(columns: ["_time"]) |> sort(columns: ["_time"], desc: true)`:                   {1, false},
		`|> sort(columns: ["a", "_time"], desc: true)`:                                          {1, false},
		`|> limit(n: 5) |> sort(columns: ["_time"], desc: true)`:                                {2, false},
		`|> sort(columns: ["a"]) |> sort(columns: ["_time"], desc: true)`:                       {2, false},
		`|> filter(fn: (r) => r.a)`:                                                             {1, false},
	} {
		query, err := flux.Parse(ranged + stages)
		require.NoError(t, err)
		before := query.String()
		left, descending := query.OrderByTime()
		assert.Len(t, left, order.stages, stages)
		assert.Equal(t, order.descending, descending, stages)
		assert.Equal(t, before, query.String(), "the query stays as it is")
	}
}
