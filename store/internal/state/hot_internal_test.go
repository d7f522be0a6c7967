// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/kv"
)

func hotName(key string) kv.EntryName { return kv.EntryName{Group: "acme:g", Key: key} }

func (hot *Hot) putValue(key, value string) {
	hot.put(hotName(key), &kv.EntryState{Revision: 1, Bytes: len(value), Value: value})
}

func (hot *Hot) holds(key string) bool {
	_, known := hot.get(hotName(key), false, nil)
	return known
}

// memory returns the bytes of all segments.
func (hot *Hot) memory() (bytes int) {
	for index := range hot.shards {
		for _, segment := range hot.shards[index].segments {
			bytes += segment.bytes()
		}
	}
	return bytes
}

func TestHot_Put_Good(t *testing.T) {
	const limit = 16 * 10_000
	hot := NewHot(limit)
	for index := range 10_000 {
		hot.putValue(fmt.Sprint(index%3000), strings.Repeat("x", index%500))
		if index > 0 {
			assert.True(t, hot.holds("0"), "what is read all the time stays")
		}
	}
	assert.LessOrEqual(t, hot.memory(), limit)
	assert.Greater(t, hot.memory(), limit/2)
	assert.False(t, hot.holds("missing"))
	state, known := hot.get(hotName("0"), true, nil)
	require.True(t, known)
	assert.Equal(t, kv.EntryState{Revision: 1}, state)
}

func TestHot_Put_GoodReplacesWhatWasThere(t *testing.T) {
	hot := NewHot(1 << 20)
	expected := kv.EntryState{Revision: 7, UpdatedAt: 5, ExpiresAt: 9, Bytes: 4, Value: "dark"}
	hot.putValue("theme", "light")
	hot.put(hotName("theme"), &expected)
	state, known := hot.get(hotName("theme"), true, nil)
	require.True(t, known)
	assert.Equal(t, expected, state)
	expected.Value = ""
	state, _ = hot.get(hotName("theme"), false, nil)
	assert.Equal(t, expected, state, "the head")
	hot.put(hotName("theme"), &kv.EntryState{})
	state, known = hot.get(hotName("theme"), true, nil)
	assert.True(t, known, "that it is not there is remembered too")
	assert.False(t, state.Present())
}

// An entry that is written again and again takes the room that it has, as long as its value fits there.
func TestHot_Put_GoodInItsPlace(t *testing.T) {
	hot := NewHot(hotShards * segmentsPerShard * 1000)
	hot.putValue("neighbour", "before")
	hot.putValue("theme", "light")
	hot.putValue("neighbour behind", "after")
	memory := hot.memory()
	for _, value := range []string{"dark", "", "black", "grey", "light"} {
		hot.putValue("theme", value)
		state, known := hot.get(hotName("theme"), true, nil)
		require.True(t, known)
		assert.Equal(t, value, state.Value)
	}
	assert.Equal(t, memory, hot.memory())
	hot.putValue("theme", "colourful")
	hot.putValue("theme", "dark")
	for index := range 300 { // some turns
		hot.putValue(fmt.Sprint(index), "")
		require.True(t, hot.holds("theme") && hot.holds("neighbour") && hot.holds("neighbour behind"))
	}
	for key, value := range map[string]string{"theme": "dark", "neighbour": "before", "neighbour behind": "after"} {
		state, _ := hot.get(hotName(key), true, nil)
		assert.Equal(t, value, state.Value)
	}
}

func TestHot_Put_GoodNamesThatLookAlike(t *testing.T) {
	hot := NewHot(1 << 20)
	hot.put(kv.EntryName{Group: "ab", Key: "c"}, &kv.EntryState{Revision: 1})
	for _, name := range []kv.EntryName{{Group: "a", Key: "bc"}, {Group: "c", Key: "ab"}, {Group: "ab", Key: ""}} {
		_, known := hot.get(name, true, nil)
		assert.False(t, known, name)
	}
	// Two names with one hash: the later is remembered.
	shard, hash := hot.place(kv.EntryName{Group: "ab", Key: "c"})
	other, otherHash := hot.place(kv.EntryName{Group: "x", Key: "y"})
	other.places[otherHash] = shard.places[hash]
	if shard == other {
		_, known := hot.get(kv.EntryName{Group: "x", Key: "y"}, true, nil)
		assert.False(t, known)
	}
}

func TestHot_Put_BadLargerThanASegment(t *testing.T) {
	hot := NewHot(64 << 20)
	hot.putValue("a", "small")
	hot.putValue("a", strings.Repeat("x", segmentBytes))
	assert.False(t, hot.holds("a"), "the value before is not the value any more")
	hot.putValue("a", "small again")
	assert.True(t, hot.holds("a"))
}

// A forgotten entry is not found again in its segment, not even in the first place of the
// first segment.
func TestHot_Put_BadForgottenStaysForgotten(t *testing.T) {
	hot := NewHot(hotShards * segmentsPerShard * 1000)
	hot.putValue("a", "small")
	require.True(t, hot.holds("a"))
	hot.putValue("a", strings.Repeat("x", 1000))
	for index := range 10_000 {
		hot.putValue(fmt.Sprint(index), "")
		require.False(t, hot.holds("a"), "its value is the old one")
	}
}

func TestHot_Put_Ugly(t *testing.T) {
	var none *Hot
	none.putValue("a", "")
	none.putAll(&Slice{})
	assert.False(t, none.holds("a"))
	assert.Nil(t, NewHot(0))
	for _, limit := range []int{1, 16, 100, 16 * recordBytes} {
		small := NewHot(limit)
		for index := range 1000 {
			small.putValue(fmt.Sprint(index), "")
		}
		assert.LessOrEqual(t, small.memory(), limit)
	}
}
