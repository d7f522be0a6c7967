// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/internal/bench/stage"
)

// shortSettings is a run of 50 ms rounds with few keys.
func shortSettings(t *testing.T, cases ...string) Settings {
	t.Helper()
	settings := validSettings()
	settings.Rounds, settings.Duration, settings.Keys, settings.InFlight = 1, 50*time.Millisecond, 300, []int{8}
	settings.ValueBytes, settings.LongKeys = bigValueBytes, 2500
	settings.Cases, settings.Directory, settings.Program, settings.Format = cases, t.TempDir(), benchtest.Binary(t), report.FormatJSON
	return settings
}

// runReport runs the cases, and returns their report and the error output.
func runReport(t *testing.T, settings Settings) (*report.Report, string) {
	t.Helper()
	var errorOutput bytes.Buffer
	printed, err := settings.measured(t.Context(), report.NewProgress(&errorOutput))
	require.NoError(t, err)
	left, err := os.ReadDir(settings.Directory)
	require.NoError(t, err)
	assert.Empty(t, left, "its files are removed")
	return as[*report.Report](t, printed), errorOutput.String()
}

// as returns a printed report as its own type.
func as[Report report.Printable](t *testing.T, printed report.Printable) Report {
	t.Helper()
	found, ok := printed.(Report)
	require.True(t, ok, "%T", printed)
	return found
}

func checkResults(t *testing.T, found *report.Report) {
	t.Helper()
	for _, result := range found.Cases {
		require.Len(t, result.Rounds, found.Setup.Rounds, result.Name)
		assert.Zero(t, result.Median.Errors, "%s: %s", result.Name, result.Median.Error)
		for _, round := range result.Rounds {
			assert.Positive(t, round.Requests, result.Name)
			assert.Positive(t, round.P50, result.Name)
			assert.GreaterOrEqual(t, round.Seconds, round.DrainSeconds)
			assert.InEpsilon(t, float64(round.Requests)/round.Seconds, round.Rate, 1e-6)
		}
	}
}

// namesOf returns the names of the cases in order.
func namesOf(found *report.Report) []string {
	var names []string
	for _, result := range found.Cases {
		names = append(names, result.Name)
	}
	return names
}

func TestRun_Run_Good(t *testing.T) {
	t.Parallel()
	t.Run("MeasuresEveryKindOfCase", func(t *testing.T) {
		t.Parallel()
		settings := shortSettings(t)
		settings.Connections = 2
		found, progress := runReport(t, settings)
		checkResults(t, found)
		var expected []string
		for _, trial := range settings.plan() {
			expected = append(expected, trial.Name)
		}
		assert.Equal(t, expected, namesOf(found))
		assert.Equal(t, "full", found.Setup.Durability)
		settings.Rounds = 2
		assert.Contains(t, settings.announcement(), "34 cases, 2 rounds of 50ms each")
		assert.NotContains(t, progress, "round", "nobody looks at a terminal")
		for _, result := range found.Cases {
			if _, err := os.Stat("/proc/stat"); err == nil && assert.NotNil(t, result.Median.Idle, result.Name) {
				assert.LessOrEqual(t, *result.Median.Idle, 1.0)
			}
			if strings.Contains(result.Name, "latency") {
				assert.NotNil(t, result.Median.Lag)
				assert.Equal(t, result.Rounds[0].Requests, result.Rounds[0].Events)
			}
			if strings.Contains(result.Name, "beside") || strings.Contains(result.Name, "long") {
				assert.Positive(t, result.Median.WriteRate)
				assert.Positive(t, result.Median.WriteP99)
			}
			if strings.Contains(result.Name, "expiry-latency") {
				assert.Equal(t, uint64(500), result.Rounds[0].Requests)
				assert.Positive(t, result.Median.Lag.P50, "no key goes before its time")
			}
			if result.Name == "set-100-subscribers" {
				assert.Equal(t, 100*result.Rounds[0].Requests, result.Rounds[0].Events)
			}
		}
	})
	t.Run("PrintsTables", func(t *testing.T) {
		t.Parallel()
		settings := shortSettings(t, "set", "kv-put")
		settings.Format, settings.ValueBytes, settings.Durability = report.FormatTable, 128, "relaxed"
		var output bytes.Buffer
		require.NoError(t, Run(t.Context(), settings, &output, &bytes.Buffer{}))
		assert.Contains(t, output.String(), "(durability relaxed)")
		assert.Contains(t, output.String(), "\n8 in flight, values of 128 B\n")
		assert.Contains(t, output.String(), "\n8 in flight, values of 16 KiB\n")
		assert.Contains(t, output.String(), "\nset ÷ KV put ")
	})
	t.Run("MeasuresABrokerThatIsThere", func(t *testing.T) {
		t.Parallel()
		natsServer := benchtest.StartServer(t, true)
		settings := shortSettings(t, "set", "kv-put", "kv-get", "echo-get")
		settings.Rounds = 2
		settings.NATSURL = natsServer.ClientURL()
		found, _ := runReport(t, settings)
		checkResults(t, found)
		assert.True(t, found.Setup.OutsideBroker)
		assert.NotContains(t, found.Cases[0].Median.CPU, report.RoleBroker)
		stream, err := jetstream.New(benchtest.Connect(t, natsServer))
		require.NoError(t, err)
		for name := range stream.KeyValueStoreNames(t.Context()).Name() {
			assert.Fail(t, "it leaves a bucket", name)
		}
	})
	t.Run("LeavesOutWhatABrokerHasNot", func(t *testing.T) {
		t.Parallel()
		settings := shortSettings(t, "set", "kv-put", "kv-get")
		settings.NATSURL = benchtest.StartServer(t, false).ClientURL()
		found, progress := runReport(t, settings)
		assert.Equal(t, []string{"set"}, namesOf(found))
		assert.Equal(t, 1, strings.Count(progress, "kv-put is left out"))
	})
}

