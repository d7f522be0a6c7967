// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"math/rand/v2"
	"sync/atomic"
)

const (
	// keyDigits is how many digits a key has: enough for the largest number of keys.
	keyDigits = 7
	// maxKeys is the largest number of keys that there can be.
	maxKeys = 10_000_000
	// pageKeys is how many keys share all but the last two digits: a page of a listing.
	pageKeys = 100
	// poolBytes is how much random text there is to cut values from, besides the
	// length of one.
	poolBytes = 1 << 20
	// alphabet is what values are made of: 64 characters that no encoding escapes.
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// keySource gives the key of the next request, and false when there are no more.
type keySource func(random *rand.Rand) (key int, more bool)

// uniformKeys gives keys below count for ever, each as often as any other.
func uniformKeys(count int) keySource {
	return func(random *rand.Rand) (int, bool) { return random.IntN(count), true }
}

// everyKey gives each key below count once.
func everyKey(count int) keySource {
	var next atomic.Int64
	return func(*rand.Rand) (int, bool) {
		key := int(next.Add(1)) - 1
		return key, key < count
	}
}

// appendKey appends the name of a key: k0000042.
func appendKey(dst []byte, key int) []byte {
	var digits [keyDigits]byte
	for index := keyDigits - 1; index >= 0; index-- {
		digits[index] = '0' + byte(key%10)
		key /= 10
	}
	return append(append(dst, 'k'), digits[:]...)
}

// valuePool is random text that values of one size are cut from, so that making one
// costs nothing and hardly two are alike.
type valuePool struct {
	text  []byte
	bytes int
}

func newValuePool(valueBytes int) *valuePool {
	random := rand.New(rand.NewPCG(uint64(valueBytes), 1))
	text := make([]byte, poolBytes+valueBytes)
	for index := range text {
		text[index] = alphabet[random.IntN(len(alphabet))]
	}
	return &valuePool{text: text, bytes: valueBytes}
}

// value gives a random value, which belongs to the pool.
func (pool *valuePool) value(random *rand.Rand) []byte {
	start := random.IntN(poolBytes)
	return pool.text[start : start+pool.bytes]
}
