// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

// shortSettings is a run of 50 ms rounds with few keys.
func shortSettings(t *testing.T, cases ...string) Settings {
	t.Helper()
	settings := validSettings()
	settings.Rounds, settings.Duration, settings.Keys, settings.InFlight = 1, 50*time.Millisecond, 300, []int{8}
	settings.ValueBytes, settings.LongKeys = bigValueBytes, 2500
	settings.Cases, settings.Directory, settings.Program, settings.Format = cases, t.TempDir(), storebusBinary(t), FormatJSON
	return settings
}

// runReport runs and decodes what was printed.
func runReport(t *testing.T, settings Settings) (*Report, string) {
	t.Helper()
	var output, errorOutput bytes.Buffer
	require.NoError(t, Run(t.Context(), settings, &output, &errorOutput))
	left, err := os.ReadDir(settings.Directory)
	require.NoError(t, err)
	assert.Empty(t, left, "its files are removed")
	report := readReport(t, output.Bytes())
	return report, errorOutput.String()
}

func checkResults(t *testing.T, report *Report) {
	t.Helper()
	for _, result := range report.Cases {
		require.Len(t, result.Rounds, report.Setup.Rounds, result.Name)
		assert.Zero(t, result.Median.Errors, "%s: %s", result.Name, result.Median.Error)
		for _, round := range result.Rounds {
			assert.Positive(t, round.Requests, result.Name)
			assert.Positive(t, round.P50, result.Name)
			assert.GreaterOrEqual(t, round.Seconds, round.DrainSeconds)
			assert.InEpsilon(t, float64(round.Requests)/round.Seconds, round.Rate, 1e-6)
		}
	}
}

// namesOf gives the names of the cases in their order.
func namesOf(report *Report) []string {
	var names []string
	for _, result := range report.Cases {
		names = append(names, result.Name)
	}
	return names
}

func TestRun_Run_Good(t *testing.T) {
	t.Run("MeasuresEveryKindOfCase", func(t *testing.T) {
		settings := shortSettings(t)
		settings.Connections, settings.Rounds = 2, 2
		report, progress := runReport(t, settings)
		checkResults(t, report)
		var expected []string
		for _, trial := range settings.plan() {
			expected = append(expected, trial.name)
		}
		assert.Equal(t, expected, namesOf(report))
		assert.Equal(t, "full", report.Setup.Durability)
		assert.Contains(t, settings.announcement(), "31 cases, 2 rounds of 50ms each")
		assert.NotContains(t, progress, "round", "nobody looks at a terminal")
		for _, result := range report.Cases {
			if strings.Contains(result.Name, "latency") {
				assert.NotNil(t, result.Median.Lag)
				assert.Equal(t, result.Rounds[0].Requests, result.Rounds[0].Events)
			}
			if strings.Contains(result.Name, "beside") || strings.Contains(result.Name, "long") {
				assert.Positive(t, result.Median.WriteRate)
				assert.Positive(t, result.Median.WriteP99)
			}
			if strings.Contains(result.Name, "expiry-latency") {
				assert.Equal(t, uint64(expiringKeys), result.Rounds[0].Requests)
				assert.Positive(t, result.Median.Lag.P50, "no key goes before its time")
			}
			if result.Name == "set-100-subscribers" {
				assert.Equal(t, 100*result.Rounds[0].Requests, result.Rounds[0].Events)
			}
		}
	})
	t.Run("PrintsTables", func(t *testing.T) {
		settings := shortSettings(t, "set", "kv-put")
		settings.Format, settings.ValueBytes, settings.Durability = FormatTable, 128, "relaxed"
		var output bytes.Buffer
		require.NoError(t, Run(t.Context(), settings, &output, &bytes.Buffer{}))
		assert.Contains(t, output.String(), "(durability relaxed)")
		assert.Contains(t, output.String(), "\n8 in flight, values of 128 B\n")
		assert.Contains(t, output.String(), "\n8 in flight, values of 16 KiB\n")
		assert.Contains(t, output.String(), "\nset ÷ KV put ")
	})
	t.Run("MeasuresABrokerThatIsThere", func(t *testing.T) {
		natsServer := startServer(t, true)
		settings := shortSettings(t, "set", "kv-put", "kv-get", "echo-get")
		settings.NATSURL = natsServer.ClientURL()
		report, _ := runReport(t, settings)
		checkResults(t, report)
		assert.True(t, report.Setup.OutsideBroker)
		assert.NotContains(t, report.Cases[0].Median.CPU, roleBroker)
		stream, err := jetstream.New(connectTo(t, natsServer))
		require.NoError(t, err)
		for name := range stream.KeyValueStoreNames(t.Context()).Name() {
			assert.Fail(t, "it leaves a bucket", name)
		}
	})
	t.Run("LeavesOutWhatABrokerHasNot", func(t *testing.T) {
		settings := shortSettings(t, "set", "kv-put", "kv-get")
		settings.NATSURL = startServer(t, false).ClientURL()
		report, progress := runReport(t, settings)
		assert.Equal(t, []string{"set"}, namesOf(report))
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
		settings.NATSURL = startServer(t, false).ClientURL()
		assert.ErrorIs(t, Run(t.Context(), settings, &bytes.Buffer{}, &bytes.Buffer{}), errNoJetStream)
	})
	t.Run("NoProgram", func(t *testing.T) {
		settings := shortSettings(t, "set")
		settings.Program = "/nowhere/at/all"
		assert.ErrorIs(t, Run(t.Context(), settings, &bytes.Buffer{}, &bytes.Buffer{}), os.ErrNotExist)
	})
}

