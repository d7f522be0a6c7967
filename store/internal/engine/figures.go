// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/internal/histogram"
)

// Figures has the measurements of the committer: the times of batches and of COMMIT alone, the
// numbers of writes in a batch, and the number of keys that have expired.
type Figures struct {
	Commits, Syncs, BatchSizes histogram.Histogram
	Expired                    atomic.Int64
}

// batch counts a batch, if it was committed.
func (figures *Figures) batch(began time.Time, writes int, committed bool) {
	if committed {
		figures.Commits.Record(int64(time.Since(began)))
		figures.BatchSizes.Record(int64(writes))
	}
}
