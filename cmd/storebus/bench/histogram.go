// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"math/bits"
	"time"
)

// A histogram has 64 buckets for each power of two: a quantile is within 1 % of the
// true one.
const (
	stepBits = 6
	steps    = 1 << stepBits
	buckets  = (64 - stepBits + 1) * steps
)

// histogram counts durations in buckets that grow with them. Its zero value is ready;
// it is for one goroutine.
type histogram struct {
	counts [buckets]uint64
	total  uint64
}

// record counts one duration; a negative one counts as 0.
func (histogram *histogram) record(duration time.Duration) {
	histogram.counts[bucketOf(uint64(max(duration, 0)))]++
	histogram.total++
}

// add counts everything that another histogram has counted.
func (histogram *histogram) add(other *histogram) {
	for index, count := range other.counts {
		histogram.counts[index] += count
	}
	histogram.total += other.total
}

// quantile gives the middle of the bucket that a fraction of what was counted falls
// into, and 0 where nothing was counted.
//
//	latencies.quantile(0.99)
func (histogram *histogram) quantile(fraction float64) time.Duration {
	rank := min(uint64(fraction*float64(histogram.total))+1, histogram.total)
	seen := uint64(0)
	for bucket, count := range histogram.counts {
		if seen += count; seen >= rank && count > 0 {
			return bucketMiddle(bucket)
		}
	}
	return 0
}

// bucketOf gives the bucket of a value. Values below 128 have one each; above that
// the six bits behind the leading one choose the step within the octave.
func bucketOf(value uint64) int {
	shift := max(bits.Len64(value)-stepBits-1, 0)
	return shift*steps + int(value>>shift)
}

func bucketMiddle(bucket int) time.Duration {
	shift := max(bucket/steps-1, 0)
	lowest := uint64(bucket-shift*steps) << shift
	return time.Duration(lowest + (1<<shift)/2)
}
