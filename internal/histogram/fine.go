// SPDX-License-Identifier: EUPL-1.2

package histogram

// A Fine has 64 buckets for each power of two, so that a quantile is within 1 % of the true one.
const (
	fineStepBits = 6
	fineScale    = resolution(fineStepBits)
	fineBuckets  = (64 - fineStepBits + 1) << fineStepBits
)

// Fine counts numbers, such as durations in nanoseconds. It is for one goroutine. The zero value
// is ready.
type Fine struct {
	counts [fineBuckets]uint64
	total  uint64
}

// Record counts one number. A negative one counts as 0.
func (fine *Fine) Record(number int64) {
	fine.counts[fineScale.bucketOf(uint64(max(number, 0)))]++
	fine.total++
}

// Add adds the counts of another histogram.
func (fine *Fine) Add(other *Fine) {
	for index, count := range other.counts {
		fine.counts[index] += count
	}
	fine.total += other.total
}

// Count returns how many numbers were counted.
func (fine *Fine) Count() uint64 { return fine.total }

// Quantile returns the middle of the bucket with a fraction of the numbers. It returns 0 if
// there are no numbers.
//
//	latencies.Quantile(0.99)
func (fine *Fine) Quantile(fraction float64) uint64 {
	rank := min(uint64(fraction*float64(fine.total))+1, fine.total)
	seen := uint64(0)
	for bucket, count := range fine.counts {
		if seen += count; seen >= rank && count > 0 {
			lowest, width := fineScale.lowest(bucket)
			return lowest + width/2
		}
	}
	return 0
}
