// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/internal/bench/stage"
)

// pictures returns the files of a folder.
func pictures(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	found := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(folder, file.Name()))
		require.NoError(t, err)
		found[file.Name()] = string(content)
	}
	return found
}

func TestCharts_Run_Good(t *testing.T) {
	t.Parallel()
	settings := shortSettings(t, "set", "kv-put", "list")
	settings.InFlight, settings.ValueBytes = []int{1, 8}, 128
	settings.Charts = filepath.Join(t.TempDir(), "new", "charts")
	require.NoError(t, Run(t.Context(), settings, &bytes.Buffer{}, io.Discard))
	found := pictures(t, settings.Charts)
	require.Len(t, found, 2)
	for name, title := range map[string]string{"throughput.svg": "Requests a second", "latency.svg": "Latency, 99th percentile"} {
		picture := found[name]
		assert.Contains(t, picture, "<title>"+title+"</title>")
		assert.Contains(t, picture, "values of 128 B, 300 keys")
		for _, label := range []string{"storebus set", "KV put", "requests in flight", ">1<", ">8<"} {
			assert.Contains(t, picture, label, name)
		}
		for _, label := range []string{"list", "storebus get", "NaN", "Inf"} {
			assert.NotContains(t, picture, label, name)
		}
	}
}

func TestCharts_Run_Good_From(t *testing.T) {
	t.Parallel()
	settings := shortSettings(t, "set", "kv-put")
	var first bytes.Buffer
	require.NoError(t, Run(t.Context(), settings, &first, io.Discard))
	file := filepath.Join(t.TempDir(), "bench.jsonl")
	require.NoError(t, os.WriteFile(file, first.Bytes(), 0o600))
	again := Settings{From: file, Charts: t.TempDir(), Format: report.FormatJSON}
	var second bytes.Buffer
	require.NoError(t, Run(t.Context(), again, &second, io.Discard))
	assert.Equal(t, first.String(), second.String())
	assert.Len(t, pictures(t, again.Charts), 2)
}

func TestCharts_Run_Bad_From(t *testing.T) {
	settings := Settings{From: filepath.Join(t.TempDir(), "bench.jsonl")}
	assert.ErrorIs(t, Run(t.Context(), settings, io.Discard, io.Discard), os.ErrNotExist)
	require.NoError(t, os.WriteFile(settings.From, []byte("no report"), 0o600))
	assert.ErrorContains(t, Run(t.Context(), settings, io.Discard, io.Discard), "bench.jsonl: this is not what storebus bench -o json prints")
}

func TestCharts_Run_Bad(t *testing.T) {
	t.Parallel()
	t.Run("NoFolder", func(t *testing.T) {
		settings := shortSettings(t, "set")
		settings.Charts = filepath.Join(settings.Program, "charts") // below a file
		err := Run(t.Context(), settings, io.Discard, io.Discard)
		assert.ErrorContains(t, err, "the folder for charts cannot be made: ")
	})
	t.Run("NothingToDraw", func(t *testing.T) {
		settings := shortSettings(t, "list")
		settings.Charts = t.TempDir()
		var output bytes.Buffer
		err := Run(t.Context(), settings, &output, io.Discard)
		assert.ErrorContains(t, err, "there is no chart: charts show the cases set, get, kv-put, kv-put-always, kv-get, echo, and none of them was measured")
		assert.Contains(t, output.String(), `"name":"list"`, "the figures are printed all the same")
	})
	t.Run("NoFile", func(t *testing.T) {
		settings := Settings{Charts: t.TempDir()}
		require.NoError(t, os.Mkdir(filepath.Join(settings.Charts, "throughput.svg"), 0o700))
		found := &report.Report{Cases: []report.Result{report.NewResult("set", "outside", 1, 0, []report.Round{{Rate: 1}})}}
		assert.Error(t, settings.writeCharts(found))
	})
}

func TestCharts_ScaleCharts_Good(t *testing.T) {
	size := func(keys, namespaces int, rate float64) report.SizeResult {
		result := report.NewResult("set", "scale", stage.SizeInFlight, 128, []report.Round{{Rate: rate, P99: 1500}})
		return report.SizeResult{Keys: keys, Namespaces: namespaces, Set: result, Get: result}
	}
	settings := Settings{Charts: t.TempDir()}
	require.NoError(t, settings.writeCharts(&report.ScaleReport{Sizes: []report.SizeResult{size(10_000, 1, 50_000), size(1_000_000, 1, 20_000), size(10_000, 1000, 77)}}))
	found := pictures(t, settings.Charts)
	require.Len(t, found, 2)
	assert.Contains(t, found["growth-throughput.svg"], ">1,000,000<")
	assert.Contains(t, found["growth-throughput.svg"], "20,000/s")
	assert.NotContains(t, found["growth-throughput.svg"], "77/s", "many namespaces are another question")
	assert.Contains(t, found["growth-latency.svg"], "1.50 ms")
}

func TestCharts_RoundLatency_Good(t *testing.T) {
	for latency, text := range map[time.Duration]string{500 * time.Microsecond: "500 µs", 20 * time.Millisecond: "20 ms", 5 * time.Second: "5 s"} {
		assert.Equal(t, text, roundLatency(report.Microseconds(latency)))
	}
}
