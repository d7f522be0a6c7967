// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

func TestFill_FillingInFlight_Good(t *testing.T) {
	assert.Equal(t, mostFilling, fillingInFlight(1))
	assert.Equal(t, mostFilling, fillingInFlight(128))
	assert.Equal(t, 1024, fillingInFlight(16<<10), "no more than the sidecar takes at once")
	assert.Equal(t, 1, fillingInFlight(fillingBytes+1))
}

func TestFill_TellWritten_Good(t *testing.T) {
	run := func(terminal bool) string {
		var output strings.Builder
		progress := report.NewProgress(&output)
		progress.Terminal = terminal
		tell := tellWritten(progress, Size{20_000, load.Spread{Namespaces: 1, Groups: 100}})
		for _, written := range []int{100, 9000, 20_000} {
			tell(written)
		}
		return output.String()
	}
	t.Run("NothingElsewhere", func(t *testing.T) {
		assert.Empty(t, run(false))
	})
	t.Run("OneLineAgainAndAgainOnATerminal", func(t *testing.T) {
		assert.True(t, strings.HasSuffix(run(true), "\r\x1b[K20,000 keys in 100 groups: 9,000 written\r\x1b[K20,000 keys in 100 groups: 20,000 written"))
		assert.NotContains(t, run(true), "\n")
	})
}

func TestSidecars_StartSidecar_Good_LeavesNothingWhereTheRunWasStarted(t *testing.T) {
	stage := openTestStage(t, 128)
	t.Chdir(t.TempDir())
	_, err := stage.Fill(t.Context(), smallSize, report.NewProgress(&strings.Builder{}))
	require.NoError(t, err)
	require.NoError(t, stage.RemoveSize())
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, left)
}
