// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPlaces_Of_Good(t *testing.T) {
	spread := Spread{Namespaces: 2, Groups: 3}
	places := spread.Places("")
	assert.Equal(t, []string{"n0000", "n0001"}, places.Namespaces)
	assert.Equal(t, []string{"g0000", "g0001", "g0002"}, places.Groups)
	for _, keys := range []int{1, 6, 7, 100} {
		counts := map[[2]int]int{}
		for key := range keys {
			namespace, group := places.of(key)
			counts[[2]int{namespace, group}]++
		}
		assert.Len(t, counts, min(keys, 6), "no place is left out")
		assert.Equal(t, counts[[2]int{0, 0}], spread.FirstPlaceKeys(keys), "of %d", keys)
		for _, count := range counts {
			assert.InDelta(t, keys/6, count, 1)
		}
	}
}
