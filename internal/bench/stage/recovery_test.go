// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

// openTestStage returns a stage that has only its broker, for values of the given size.
func openTestStage(t *testing.T, valueBytes int) *Stage {
	t.Helper()
	_, fail := context.WithCancelCause(t.Context())
	stage, err := Open(t.Context(), fail, Config{Keys: 300, ValueBytes: valueBytes, Connections: 1, LongKeys: 1, Directory: t.TempDir(), Program: benchtest.Binary(t)})
	t.Cleanup(func() {
		assert.NoError(t, stage.Close())
		fail(nil)
	})
	require.NoError(t, err)
	return stage
}

// smallSize is 300 keys in 100 groups.
var smallSize = Size{300, load.Spread{Namespaces: 1, Groups: 100}}

func TestRecovery_MeasureRecovery_Bad_KeysThatAreNotAsMany(t *testing.T) {
	t.Parallel()
	stage, filled := openTestStage(t, 128), smallSize
	_, err := stage.Fill(t.Context(), filled, report.NewProgress(&bytes.Buffer{}))
	require.NoError(t, err)
	_, err = stage.sidecars[targetScale].lastPage(t.Context(), "n0000", "g0000", filled.Keys)
	require.ErrorContains(t, err, "group g0000 of n0000 ends 297 keys too early")
	filled.Keys = 200
	_, err = stage.Recover(t.Context(), filled, 20*time.Millisecond)
	assert.EqualError(t, err, "after the SIGKILL there were 300 keys, not 200")
}

func TestFill_Fill_Bad_ValuesThatAreRefused(t *testing.T) {
	stage := openTestStage(t, 2<<20)
	_, err := stage.Fill(t.Context(), smallSize, report.NewProgress(&bytes.Buffer{}))
	assert.ErrorContains(t, err, "writes failed, the first with: nats: maximum payload exceeded")
}
