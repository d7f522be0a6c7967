// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"os"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/internal/histogram"
)

// Figures are what a store has measured since it was opened.
type Figures struct {
	// Commits are the times that batches take to be encoded, written and committed, once
	// their writes are applied.
	Commits Distribution
	// Syncs are the times of COMMIT alone, in which SQLite writes its log and waits until
	// that is on disk. Without DurabilityFull there are next to none.
	Syncs Distribution
	// BatchSizes are how many writes were committed together.
	BatchSizes Distribution
	// Expired counts the keys that have expired.
	Expired int64
	// DatabaseBytes and WriteAheadLogBytes are the sizes of the files; 0 of MemoryDatabase.
	DatabaseBytes      int64
	WriteAheadLogBytes int64
}

// Distribution is how often numbers of each size were measured: nanoseconds, or writes.
type Distribution struct {
	// Count is how many there are, Sum their sum.
	Count, Sum uint64
	snapshot   *histogram.Snapshot
}

// AtMost gives, for each limit in rising order, how many numbers are at most so large. A
// number up to a sixteenth below a limit may count as larger.
//
//	counts := figures.Commits.AtMost(uint64(time.Millisecond), uint64(10*time.Millisecond))
func (distribution Distribution) AtMost(limits ...uint64) []uint64 {
	if distribution.snapshot == nil {
		return make([]uint64, len(limits))
	}
	return distribution.snapshot.AtMost(limits...)
}

// Figures gives what was measured. It asks nothing of the database and may be called at
// any time, also by a callback.
//
//	figures := store.Figures()
func (store *Store) Figures() Figures {
	if !store.opened() {
		return Figures{}
	}
	measured := store.committer.figures
	figures := Figures{
		Commits: newDistribution(&measured.commits), Syncs: newDistribution(&measured.syncs), BatchSizes: newDistribution(&measured.sizes),
		Expired: measured.expired.Load(),
	}
	if path := store.config.DatabasePath; path != MemoryDatabase {
		figures.DatabaseBytes, figures.WriteAheadLogBytes = fileSize(path), fileSize(path+"-wal")
	}
	return figures
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

// figures are what the committer measures.
type figures struct {
	commits, syncs, sizes histogram.Histogram
	expired               atomic.Int64
}

// batch counts a batch, if it was committed.
func (figures *figures) batch(began time.Time, writes int, committed bool) {
	if committed {
		figures.commits.Record(int64(time.Since(began)))
		figures.sizes.Record(int64(writes))
	}
}

// committed counts a COMMIT that has waited for the disk.
func (figures *figures) committed(began time.Time, syncs bool) {
	if syncs {
		figures.syncs.Record(int64(time.Since(began)))
	}
}
