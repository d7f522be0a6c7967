// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestHistogram_Percentiles_Good(t *testing.T) {
	t.Run("NothingRecordedIsZero", func(t *testing.T) {
		assert.Equal(t, []time.Duration{0, 0}, new(histogram).percentiles(0.5, 0.99))
	})
	t.Run("IsAtMostASixteenthAbove", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			values := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64), 1, 200).Draw(t, "values")
			latency := new(histogram)
			for _, value := range values {
				latency.record(time.Duration(value))
			}
			slices.Sort(values)
			fraction := rapid.Float64Range(0, 1).Draw(t, "fraction")
			exact := float64(values[min(int(fraction*float64(len(values))), len(values)-1)])
			found := float64(latency.percentiles(fraction)[0])
			assert.GreaterOrEqual(t, found, exact)
			assert.LessOrEqual(t, found, exact*(1+1.0/16)+1)
		})
	})
	t.Run("EveryBucketEndsWhereTheNextBegins", func(t *testing.T) {
		for bucket := range histogramBuckets - 1 {
			limit := bucketLimit(bucket)
			assert.Equal(t, bucket, bucketOf(limit))
			assert.Equal(t, bucket+1, bucketOf(limit+1))
		}
		assert.Equal(t, histogramBuckets-1, bucketOf(math.MaxUint64))
	})
}

func TestHistogram_Record_Ugly(t *testing.T) {
	latency := new(histogram)
	latency.record(-time.Second)
	assert.Equal(t, []time.Duration{0}, latency.percentiles(1))
	var recorders sync.WaitGroup
	for range 8 {
		recorders.Go(func() {
			for range 1_000 {
				latency.record(time.Millisecond)
			}
		})
	}
	recorders.Wait()
	assert.InEpsilon(t, time.Millisecond, latency.percentiles(0.5)[0], 1.0/16)
}
