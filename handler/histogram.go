// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram has 16 buckets for each power of two, so that a percentile is at
// most 1/16 above the true one.
const (
	histogramStepBits = 4
	histogramSteps    = 1 << histogramStepBits
	histogramBuckets  = (64 - histogramStepBits + 1) * histogramSteps
)

// histogram counts durations in buckets that grow with them. Any number of
// goroutines may record and read at once; its zero value is ready.
type histogram struct {
	buckets [histogramBuckets]atomic.Uint64
	sum     atomic.Int64
}

// record counts one duration; a negative one counts as 0.
func (histogram *histogram) record(duration time.Duration) {
	duration = max(duration, 0)
	histogram.buckets[bucketOf(uint64(duration))].Add(1)
	histogram.sum.Add(int64(duration))
}

// total gives the sum of the durations and their mean, 0 where nothing was recorded.
func (histogram *histogram) total() (sum, mean time.Duration) {
	var count int64
	for index := range histogram.buckets {
		count += int64(histogram.buckets[index].Load())
	}
	sum = time.Duration(histogram.sum.Load())
	return sum, sum / time.Duration(max(count, 1))
}

// percentiles gives, for each fraction in rising order, the upper bound of the
// bucket that the fraction falls into, and 0 for all where nothing was recorded.
//
//	latency.percentiles(0.5, 0.99)
func (histogram *histogram) percentiles(fractions ...float64) []time.Duration {
	var counts [histogramBuckets]uint64
	var total uint64
	for index := range counts {
		counts[index] = histogram.buckets[index].Load()
		total += counts[index]
	}
	results := make([]time.Duration, len(fractions))
	if total == 0 {
		return results
	}
	bucket, seen := 0, counts[0]
	for index, fraction := range fractions {
		rank := min(uint64(fraction*float64(total))+1, total)
		for seen < rank {
			bucket++
			seen += counts[bucket]
		}
		results[index] = time.Duration(bucketLimit(bucket))
	}
	return results
}

// bucketOf gives the bucket of a value: values below 16 have one each, and above
// that the four bits behind the leading one choose the step within the octave.
func bucketOf(value uint64) int {
	if value < histogramSteps {
		return int(value)
	}
	shift := bits.Len64(value) - histogramStepBits - 1
	return (shift+1)*histogramSteps + int(value>>shift) - histogramSteps
}

// bucketLimit gives the largest value of a bucket.
func bucketLimit(bucket int) uint64 {
	if bucket < histogramSteps {
		return uint64(bucket)
	}
	shift := bucket/histogramSteps - 1
	step := uint64(bucket%histogramSteps + histogramSteps)
	return (step+1)<<shift - 1
}
