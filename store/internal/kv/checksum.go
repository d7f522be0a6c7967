// SPDX-License-Identifier: EUPL-1.2

package kv

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Checksum is the checksum of an entry as it is stored. The upper half is of what a reader of pairs
// gets, and the lower half of what a reader without the value gets. So each of them can verify what
// it has read.
type Checksum int64

// halfBits is the length of one half.
const halfBits = 32

// ChecksumOf returns the checksum of an entry that is there.
func ChecksumOf(name EntryName, state *EntryState) Checksum {
	group, key := xxhash.Sum64String(name.Group), xxhash.Sum64String(name.Key)
	pair := sumOf(group, key, uint64(state.ExpiresAt), xxhash.Sum64String(state.Value))
	head := sumOf(group, key, uint64(state.ExpiresAt), state.Revision, uint64(state.UpdatedAt), uint64(len(state.Value)))
	return Checksum(uint64(pair)<<halfBits | uint64(head))
}

// IsOf reports whether the checksum is that of a whole entry.
func (sum Checksum) IsOf(name EntryName, state *EntryState) bool {
	return sum == ChecksumOf(name, state)
}

// IsOfPair reports whether the checksum is that of an entry that was read without its revision and
// its time.
func (sum Checksum) IsOfPair(name EntryName, state *EntryState) bool {
	pair := sumOf(xxhash.Sum64String(name.Group), xxhash.Sum64String(name.Key), uint64(state.ExpiresAt), xxhash.Sum64String(state.Value))
	return uint32(uint64(sum)>>halfBits) == pair
}

// IsOfHead reports whether the checksum is that of an entry that was read without its value. Bytes is
// the length of the value.
func (sum Checksum) IsOfHead(name EntryName, state *EntryState) bool {
	head := sumOf(xxhash.Sum64String(name.Group), xxhash.Sum64String(name.Key), uint64(state.ExpiresAt), state.Revision, uint64(state.UpdatedAt), uint64(state.Bytes))
	return uint32(sum) == head
}

// sumOf joins numbers to a sum of half the length.
func sumOf(numbers ...uint64) uint32 {
	var joined [6 * 8]byte
	for index, number := range numbers {
		binary.LittleEndian.PutUint64(joined[index*8:], number)
	}
	return uint32(xxhash.Sum64(joined[:len(numbers)*8]))
}
