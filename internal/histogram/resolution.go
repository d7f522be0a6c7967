// SPDX-License-Identifier: EUPL-1.2

package histogram

import "math/bits"

// resolution is a number of bits. So many bits after the leading one choose a value's
// bucket: 4 bits mean 16 buckets for each power of two.
type resolution int

// bucketOf returns the bucket of a value. Values below 2 << resolution have a bucket each.
func (resolution resolution) bucketOf(value uint64) int {
	shift := max(bits.Len64(value)-int(resolution)-1, 0)
	return shift<<resolution + int(value>>shift)
}

// lowest returns the smallest value of a bucket, and its number of values.
func (resolution resolution) lowest(bucket int) (value, width uint64) {
	shift := max(bucket>>resolution-1, 0)
	return uint64(bucket-shift<<resolution) << shift, 1 << shift
}

// highest returns the largest value of a bucket.
func (resolution resolution) highest(bucket int) uint64 {
	value, width := resolution.lowest(bucket)
	return value + (width - 1)
}
