// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGenerator_Keys_Good(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	t.Run("HaveOneLength", func(t *testing.T) {
		assert.Equal(t, "a.k0000042", string(appendKey([]byte("a."), 42)))
		assert.Equal(t, "k9999999", string(appendKey(nil, MaxKeys-1)))
	})
	t.Run("AreUniform", func(t *testing.T) {
		counts := make([]int, 10)
		keys := UniformKeys(len(counts))
		for range 10_000 {
			key, more := keys(random)
			assert.True(t, more)
			counts[key]++
		}
		for _, count := range counts {
			assert.InDelta(t, 1000, count, 150)
		}
	})
	t.Run("ComeOnceEach", func(t *testing.T) {
		keys := EveryKey(3)
		for expected := range 3 {
			key, more := keys(random)
			assert.True(t, more)
			assert.Equal(t, expected, key)
		}
		_, more := keys(random)
		assert.False(t, more)
	})
}

func TestGenerator_Value_Good(t *testing.T) {
	random, pool := rand.New(rand.NewPCG(1, 2)), NewValuePool(128)
	seen := map[string]bool{}
	for range 1000 {
		value := string(pool.Value(random))
		assert.Len(t, value, 128)
		assert.Empty(t, strings.Trim(value, alphabet))
		seen[value] = true
	}
	assert.Greater(t, len(seen), 990, "hardly two are alike")
}
