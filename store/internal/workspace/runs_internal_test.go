// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
)

// Of the ends in a batch, one takes along the marks that can go, and no more than a share.
func TestRuns_EndRun_Good(t *testing.T) {
	runs := &Runs{ended: map[string]bool{}, fileless: &fileless{}}
	for index := range marksPerCommit + 10 {
		runID := fmt.Sprint("without file ", index)
		runs.ended[runID] = true
		runs.fileless.add(runID)
	}
	tables := &batch.Tables{batch.PlaceOfRuns: runs}
	first := batch.New(nil, tables, time.Now())
	endRun(first, "a")
	nested := first.Nested()
	require.ErrorIs(t, checkRun(nested, "a"), failure.ErrNotFound, "it has ended in the batch below")
	endRun(nested, "b")
	first.Merge(nested)
	assert.Equal(t, []string{"a", "b"}, runsIn.Of(first).marked)
	assert.Len(t, runsIn.Of(first).unmarked, marksPerCommit)
	runs.Saved(first)
	assert.Len(t, runs.ended, 10+2)
	assert.Len(t, runs.removable(), 10)
	require.ErrorIs(t, checkRun(batch.New(nil, tables, time.Now()), "a"), failure.ErrNotFound)
	require.NoError(t, checkRun(batch.New(nil, tables, time.Now()), "c"))
}
