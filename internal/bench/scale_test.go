// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/internal/bench/stage"
	"dappco.re/go/storebus/internal/testrun"
)

// scaleSettings is a run of 20 ms rounds with small stores.
func scaleSettings(t *testing.T, sizes ...int) Settings {
	t.Helper()
	settings := shortSettings(t)
	settings.Scale, settings.Duration, settings.Rounds, settings.ValueBytes = sizes, 20*time.Millisecond, 2, 128
	return settings
}

// checkSize asserts that each figure of a size is there and plausible.
func checkSize(t *testing.T, size *report.SizeResult) {
	t.Helper()
	assert.Equal(t, uint64(size.Keys), size.Fill.Requests)
	assert.Zero(t, size.Fill.Errors, size.Fill.Error)
	for _, round := range append(append([]report.Round{size.Fill}, size.Set.Rounds...), size.Get.Rounds...) {
		assert.Zero(t, round.Errors, round.Error)
		assert.Positive(t, round.Requests)
		assert.Positive(t, round.P50)
		assert.GreaterOrEqual(t, round.P99, round.P50)
		assert.InEpsilon(t, float64(round.Requests)/round.Seconds, round.Rate, 1e-6)
	}
	assert.Len(t, size.Set.Rounds, 2)
	assert.Len(t, size.Get.Rounds, 2)
	assert.Positive(t, size.SetRatio)
	assert.Positive(t, size.GetRatio)
	assert.Greater(t, size.Files.Database+size.Files.Log, uint64(size.Keys*128), "the values are in it")
	for _, latency := range []float64{size.Pages.Changes, size.Pages.First, size.Pages.Last} {
		assert.Positive(t, latency)
	}
	assert.Equal(t, uint64(size.Keys), size.Recovery.Keys, "all are there after the kill")
	assert.Positive(t, size.Recovery.Ready)
	assert.Greater(t, size.Recovery.FirstGet, size.Recovery.Ready)
	if _, err := os.Stat("/proc/self/status"); err == nil {
		require.NotNil(t, size.Memory)
		assert.Positive(t, size.Memory.Resident)
		assert.GreaterOrEqual(t, size.Memory.Peak, size.Memory.Resident)
	}
}

func TestScale_Run_Good(t *testing.T) {
	testrun.SkipUnderDetector(t)
	t.Parallel()
	settings := scaleSettings(t, 300, 15_000)
	var errorOutput bytes.Buffer
	printed, err := settings.measured(t.Context(), report.NewProgress(&errorOutput))
	require.NoError(t, err)
	found := as[*report.ScaleReport](t, printed)

	require.Len(t, found.Sizes, 3)
	for index, expected := range []struct{ keys, namespaces, groups int }{{300, 1, 100}, {15_000, 1, 100}, {10_000, 1000, 1}} {
		size := &found.Sizes[index]
		t.Run(report.Thousands(float64(expected.keys)), func(t *testing.T) {
			assert.Equal(t, []int{expected.keys, expected.namespaces, expected.groups}, []int{size.Keys, size.Namespaces, size.Groups})
			checkSize(t, size)
		})
	}
	assert.InDelta(t, 1, found.Sizes[0].SetRatio, 0)
	assert.InDelta(t, 1, found.Sizes[0].GetRatio, 0)
	assert.Equal(t, "full", found.Setup.Durability)
	assert.Equal(t, 2, found.Setup.Rounds)
	assert.Equal(t, stage.SizeInFlight, found.Setup.InFlight)
	assert.NotEmpty(t, found.Machine.Broker)
	assert.Contains(t, settings.announcement(), "3 sizes, each filled, then 2 rounds of 20ms")
	assert.NotContains(t, errorOutput.String(), "filling", "nobody looks at a terminal")
	left, err := os.ReadDir(settings.Directory)
	require.NoError(t, err)
	assert.Empty(t, left, "its files are removed")
}

func TestScale_Run_Ugly(t *testing.T) {
	testrun.SkipUnderDetector(t)
	t.Parallel()
	for line, complete := range map[string]int{"300 keys in 100 groups: filling": 0, "300 keys in 100 groups: a SIGKILL": 0, "10,000 keys in": 1} {
		t.Run("InterruptedAt"+line, func(t *testing.T) {
			settings := scaleSettings(t, 300)
			ctx, cancel := context.WithCancelCause(t.Context())
			printed, err := settings.measured(ctx, shownProgress(&interrupter{line, cancel}))
			require.ErrorIs(t, err, ErrInterrupted)
			left, readError := os.ReadDir(settings.Directory)
			require.NoError(t, readError)
			assert.Empty(t, left)
			if complete == 0 {
				assert.Nil(t, printed)
				return
			}
			found := as[*report.ScaleReport](t, printed)
			require.Len(t, found.Sizes, complete)
			checkSize(t, &found.Sizes[0])
		})
	}
}
