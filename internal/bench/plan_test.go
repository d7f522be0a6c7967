// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/stage"
)

// validSettings returns settings that pass check.
func validSettings() Settings {
	return Settings{
		Config: stage.Config{Keys: DefaultKeys, ValueBytes: DefaultValueBytes, Connections: DefaultConnections, LongKeys: DefaultLongKeys},
		Rounds: DefaultRounds, Duration: DefaultDuration, InFlight: DefaultInFlight(),
	}
}

func planned(settings Settings) []string {
	var lines []string
	for _, trial := range settings.plan() {
		lines = append(lines, trial.String())
	}
	return lines
}

func TestPlan_Plan_Good(t *testing.T) {
	t.Run("MeasuresEachKindAtItsLevels", func(t *testing.T) {
		all := planned(validSettings())
		for _, inFlight := range []int{1, 16, 64, 256} {
			for _, name := range []string{"echo-set", "set", "embedded-set", "set-with-id", "kv-put", "kv-put-always", "echo-get", "get", "kv-get", "raw-echo", "raw-get", "list"} {
				assert.Contains(t, all, fmt.Sprintf("%s, %d in flight, 128 B", name, inFlight))
			}
		}
		for _, line := range []string{
			"set, 64 in flight, 16 KiB", "kv-get, 64 in flight, 16 KiB", "set-100-subscribers, 64 in flight, 128 B",
			"change-latency, 64 in flight, 128 B", "get-beside-writers, 4 in flight, 128 B", "expiry-latency, 64 in flight, 128 B",
			"long-deletion, 4 in flight, 128 B", "long-expiry, 4 in flight, 128 B",
			"expiry-beside-lone-writer, 64 in flight, 128 B", "expiry-beside-mass-expiry, 64 in flight, 128 B",
			"set-beside-neighbour, 1 in flight, 128 B", "set-beside-waiters, 1 in flight, 128 B", "set-beside-woken-waiters, 1 in flight, 128 B",
		} {
			assert.Contains(t, all, line)
		}
		assert.NotContains(t, all, "set, 4 in flight, 128 B")
		assert.NotContains(t, all, "set-1m-keys, 64 in flight, 128 B")
		slices.Sort(all)
		assert.Len(t, slices.Compact(all), len(planned(validSettings())), "each once")
	})
	t.Run("TakesTheCasesThatAreNamed", func(t *testing.T) {
		settings := validSettings()
		settings.Cases, settings.InFlight, settings.ValueBytes = []string{"set", "kv-put", "set-1m-keys"}, []int{16}, bigValueBytes
		assert.Equal(t, []string{"kv-put, 16 in flight, 16 KiB", "set, 16 in flight, 16 KiB", "set-1m-keys, 16 in flight, 16 KiB"}, planned(settings))
		settings.ValueBytes = 1
		assert.Equal(t, []string{
			"kv-put, 16 in flight, 1 B", "set, 16 in flight, 1 B", "set-1m-keys, 16 in flight, 1 B", "kv-put, 16 in flight, 16 KiB", "set, 16 in flight, 16 KiB",
		}, planned(settings), "big values at the largest level there is")
	})
	t.Run("DeliversPointsWhereThereIsAnEndpoint", func(t *testing.T) {
		settings := validSettings()
		assert.NotContains(t, planned(settings), "journal, 64 in flight, 128 B")
		settings.Journal.URL = "http://127.0.0.1:8086"
		assert.Contains(t, planned(settings), "journal, 64 in flight, 128 B")
	})
	t.Run("MeasuresWhatABrokerOffers", func(t *testing.T) {
		settings := validSettings()
		settings.NATSURL, settings.Large = "nats://127.0.0.1:4222", true
		all := planned(settings)
		assert.Contains(t, all, "set-1m-keys, 64 in flight, 128 B")
		assert.NotContains(t, all, "embedded-set, 64 in flight, 128 B")
		assert.NotContains(t, all, "kv-put-always, 64 in flight, 128 B")
	})
}

func TestSettings_Check_Good(t *testing.T) {
	settings := validSettings()
	assert.NoError(t, settings.check())
	settings.Cases, settings.Durability = []string{"set", "kv-put-always"}, "relaxed"
	assert.NoError(t, settings.check())
	settings.Scale = []int{leastScale, load.MaxKeys}
	assert.NoError(t, settings.check())
}

// A run that cannot count what it was asked for ends before it has measured for half an hour.
func TestSettings_Check_Bad_NoTracer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	settings := validSettings()
	settings.Syscalls = true
	err := settings.check()
	assert.ErrorIs(t, err, ErrUsage)
	assert.ErrorContains(t, err, "--syscalls: system calls are counted by the program strace, which is missing here")
}

func TestSettings_Check_Bad(t *testing.T) {
	for says, change := range map[string]func(*Settings){
		"--rounds is 0":         func(settings *Settings) { settings.Rounds = 0 },
		"--keys is 10000001":    func(settings *Settings) { settings.Keys = load.MaxKeys + 1 },
		"--value-bytes is -1":   func(settings *Settings) { settings.ValueBytes = -1 },
		"--connections is 0":    func(settings *Settings) { settings.Connections = 0 },
		"--long-keys is 0":      func(settings *Settings) { settings.LongKeys = 0 },
		"--in-flight is 0":      func(settings *Settings) { settings.InFlight = []int{1, 0} },
		"--in-flight names":     func(settings *Settings) { settings.InFlight = nil },
		"--scale is 99:":        func(settings *Settings) { settings.Scale = []int{1000, 99} },
		"--scale is 10000001":   func(settings *Settings) { settings.Scale = []int{load.MaxKeys + 1} },
		"--duration is 0s":      func(settings *Settings) { settings.Duration = 0 },
		`--durability is "no"`:  func(settings *Settings) { settings.Durability = "no" },
		`there is no case "no"`: func(settings *Settings) { settings.Cases = []string{"set", "no"} },
		"needs an endpoint":     func(settings *Settings) { settings.Cases = []string{"set", "journal"} },
		"none of them": func(settings *Settings) {
			settings.Cases, settings.NATSURL = []string{"embedded-set"}, "nats://127.0.0.1"
		},
	} {
		t.Run(says, func(t *testing.T) {
			settings := validSettings()
			change(&settings)
			err := settings.check()
			assert.ErrorIs(t, err, ErrUsage)
			assert.ErrorContains(t, err, says)
		})
	}
}

func TestRun_Estimate_Good(t *testing.T) {
	settings := validSettings()
	trials := make([]stage.Trial, 64)
	assert.Equal(t, 11*time.Minute, settings.estimate(trials).Round(time.Minute))
	long := slices.IndexFunc(stage.Kinds(), func(kind stage.Kind) bool { return kind.Name == "long-deletion" })
	trials[0] = stage.Trial{Kind: stage.Kinds()[long]}
	assert.Equal(t, 10*DefaultLongKeys*longTime, settings.estimate(trials)-settings.estimate(make([]stage.Trial, 64)), "the group is written ten times")
}
