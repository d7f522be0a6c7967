// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/kv"
)

// Of the ends in a batch, one takes along the marks that can go, and no more than a share.
func TestRuns_EndRun_Good(t *testing.T) {
	runs := &workspaceRuns{ended: map[string]bool{}, fileless: &guarded[[]string]{}}
	for index := range marksPerCommit + 10 {
		runID := fmt.Sprint("without file ", index)
		runs.ended[runID] = true
		runs.fileless.value = append(runs.fileless.value, runID)
	}
	tables := &tables{placeOfRuns: runs}
	batch := newBatch(nil, tables, time.Now())
	batch.endRun("a")
	nested := batch.nested()
	require.ErrorIs(t, nested.checkRun("a"), kv.ErrNotFound, "it has ended in the batch below")
	nested.endRun("b")
	batch.merge(nested)
	assert.Equal(t, []string{"a", "b"}, runsIn.of(batch).marked)
	assert.Len(t, runsIn.of(batch).unmarked, marksPerCommit)
	runs.saved(batch)
	assert.Len(t, runs.ended, 10+2)
	assert.Len(t, runs.removable(), 10)
	require.ErrorIs(t, newBatch(nil, tables, time.Now()).checkRun("a"), kv.ErrNotFound)
	require.NoError(t, newBatch(nil, tables, time.Now()).checkRun("c"))
}
