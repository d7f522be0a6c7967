// SPDX-License-Identifier: EUPL-1.2

// Package histogram counts numbers in buckets: the larger the numbers, the wider the bucket.
// Histogram is for a service that runs: small, and safe for several goroutines. Fine is for a
// measurement: four times as exact, and for one goroutine.
package histogram

import "sync/atomic"

// A Histogram has 16 buckets for each power of two, so that a percentile is at
// most 1/16 above the true one.
const (
	stepBits = 4
	scale    = resolution(stepBits)
	buckets  = (64 - stepBits + 1) << stepBits
)

// Histogram counts numbers: durations in nanoseconds, or sizes. Any number of goroutines may
// record and read at once, and none waits for another. The zero value is ready.
type Histogram struct {
	buckets [buckets]atomic.Uint64
	sum     atomic.Uint64
}

// Record counts one number. A negative one counts as 0.
//
//	latency.Record(int64(time.Since(received)))
func (histogram *Histogram) Record(number int64) {
	value := uint64(max(number, 0))
	histogram.buckets[scale.bucketOf(value)].Add(1)
	histogram.sum.Add(value)
}

// Snapshot returns the counts of this moment.
func (histogram *Histogram) Snapshot() *Snapshot {
	snapshot := &Snapshot{Sum: histogram.sum.Load()}
	for index := range snapshot.counts {
		snapshot.counts[index] = histogram.buckets[index].Load()
		snapshot.Count += snapshot.counts[index]
	}
	return snapshot
}

// Snapshot has the counts of a histogram at one time: how many numbers, and their sum.
type Snapshot struct {
	Count, Sum uint64
	counts     [buckets]uint64
}

// Mean returns the mean of the numbers, 0 if there are none.
func (snapshot *Snapshot) Mean() uint64 { return snapshot.Sum / max(snapshot.Count, 1) }

// Percentiles returns, for each fraction, the upper bound of the bucket with that fraction
// of the numbers. The fractions must rise. If there are no numbers, all are 0.
//
//	snapshot.Percentiles(0.5, 0.99)
func (snapshot *Snapshot) Percentiles(fractions ...float64) []uint64 {
	results := make([]uint64, len(fractions))
	if snapshot.Count == 0 {
		return results
	}
	bucket, seen := 0, snapshot.counts[0]
	for index, fraction := range fractions {
		rank := min(uint64(fraction*float64(snapshot.Count))+1, snapshot.Count)
		for seen < rank {
			bucket++
			seen += snapshot.counts[bucket]
		}
		results[index] = scale.highest(bucket)
	}
	return results
}

// AtMost returns, for each limit, how many numbers are at most as large as the limit. The
// limits must rise. A number up to 1/16 below a limit may count as larger, because it shares a
// bucket with the limit.
//
//	snapshot.AtMost(1_000_000, 10_000_000)
func (snapshot *Snapshot) AtMost(limits ...uint64) []uint64 {
	results := make([]uint64, len(limits))
	bucket, seen := 0, uint64(0)
	for index, limit := range limits {
		for bucket < buckets && scale.highest(bucket) <= limit {
			seen += snapshot.counts[bucket]
			bucket++
		}
		results[index] = seen
	}
	return results
}
