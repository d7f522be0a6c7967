// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/stage"
)

func TestSizes_Sizes_Good(t *testing.T) {
	grouped, scattered := load.Spread{Namespaces: 1, Groups: 100}, load.Spread{Namespaces: 1000, Groups: 1}
	settings := validSettings()
	assert.Empty(t, settings.sizes())
	settings.Scale = []int{20_000, 1_000_000}
	assert.Equal(t, []stage.Size{{Keys: 20_000, Spread: grouped}, {Keys: 1_000_000, Spread: grouped}, {Keys: 20_000, Spread: scattered}}, settings.sizes())
	settings.Scale = []int{500}
	assert.Equal(t, []stage.Size{{Keys: 500, Spread: grouped}, {Keys: 10_000, Spread: scattered}}, settings.sizes(), "ten in each namespace at least")
	assert.Equal(t, "500 keys in 100 groups", settings.sizes()[0].String())
	assert.Equal(t, "10,000 keys in 1,000 namespaces", settings.sizes()[1].String())
}