// interrupter ends a run when it writes a certain line.
type interrupter struct {
	line   string
	cancel context.CancelCauseFunc
}

func (interrupter *interrupter) Write(text []byte) (int, error) {
	if strings.Contains(string(text), interrupter.line) {
		interrupter.cancel(errInterrupted)
	}
	return len(text), nil
}

// shownProgress is that of a terminal.
func shownProgress(output io.Writer) *progress { return &progress{output: output, terminal: true} }

func TestRun_Run_Ugly(t *testing.T) {
	for _, line := range []string{"cases", "warm-up", "round 1"} {
		t.Run("InterruptedAt"+line, func(t *testing.T) {
			settings := shortSettings(t, "set", "kv-put")
			settings.Duration = time.Second
			ctx, cancel := context.WithCancelCause(t.Context())
			var output bytes.Buffer
			err := measure(ctx, &settings, &output, shownProgress(&interrupter{line, cancel}))
			require.ErrorIs(t, err, errInterrupted)
			assert.Empty(t, output.String())
			left, err := os.ReadDir(settings.Directory)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
	t.Run("InterruptedAfterARound", func(t *testing.T) {
		settings := shortSettings(t, "get")
		settings.Rounds = 3
		ctx, cancel := context.WithCancelCause(t.Context())
		var output bytes.Buffer
		err := measure(ctx, &settings, &output, shownProgress(&interrupter{"round 3", cancel}))
		require.ErrorIs(t, err, errInterrupted)
		report := readReport(t, output.Bytes())
		assert.Equal(t, 2, report.Setup.Rounds)
		checkResults(t, report)
	})
}

func TestCommand_ReadSettings_Good(t *testing.T) {
	read := func(arguments ...string) (settings Settings) {
		command := benchCommand(Output{Flags: func() []cli.Flag { return nil }})
		command.Action = func(_ context.Context, command *cli.Command) error {
			settings = readSettings(command)
			return nil
		}
		require.NoError(t, command.Run(t.Context(), append([]string{"bench"}, arguments...)))
		return settings
	}
	expected := validSettings()
	expected.Cases, expected.Scale = []string{}, []int{}
	assert.Equal(t, expected, read())
	quick := expected
	quick.Rounds, quick.Duration, quick.Keys, quick.LongKeys = quickRounds, quickDuration, 77, quickLongKeys
	assert.Equal(t, quick, read("--quick", "--keys", "77"), "what is given stands")
	assert.Equal(t, Settings{
		Rounds: 1, Duration: time.Millisecond, Cases: []string{"set", "get"}, InFlight: []int{1, 2}, Keys: 3, ValueBytes: 4, Connections: 5, LongKeys: 6,
		Directory: "d", Durability: "relaxed", NATSURL: "nats://a", Large: true, Scale: []int{100, 200},
	}, read("--rounds", "1", "--duration", "1ms", "--cases", "set,get", "--in-flight", "1,2", "--keys", "3", "--value-bytes", "4", "--connections", "5", "--long-keys", "6",
		"--directory", "d", "--durability", "relaxed", "--nats", "nats://a", "--large", "--scale", "100,200"))
}

func TestCommand_Bench_Good(t *testing.T) {
	output, err := exec.Command(storebusBinary(t), "bench", "--quick", "--duration", "20ms", "--cases", "get,echo-get", "--in-flight", "4",
		"--keys", "100", "--directory", t.TempDir(), "--json").Output()
	require.NoError(t, err)
	report := readReport(t, output)
	checkResults(t, report)
	assert.Equal(t, "get ÷ echo with the same client work", report.Ratios[0].Name)
}

func TestCommand_Bench_Bad(t *testing.T) {
	for says, arguments := range map[string][]string{
		"--rounds is 0":   {"--rounds", "0"},
		"it takes no wor": {"word"},
		"--scale is 1:":   {"--scale", "1"},
		"--keys is about": {"--scale", "1000", "--keys", "1000"},
	} {
		output, err := exec.Command(storebusBinary(t), append([]string{"bench"}, arguments...)...).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 2, exit.ExitCode())
		assert.Contains(t, string(output), "storebus: usage: bench: "+says)
	}
}
