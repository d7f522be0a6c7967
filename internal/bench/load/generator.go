// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"math/rand/v2"
	"sync/atomic"
)

const (
	// keyDigits is the number of digits of a key: enough for the largest number of keys.
	keyDigits = 7
	// MaxKeys is the largest number of keys.
	MaxKeys = 10_000_000
	// PageKeys is the number of keys that share all but the last two digits: a page of a
	// listing.
	PageKeys = 100
	// poolBytes is the length of the random text from which values are cut, without the
	// length of one value.
	poolBytes = 1 << 20
	// alphabet has the 64 characters of values. No encoding escapes them.
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// keySource returns the key of the next request. more is false if there are no more.
type keySource func(random *rand.Rand) (key int, more bool)

// UniformKeys returns random keys below count without end, each equally likely.
func UniformKeys(count int) keySource {
	return func(random *rand.Rand) (int, bool) { return random.IntN(count), true }
}

// EveryKey returns each key below count once.
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

// ValuePool is random text from which values of one size are cut. So a value costs nothing,
// and hardly two values are equal.
type ValuePool struct {
	text  []byte
	bytes int
}

// NewValuePool makes the text for values of a size. Two pools of one size are equal.
func NewValuePool(valueBytes int) *ValuePool {
	random := rand.New(rand.NewPCG(uint64(valueBytes), 1))
	text := make([]byte, poolBytes+valueBytes)
	for index := range text {
		text[index] = alphabet[random.IntN(len(alphabet))]
	}
	return &ValuePool{text: text, bytes: valueBytes}
}

// Value returns a random value, which must not be changed: it belongs to the pool.
func (pool *ValuePool) Value(random *rand.Rand) []byte {
	start := random.IntN(poolBytes)
	return pool.text[start : start+pool.bytes]
}
