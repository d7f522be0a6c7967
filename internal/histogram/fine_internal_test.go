// SPDX-License-Identifier: EUPL-1.2

package histogram

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFine_Quantile_Good(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all, half Fine
	values := make([]int64, 20_001)
	for index := range values {
		values[index] = int64(math.Exp(random.Float64() * 23)) // 1 ns to 10 s
		if index%2 == 0 {
			half.Record(values[index])
		} else {
			all.Record(values[index])
		}
	}
	all.Add(&half)
	slices.Sort(values)
	for _, fraction := range []float64{0, 0.001, 0.25, 0.5, 0.99, 0.9999} {
		exact := float64(values[int(fraction*float64(len(values)))])
		assert.InDelta(t, exact, float64(all.Quantile(fraction)), exact/100+1, "of %g", fraction)
	}
	assert.Equal(t, uint64(len(values)), all.Count())
}

func TestFine_Record_Good(t *testing.T) {
	t.Run("SmallNumbersAreExact", func(t *testing.T) {
		for number := range int64(128) {
			var fine Fine
			fine.Record(number)
			assert.Equal(t, uint64(number), fine.Quantile(0.5))
		}
	})
	t.Run("EveryBucketFollowsTheOneBefore", func(t *testing.T) {
		for bucket := 1; bucket < fineBuckets; bucket++ {
			lowest, width := fineScale.lowest(bucket)
			assert.Equal(t, bucket, fineScale.bucketOf(lowest+width/2))
			assert.Equal(t, fineScale.highest(bucket-1)+1, lowest)
		}
	})
}

func TestFine_Record_Ugly(t *testing.T) {
	var fine Fine
	assert.Zero(t, fine.Quantile(0.99), "nothing was counted")
	fine.Record(-int64(time.Second))
	assert.Zero(t, fine.Quantile(0.99))
	fine.Record(math.MaxInt64)
	assert.InEpsilon(t, float64(math.MaxInt64), float64(fine.Quantile(0.99)), 0.01)
}
