// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/internal/bench"
	"dappco.re/go/storebus/internal/bench/stage"
)

func TestBench_ReadBenchFlags_Good(t *testing.T) {
	read := func(arguments ...string) (settings bench.Settings) {
		command := benchCommand()
		command.Action = func(_ context.Context, command *cli.Command) error {
			settings = readBenchFlags(command)
			return nil
		}
		require.NoError(t, command.Run(t.Context(), append([]string{"bench"}, arguments...)))
		return settings
	}
	expected := bench.Settings{
		Config: stage.Config{
			Keys: bench.DefaultKeys, ValueBytes: bench.DefaultValueBytes, Connections: bench.DefaultConnections, LongKeys: bench.DefaultLongKeys,
		},
		Rounds: bench.DefaultRounds, Duration: bench.DefaultDuration, InFlight: bench.DefaultInFlight(), Cases: []string{}, Scale: []int{},
	}
	assert.Equal(t, expected, read())
	quick := expected
	quick.Rounds, quick.Duration, quick.Keys, quick.LongKeys = quickRounds, quickDuration, 77, quickLongKeys
	assert.Equal(t, quick, read("--quick", "--keys", "77"), "what is given stands")
	assert.Equal(t, bench.Settings{
		Config: stage.Config{Keys: 3, ValueBytes: 4, Connections: 5, LongKeys: 6, Directory: "d", Durability: "relaxed", NATSURL: "nats://a", Profile: "p"},
		Rounds: 1, Duration: time.Millisecond, Cases: []string{"set", "get"}, InFlight: []int{1, 2}, Large: true, Charts: "c", Syscalls: true, Scale: []int{100, 200},
	}, read("--rounds", "1", "--duration", "1ms", "--cases", "set,get", "--in-flight", "1,2", "--keys", "3", "--value-bytes", "4", "--connections", "5", "--long-keys", "6",
		"--directory", "d", "--durability", "relaxed", "--nats", "nats://a", "--large", "--charts", "c", "--profile", "p", "--syscalls", "--scale", "100,200"))
}

func TestBench_Bench_Good(t *testing.T) {
	isolate(t)
	output := (&shell{}).mustRun(t, "bench", "--quick", "--duration", "20ms", "--cases", "get,echo-get", "--in-flight", "4",
		"--keys", "100", "--directory", t.TempDir(), "--json")
	var types []string
	for line := range strings.Lines(output) {
		var object struct{ Type, Name string }
		require.NoError(t, json.Unmarshal([]byte(line), &object))
		types = append(types, strings.TrimSpace(object.Type+" "+object.Name))
	}
	assert.Equal(t, []string{"run", "case echo-get", "case get", "case echo-get", "case get", "ratio get ÷ echo with the same client work"}, types[:6])
}

func TestBench_Bench_Bad(t *testing.T) {
	isolate(t)
	for says, arguments := range map[string][]string{
		"--rounds is 0":   {"--rounds", "0"},
		"it takes no wor": {"word"},
		"--scale is 1:":   {"--scale", "1"},
		"--keys is about": {"--scale", "1000", "--keys", "1000"},
		"--rounds is abo": {"--from", "bench.jsonl", "--rounds", "3"},
	} {
		_, err := (&shell{}).run(t, append([]string{"bench"}, arguments...)...)
		require.ErrorIs(t, err, errUsage)
		assert.ErrorContains(t, err, "usage: bench: "+says)
	}
}

func TestBenchHelpers_RunHelper_Bad(t *testing.T) {
	isolate(t)
	for _, name := range stage.Helpers() {
		_, err := (&shell{}).run(t, name)
		assert.ErrorContains(t, err, name+" takes ")
		assert.ErrorContains(t, err, "storebus bench starts it")
	}
}
