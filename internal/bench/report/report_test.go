// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fixedReport is a report of fixed numbers.
func fixedReport() *Report {
	set := NewResult("set", "outside", 64, 128, []Round{{
		Requests: 50_000, Errors: 2, Error: "error 503: full", Seconds: 1.25, DrainSeconds: 0.25, Rate: 40_000, P50: 840, P99: 12_500,
		CPU: map[string]float64{RoleBroker: 5.25, RoleResponder: 12, RoleClient: 2}, Idle: new(0.254), Events: 50_000, Lag: &Lag{P50: -20, P99: 1500},
	}})
	set.Syscalls = map[string]float64{"futex": 4.3, "pwrite64": 6, "fsync": 1, "write": 1, "openat": 0.004}
	put := NewResult("kv-put", "kv", 64, 128, []Round{{
		Requests: 100_000, Seconds: 1, Rate: 100_000, P50: 84, P99: 2_500_000, CPU: map[string]float64{RoleBroker: 5, RoleClient: 2}, WriteRate: 1234,
	}})
	big := NewResult("get", "outside", 64, 16<<10, []Round{{Requests: 999, Seconds: 1, Rate: 999}})
	return &Report{
		Header: Header[Setup]{
			Machine: Machine{Storebus: "1.0.0", Broker: "2.15.2", Go: "go1.26.0", OperatingSystem: "linux", Architecture: "amd64", Processors: 2, Fsync: 210},
			BeganAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
			Seconds: 12.5,
			Setup:   Setup{Rounds: 1, RoundSeconds: 1, InFlight: []int{64}, Keys: 10_000, LongKeys: 200_000, ValueBytes: 128, Connections: 1, Durability: "full"},
		},
		Cases: []Result{set, put, big},
		Ratios: append(Ratios([]Result{set, put, big}), Ratio{
			Name: "change latency, p99", InFlight: 64, ValueBytes: 128, Value: 1500, Lowest: -20, Highest: 2000, Unit: "µs",
		}),
	}
}

const fixedText = `storebus 1.0.0 (durability full), nats-server 2.15.2, go1.26.0, linux/amd64, 2 processors; an fsync takes 210 µs
medians of 1 rounds of 1s a case; keys: 10,000; client connections: 1; processor time in µs a request; idle: of all processors

64 in flight, values of 128 B
        requests/s     p50       p99  broker  responder  client  idle  errors
set         40,000  840 µs  12.50 ms     5.2       12.0     2.0  25 %       2
kv-put     100,000   84 µs    2.50 s     5.0                2.0

64 in flight, values of 16 KiB
     requests/s   p50   p99  broker  responder  client  idle  errors
get         999  0 µs  0 µs

set, 64 in flight, 128 B: all of 50,000 events a round arrived
set, 64 in flight, 128 B: 12.30 system calls a request: pwrite64 6.00, futex 4.30, fsync 1.00, write 1.00
set, 64 in flight, 128 B: the first error: error 503: full
kv-put, 64 in flight, 128 B: beside 1,234 sets/s

ratios of neighbouring rounds      in flight  value   median    lowest  highest  goal
set ÷ KV put                              64  128 B     0.40      0.40     0.40
sidecar's processor time of a set         64  128 B  12.0 µs   12.0 µs  12.0 µs
change latency, p99                       64  128 B  1.50 ms  -20.0 µs  2.00 ms
`

func TestReport_WriteTable_Good(t *testing.T) {
	var output strings.Builder
	require.NoError(t, fixedReport().writeTable(&output))
	assert.Equal(t, fixedText, output.String())
}

// fullDisk accepts no write.
type fullDisk struct{ taken int }

var errFullDisk = errors.New("the disk is full")

func (disk *fullDisk) Write(text []byte) (int, error) {
	if disk.taken++; disk.taken > 2 {
		return 0, errFullDisk
	}
	return len(text), nil
}

func TestReport_WriteTable_Ugly(t *testing.T) {
	assert.ErrorIs(t, fixedReport().writeTable(&fullDisk{}), errFullDisk)
}

const fixedJSON = `{
  "type": "run",
  "machine": {
    "storebus": "1.0.0", "nats_server": "2.15.2", "go": "go1.26.0", "operating_system": "linux", "architecture": "amd64",
    "processors": 2, "fsync_us": 210
  },
  "began_at": "2026-11-22T10:00:00Z",
  "seconds": 12.5,
  "settings": {
    "rounds": 1, "round_seconds": 1, "in_flight": [64], "keys": 10000, "long_keys": 200000, "value_bytes": 128, "connections": 1, "durability": "full",
    "outside_broker": false
  },
  "case": {
    "type": "case", "name": "set", "target": "outside", "in_flight": 64, "value_bytes": 128,
    "median": {
      "requests": 50000, "errors": 2, "error": "error 503: full", "seconds": 1.25, "drain_seconds": 0.25, "requests_per_second": 40000,
      "p50_us": 840, "p99_us": 12500, "cpu_us": {"broker": 5.25, "responder": 12, "client": 2}, "idle_share": 0.254, "events": 50000,
      "lag": {"p50_us": -20, "p99_us": 1500}
    },
    "rounds": [{
      "requests": 50000, "errors": 2, "error": "error 503: full", "seconds": 1.25, "drain_seconds": 0.25, "requests_per_second": 40000,
      "p50_us": 840, "p99_us": 12500, "cpu_us": {"broker": 5.25, "responder": 12, "client": 2}, "idle_share": 0.254, "events": 50000,
      "lag": {"p50_us": -20, "p99_us": 1500}
    }],
    "syscalls_a_request": {"futex": 4.3, "pwrite64": 6, "fsync": 1, "write": 1, "openat": 0.004}
  },
  "ratio": {"type": "ratio", "name": "set ÷ KV put", "in_flight": 64, "value_bytes": 128, "value": 0.4, "lowest": 0.4, "highest": 0.4}
}`

func TestReport_WriteJSON_Good(t *testing.T) {
	var output strings.Builder
	require.NoError(t, Write(fixedReport(), &output, FormatJSON))
	var objects []map[string]any
	for line := range strings.Lines(output.String()) {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object))
		objects = append(objects, object)
	}
	require.Len(t, objects, 1+3+3, "the run, the cases and the ratios")
	written := objects[0]
	written["case"], written["ratio"] = objects[1], objects[4]
	var expected map[string]any
	require.NoError(t, json.Unmarshal([]byte(fixedJSON), &expected))
	assert.Equal(t, expected, written)
}

func TestText_RateText_Good(t *testing.T) {
	for rate, text := range map[float64]string{0: "0", 999.6: "1,000", 999: "999", 12_345: "12,345", 1_234_567: "1,234,567"} {
		assert.Equal(t, text, Thousands(rate))
	}
}

func TestText_SizeText_Good(t *testing.T) {
	assert.Equal(t, "128 B", Bytes(128))
	assert.Equal(t, "1 KiB", Bytes(1024))
	assert.Equal(t, "1025 B", Bytes(1025))
}
