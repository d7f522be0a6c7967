// SPDX-License-Identifier: EUPL-1.2

package histogram

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func recorded(values ...int64) *Snapshot {
	histogram := new(Histogram)
	for _, value := range values {
		histogram.Record(value)
	}
	return histogram.Snapshot()
}

func TestHistogram_Percentiles_Good(t *testing.T) {
	t.Run("NothingRecordedIsZero", func(t *testing.T) {
		assert.Equal(t, []uint64{0, 0}, recorded().Percentiles(0.5, 0.99))
		assert.Zero(t, recorded().Mean())
	})
	t.Run("IsAtMostASixteenthAbove", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			values := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64), 1, 200).Draw(t, "values")
			snapshot := recorded(values...)
			slices.Sort(values)
			fraction := rapid.Float64Range(0, 1).Draw(t, "fraction")
			exact := float64(values[min(int(fraction*float64(len(values))), len(values)-1)])
			found := float64(snapshot.Percentiles(fraction)[0])
			assert.GreaterOrEqual(t, found, exact)
			assert.LessOrEqual(t, found, exact*(1+1.0/16)+1)
		})
	})
	t.Run("EveryBucketEndsWhereTheNextBegins", func(t *testing.T) {
		for bucket := range buckets - 1 {
			limit := scale.highest(bucket)
			assert.Equal(t, bucket, scale.bucketOf(limit))
			assert.Equal(t, bucket+1, scale.bucketOf(limit+1))
		}
		assert.Equal(t, buckets-1, scale.bucketOf(math.MaxUint64))
	})
}

func TestHistogram_AtMost_Good(t *testing.T) {
	t.Run("SmallNumbersAreExact", func(t *testing.T) {
		assert.Equal(t, []uint64{1, 3, 4}, recorded(0, 1, 1, 15).AtMost(0, 1, 15))
	})
	t.Run("CountsNoneThatIsLargerAndAllThatAreMuchSmaller", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			values := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000), 0, 200).Draw(t, "values")
			limits := rapid.SliceOfN(rapid.Uint64Range(0, 1_100_000), 1, 8).Draw(t, "limits")
			slices.Sort(limits)
			for index, count := range recorded(values...).AtMost(limits...) {
				var atMost, muchSmaller uint64
				for _, value := range values {
					if uint64(value) <= limits[index] {
						atMost++
					}
					if float64(value) < float64(limits[index])*15/16-1 {
						muchSmaller++
					}
				}
				assert.LessOrEqual(t, count, atMost)
				assert.GreaterOrEqual(t, count, muchSmaller)
			}
		})
	})
}

func TestHistogram_Record_Ugly(t *testing.T) {
	latency := new(Histogram)
	latency.Record(int64(-time.Second))
	assert.Equal(t, []uint64{0}, latency.Snapshot().Percentiles(1))
	var recorders sync.WaitGroup
	for range 8 {
		recorders.Go(func() {
			for range 1_000 {
				latency.Record(int64(time.Millisecond))
			}
		})
	}
	recorders.Wait()
	snapshot := latency.Snapshot()
	assert.InEpsilon(t, time.Millisecond, snapshot.Percentiles(0.5)[0], 1.0/16)
	assert.Equal(t, uint64(8_001), snapshot.Count)
	assert.Equal(t, uint64(8_000*time.Millisecond), snapshot.Sum)
}
