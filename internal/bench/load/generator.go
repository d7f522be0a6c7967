// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"math/rand/v2"
	"sync/atomic"
)

const (
	// keyDigits is how many digits a key has: enough for the largest number of keys.
	keyDigits = 7
	// MaxKeys is the largest number of keys that there can be.
	MaxKeys = 10_000_000
	// PageKeys is how many keys share all but the last two digits: a page of a listing.
	PageKeys = 100
	// poolBytes is how much random text there is to cut values from, besides the
	// length of one.
	poolBytes = 1 << 20
	// alphabet is what values are made of: 64 characters that no encoding escapes.
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// keySource gives the key of the next request, and false when there are no more.
type keySource func(random *rand.Rand) (key int, more bool)

// UniformKeys gives keys below count for ever, each as often as any other.
func UniformKeys(count int) keySource {
	return func(random *rand.Rand) (int, bool) { return random.IntN(count), true }
}

// EveryKey gives each key below count once.
func EveryKey(count int) keySource {
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

// ValuePool is random text that values of one size are cut from, so that making one
// costs nothing and hardly two are alike.
type ValuePool struct {
	text  []byte
	bytes int
}

// NewValuePool makes the text for values of a size. Two pools of one size are the same.
func NewValuePool(valueBytes int) *ValuePool {
	random := rand.New(rand.NewPCG(uint64(valueBytes), 1))
	text := make([]byte, poolBytes+valueBytes)
	for index := range text {
		text[index] = alphabet[random.IntN(len(alphabet))]
	}
	return &ValuePool{text: text, bytes: valueBytes}
}

// Value gives a random value, which belongs to the pool.
func (pool *ValuePool) Value(random *rand.Rand) []byte {
	start := random.IntN(poolBytes)
	return pool.text[start : start+pool.bytes]
}
