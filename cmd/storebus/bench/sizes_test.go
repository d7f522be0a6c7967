// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSizes_Sizes_Good(t *testing.T) {
	settings := validSettings()
	assert.Empty(t, settings.sizes())
	settings.Scale = []int{20_000, 1_000_000}
	assert.Equal(t, []size{{20_000, spread{1, 100}}, {1_000_000, spread{1, 100}}, {20_000, spread{1000, 1}}}, settings.sizes())
	settings.Scale = []int{500}
	assert.Equal(t, []size{{500, spread{1, 100}}, {10_000, spread{1000, 1}}}, settings.sizes(), "ten in each namespace at least")
	assert.Equal(t, "500 keys in 100 groups", settings.sizes()[0].String())
	assert.Equal(t, "10,000 keys in 1,000 namespaces", settings.sizes()[1].String())
}

func TestPlaces_Of_Good(t *testing.T) {
	spread := spread{namespaces: 2, groups: 3}
	places := spread.places()
	assert.Equal(t, []string{"n0000", "n0001"}, places.namespaces)
	assert.Equal(t, []string{"g0000", "g0001", "g0002"}, places.groups)
	for _, keys := range []int{1, 6, 7, 100} {
		counts := map[[2]int]int{}
		for key := range keys {
			namespace, group := places.of(key)
			counts[[2]int{namespace, group}]++
		}
		assert.Len(t, counts, min(keys, 6), "no place is left out")
		assert.Equal(t, counts[[2]int{0, 0}], spread.firstPlaceKeys(keys), "of %d", keys)
		for _, count := range counts {
			assert.InDelta(t, keys/6, count, 1)
		}
	}
}