func TestRun_Run_Bad(t *testing.T) {
	t.Run("Settings", func(t *testing.T) {
		settings := shortSettings(t, "nothing")
		assert.ErrorIs(t, Run(t.Context(), settings, &bytes.Buffer{}, &bytes.Buffer{}), ErrUsage)
	})
	t.Run("NoBroker", func(t *testing.T) {
		settings := shortSettings(t, "set")
		settings.NATSURL = "nats://127.0.0.1:1"
		assert.ErrorContains(t, Run(t.Context(), settings, &bytes.Buffer{}, &bytes.Buffer{}), "connect to the broker")
	})
	t.Run("NothingThatTheBrokerOffers", func(t *testing.T) {
		settings := shortSettings(t, "kv-put", "kv-get")
		settings.NATSURL = benchtest.StartServer(t, false).ClientURL()
		assert.ErrorIs(t, Run(t.Context(), settings, &bytes.Buffer{}, &bytes.Buffer{}), stage.ErrNoJetStream)
	})
	t.Run("NoProgram", func(t *testing.T) {
		settings := shortSettings(t, "set")
		settings.Program = "/nowhere/at/all"
		assert.ErrorIs(t, Run(t.Context(), settings, &bytes.Buffer{}, &bytes.Buffer{}), os.ErrNotExist)
	})
}

// interrupter ends a run if the run writes a certain line.
type interrupter struct {
	line   string
	cancel context.CancelCauseFunc
}

func (interrupter *interrupter) Write(text []byte) (int, error) {
	if strings.Contains(string(text), interrupter.line) {
		interrupter.cancel(ErrInterrupted)
	}
	return len(text), nil
}

// shownProgress is the progress at a terminal.
func shownProgress(output io.Writer) *report.Progress {
	return &report.Progress{Output: output, Terminal: true}
}

func TestRun_Run_Ugly(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"cases", "warm-up", "round 1"} {
		t.Run("InterruptedAt"+line, func(t *testing.T) {
			settings := shortSettings(t, "set", "kv-put")
			settings.Duration = time.Second
			ctx, cancel := context.WithCancelCause(t.Context())
			printed, err := settings.measured(ctx, shownProgress(&interrupter{line, cancel}))
			require.ErrorIs(t, err, ErrInterrupted)
			assert.Nil(t, printed)
			left, err := os.ReadDir(settings.Directory)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
	t.Run("InterruptedAfterARound", func(t *testing.T) {
		settings := shortSettings(t, "get")
		settings.Rounds = 3
		ctx, cancel := context.WithCancelCause(t.Context())
		printed, err := settings.measured(ctx, shownProgress(&interrupter{"round 3", cancel}))
		require.ErrorIs(t, err, ErrInterrupted)
		found := as[*report.Report](t, printed)
		assert.Equal(t, 2, found.Setup.Rounds)
		checkResults(t, found)
	})
}

// Both sidecars are measured with the same number of requests in flight, one of them
// without HTTP.
func TestRun_Run_Good_Scraped(t *testing.T) {
	t.Parallel()
	settings := shortSettings(t, "set-without-http", "set-scraped")
	settings.Rounds, settings.Duration = 1, 500*time.Millisecond
	found, _ := runReport(t, settings)
	checkResults(t, found)
	require.Len(t, found.Cases, 2)
	for index, scrapes := range []uint64{0, 1} {
		result := found.Cases[index]
		assert.Equal(t, 256, result.InFlight)
		assert.Equal(t, scrapes > 0, result.Median.Scrapes >= scrapes && result.Median.Scrapes > 0, result.Name)
	}
	require.NotEmpty(t, found.Ratios)
	assert.Equal(t, "set, metrics scraped every 100 ms ÷ set without HTTP", found.Ratios[0].Name)
}
