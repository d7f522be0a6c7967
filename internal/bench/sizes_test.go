// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/bench/load"
)

func TestSizes_Sizes_Good(t *testing.T) {
	settings := validSettings()
	assert.Empty(t, settings.sizes())
	settings.Scale = []int{20_000, 1_000_000}
	assert.Equal(t, []size{{20_000, load.Spread{Namespaces: 1, Groups: 100}}, {1_000_000, load.Spread{Namespaces: 1, Groups: 100}}, {20_000, load.Spread{Namespaces: 1000, Groups: 1}}}, settings.sizes())
	settings.Scale = []int{500}
	assert.Equal(t, []size{{500, load.Spread{Namespaces: 1, Groups: 100}}, {10_000, load.Spread{Namespaces: 1000, Groups: 1}}}, settings.sizes(), "ten in each namespace at least")
	assert.Equal(t, "500 keys in 100 groups", settings.sizes()[0].String())
	assert.Equal(t, "10,000 keys in 1,000 namespaces", settings.sizes()[1].String())
}
