// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func hotName(key string) entryName { return entryName{group: "acme:g", key: key} }

func (hot *hotEntries) putValue(key, value string) {
	hot.put(hotName(key), &entryState{revision: 1, bytes: len(value), value: value})
}

func (hot *hotEntries) holds(key string) bool {
	_, known := hot.get(hotName(key), false)
	return known
}

// memory adds up what the segments take.
func (hot *hotEntries) memory() (bytes int) {
	for index := range hot.shards {
		for _, segment := range hot.shards[index].segments {
			bytes += segment.bytes()
		}
	}
	return bytes
}

func TestHot_Put_Good(t *testing.T) {
	const limit = 16 * 10_000
	hot := newHotEntries(limit)
	for index := range 10_000 {
		hot.putValue(fmt.Sprint(index%3000), strings.Repeat("x", index%500))
		if index > 0 {
			assert.True(t, hot.holds("0"), "what is read all the time stays")
		}
	}
	assert.LessOrEqual(t, hot.memory(), limit)
	assert.Greater(t, hot.memory(), limit/2)
	assert.False(t, hot.holds("missing"))
	state, known := hot.get(hotName("0"), true)
	require.True(t, known)
	assert.Equal(t, entryState{revision: 1}, state)
}

func TestHot_Put_GoodReplacesWhatWasThere(t *testing.T) {
	hot := newHotEntries(1 << 20)
	expected := entryState{revision: 7, updatedAt: 5, expiresAt: 9, bytes: 4, value: "dark"}
	hot.putValue("theme", "light")
	hot.put(hotName("theme"), &expected)
	state, known := hot.get(hotName("theme"), true)
	require.True(t, known)
	assert.Equal(t, expected, state)
	expected.value = ""
	state, _ = hot.get(hotName("theme"), false)
	assert.Equal(t, expected, state, "the head")
	hot.put(hotName("theme"), &entryState{})
	state, known = hot.get(hotName("theme"), true)
	assert.True(t, known, "that it is not there is remembered too")
	assert.False(t, state.present())
}

func TestHot_Put_GoodNamesThatLookAlike(t *testing.T) {
	hot := newHotEntries(1 << 20)
	hot.put(entryName{group: "ab", key: "c"}, &entryState{revision: 1})
	for _, name := range []entryName{{group: "a", key: "bc"}, {group: "c", key: "ab"}, {group: "ab", key: ""}} {
		_, known := hot.get(name, true)
		assert.False(t, known, name)
	}
	// Two names with one hash: the later is remembered.
	shard, hash := hot.place(entryName{group: "ab", key: "c"})
	other, otherHash := hot.place(entryName{group: "x", key: "y"})
	other.places[otherHash] = shard.places[hash]
	if shard == other {
		_, known := hot.get(entryName{group: "x", key: "y"}, true)
		assert.False(t, known)
	}
}

func TestHot_Put_BadLargerThanASegment(t *testing.T) {
	hot := newHotEntries(64 << 20)
	hot.putValue("a", "small")
	hot.putValue("a", strings.Repeat("x", segmentBytes))
	assert.False(t, hot.holds("a"), "the value before is not the value any more")
	hot.putValue("a", "small again")
	assert.True(t, hot.holds("a"))
}

// What was forgotten is not found again in the segment where it lay, not even in the
// first place of the first one.
func TestHot_Put_BadForgottenStaysForgotten(t *testing.T) {
	hot := newHotEntries(hotShards * segmentsPerShard * 1000)
	hot.putValue("a", "small")
	require.True(t, hot.holds("a"))
	hot.putValue("a", strings.Repeat("x", 1000))
	for index := range 10_000 {
		hot.putValue(fmt.Sprint(index), "")
		require.False(t, hot.holds("a"), "its value is the old one")
	}
}

func TestHot_Put_Ugly(t *testing.T) {
	var none *hotEntries
	none.putValue("a", "")
	none.putAll(&slice{})
	assert.False(t, none.holds("a"))
	assert.Nil(t, newHotEntries(0))
	for _, limit := range []int{1, 16, 100, 16 * recordBytes} {
		small := newHotEntries(limit)
		for index := range 1000 {
			small.putValue(fmt.Sprint(index), "")
		}
		assert.LessOrEqual(t, small.memory(), limit)
	}
}
