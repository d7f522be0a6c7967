// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fixedScale is a report of fixed numbers.
func fixedScale() *ScaleReport {
	result := func(name string, rate float64, errors uint64) Result {
		round := Round{Requests: 100, Seconds: 1, Rate: rate, P99: 12_500, Errors: errors}
		if errors > 0 {
			round.Error = "error 503: full"
		}
		return NewResult(name, "scale", 256, 128, []Round{round})
	}
	sizes := []SizeResult{{
		Keys: 10_000, Namespaces: 1, Groups: 100, Fill: Round{Requests: 10_000, Seconds: 0.5, DrainSeconds: 0.125, Rate: 20_000},
		Set: result("set", 40_000, 0), Get: result("get", 80_000, 0), Memory: &Memory{Resident: 50 << 20, Peak: 64<<20 + 300<<10},
		Files: Files{Database: 3 << 20, Log: 0}, Pages: Pages{Changes: 200, First: 150, Last: 1600},
		Recovery: Recovery{Ready: 0.35, FirstGet: 0.351, Keys: 10_000},
	}, {
		Keys: 10_000_000, Namespaces: 1000, Groups: 1, Fill: Round{Requests: 10_000_000, Seconds: 500, DrainSeconds: 12, Rate: 20_000},
		Set: result("set", 10_000, 3), Get: result("get", 60_000, 0), Files: Files{Database: 4000 << 20, Log: 5 << 20},
		Recovery: Recovery{Ready: 4, FirstGet: 4.1, Keys: 10_000_000},
	}}
	CompareSizes(sizes)
	report := fixedReport()
	return &ScaleReport{
		Header: Header[ScaleSetup]{
			Machine: report.Machine, BeganAt: report.BeganAt, Seconds: 600,
			Setup: ScaleSetup{Rounds: 1, RoundSeconds: 1, InFlight: 256, ValueBytes: 128, Connections: 1, Durability: "full"},
		},
		Sizes: sizes,
	}
}

const fixedScaleText = `storebus 1.0.0 (durability full), nats-server 2.15.2, go1.26.0, linux/amd64, 2 processors; an fsync takes 210 µs
medians of 1 rounds of 1s; values of 128 B; requests in flight: 256; client connections: 1

keys                         10,000   10,000,000
namespaces                        1        1,000
groups in each                  100            1
fill                      500.00 ms     500.00 s
fill: drain               125.00 ms      12.00 s
fill: sets/s                 20,000       20,000
set: requests/s              40,000       10,000
set: ÷ the first               1.00         0.25
set: p99                   12.50 ms     12.50 ms
get: requests/s              80,000       60,000
get: ÷ the first               1.00         0.75
get: p99                   12.50 ms     12.50 ms
errors                            0            3
resident memory            50.0 MiB
resident memory: peak      64.3 MiB
database file               3.0 MiB  4,000.0 MiB
write-ahead log             0.0 MiB      5.0 MiB
last 100 changes             200 µs         0 µs
first page of a group        150 µs         0 µs
last page of a group        1.60 ms         0 µs
after SIGKILL: ready      350.00 ms       4.00 s
after SIGKILL: first get  351.00 ms       4.10 s
after SIGKILL: keys          10,000   10,000,000
10,000,000 keys, set: the first error: error 503: full
`

func TestScaleReport_WriteTable_Good(t *testing.T) {
	var output strings.Builder
	require.NoError(t, Write(fixedScale(), &output, FormatTable))
	assert.Equal(t, fixedScaleText, output.String())
}

func TestScaleReport_WriteTable_Ugly(t *testing.T) {
	assert.ErrorIs(t, fixedScale().writeTable(&fullDisk{}), errFullDisk)
}

func TestScaleReport_Write_Good(t *testing.T) {
	var output strings.Builder
	require.NoError(t, Write(fixedScale(), &output, FormatJSON))
	lines := strings.Split(output.String(), "\n")
	require.Len(t, lines, 1+2+1, "the run and the sizes, each with a line break")
	var first, second map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &first))
	require.NoError(t, json.Unmarshal([]byte(lines[2]), &second))
	assert.Equal(t, map[string]any{"resident_bytes": 52428800., "peak_bytes": 67416064.}, first["memory"])
	assert.Equal(t, map[string]any{"database_bytes": 3145728., "wal_bytes": 0.}, first["files"])
	assert.Equal(t, map[string]any{"last_changes_us": 200., "first_page_us": 150., "last_page_us": 1600.}, first["pages"])
	assert.Equal(t, map[string]any{"ready_seconds": 0.35, "first_get_seconds": 0.351, "keys": 10_000.}, first["recovery"])
	assert.NotContains(t, second, "memory", "what is not known is left out")
	assert.InDelta(t, 0.25, second["set_ratio"], 0)
}

func TestScaleReport_CompareSizes_Ugly(t *testing.T) {
	sizes := []SizeResult{{}, {Set: Result{Median: Round{Rate: 1}}}}
	CompareSizes(sizes)
	assert.Zero(t, sizes[1].SetRatio, "the first has served nothing")
}
