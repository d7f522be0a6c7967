// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"os"

	"dappco.re/go/storebus/internal/histogram"
)

// Figures has the measurements of a store since it was opened.
type Figures struct {
	// Commits has the times of encoding, writing and committing a batch, after its writes are
	// applied.
	Commits Distribution
	// Syncs has the times of COMMIT alone, in which SQLite writes its log and waits for the
	// disk. Without DurabilityFull there are almost none.
	Syncs Distribution
	// BatchSizes has the numbers of writes that were committed together.
	BatchSizes Distribution
	// Expired counts the keys that have expired.
	Expired int64
	// DatabaseBytes and WriteAheadLogBytes are the sizes of the files; 0 for MemoryDatabase.
	DatabaseBytes      int64
	WriteAheadLogBytes int64
	// DiskFreeBytes is the free space on the disk of the database; nil for MemoryDatabase, and
	// if the system does not tell.
	DiskFreeBytes *uint64
}

// Distribution tells how often numbers of each size were measured: nanoseconds, or writes.
type Distribution struct {
	// Count is how many numbers there are, and Sum is their sum.
	Count, Sum uint64
	snapshot   *histogram.Snapshot
}

// AtMost returns, for each limit, how many numbers are at most as large as the limit. The
// limits must rise. A number up to a sixteenth below a limit may count as larger.
//
//	counts := figures.Commits.AtMost(uint64(time.Millisecond), uint64(10*time.Millisecond))
func (distribution Distribution) AtMost(limits ...uint64) []uint64 {
	if distribution.snapshot == nil {
		return make([]uint64, len(limits))
	}
	return distribution.snapshot.AtMost(limits...)
}

// Percentiles gives, for each fraction in rising order, a number that this part of all numbers
// does not exceed. It is rounded up by a sixteenth at most, and 0 if nothing was measured.
//
//	percentiles := figures.Syncs.Percentiles(0.5, 0.99)
func (distribution Distribution) Percentiles(fractions ...float64) []uint64 {
	if distribution.snapshot == nil {
		return make([]uint64, len(fractions))
	}
	return distribution.snapshot.Percentiles(fractions...)
}

func newDistribution(measured *histogram.Histogram) Distribution {
	snapshot := measured.Snapshot()
	return Distribution{Count: snapshot.Count, Sum: snapshot.Sum, snapshot: snapshot}
}

// fileSize is 0 for a file that is not there.
func fileSize(path string) int64 {
	information, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return information.Size()
}
