// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestHistogram_Quantile_Good(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all, half histogram
	values := make([]time.Duration, 20_001)
	for index := range values {
		values[index] = time.Duration(math.Exp(random.Float64() * 23)) // 1 ns to 10 s
		if index%2 == 0 {
			half.record(values[index])
		} else {
			all.record(values[index])
		}
	}
	all.add(&half)
	slices.Sort(values)
	for _, fraction := range []float64{0, 0.001, 0.25, 0.5, 0.99, 0.9999} {
		exact := float64(values[int(fraction*float64(len(values)))])
		assert.InDelta(t, exact, float64(all.quantile(fraction)), exact/100+1, "of %g", fraction)
	}
	assert.Equal(t, uint64(len(values)), all.total)
}

func TestHistogram_Record_Good(t *testing.T) {
	t.Run("SmallValuesAreExact", func(t *testing.T) {
		for value := range time.Duration(128) {
			var histogram histogram
			histogram.record(value)
			assert.Equal(t, value, histogram.quantile(0.5))
		}
	})
	t.Run("EveryBucketFollowsTheOneBefore", func(t *testing.T) {
		for bucket := 1; bucket < buckets; bucket++ {
			assert.Equal(t, bucket, bucketOf(uint64(bucketMiddle(bucket))))
			assert.Greater(t, uint64(bucketMiddle(bucket)), uint64(bucketMiddle(bucket-1)))
		}
	})
}

func TestHistogram_Record_Ugly(t *testing.T) {
	var histogram histogram
	assert.Zero(t, histogram.quantile(0.99), "nothing was counted")
	histogram.record(-time.Second)
	assert.Zero(t, histogram.quantile(0.99))
	histogram.record(math.MaxInt64)
	assert.InEpsilon(t, float64(math.MaxInt64), float64(histogram.quantile(0.99)), 0.01)
}
