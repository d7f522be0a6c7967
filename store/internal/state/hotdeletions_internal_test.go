// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/kv"
)

// smallHotEntries has room for a few entries in each shard.
func smallHotEntries() *Hot { return NewHot(hotShards * segmentsPerShard * 1000) }

func (hot *Hot) putAt(name kv.EntryName, revision uint64) {
	hot.put(name, &kv.EntryState{Revision: revision, Bytes: 1, Value: "v"})
}

// shows reports whether a name is remembered as present.
func (hot *Hot) shows(name kv.EntryName) bool {
	state, known := hot.get(name, true, nil)
	return known && state.Present()
}

// fill puts so much of another group that every segment has turned.
func (hot *Hot) fill() {
	for index := range 20_000 {
		hot.putAt(kv.EntryName{Group: "acme:filling", Key: fmt.Sprint(index)}, 1)
	}
}

// turnAll puts so much of another group that every shard begins one segment.
func (hot *Hot) turnAll() {
	before := hot.next()
	for index, left := 0, hotShards; left > 0; index++ {
		name := kv.EntryName{Group: "acme:filling", Key: fmt.Sprint(index)}
		_, hash := hot.place(name)
		shard := hash % hotShards
		if hot.next()[shard] > before[shard] {
			continue
		}
		if hot.putAt(name, 1); hot.next()[shard] > before[shard] {
			left--
		}
	}
}

func TestHotdeletions_DeleteGroups_Good(t *testing.T) {
	t.Run("HiddenAtOnce", func(t *testing.T) {
		hot := NewHot(1 << 20)
		hot.putAt(hotName("a"), 4)
		hot.putAt(hotName("b"), 5)
		hot.putAt(kv.EntryName{Group: "acme:other", Key: "a"}, 3)
		hot.deleteGroups([]named[uint64]{{"acme:g", 5}})
		for _, key := range []string{"a", "b"} {
			state, known := hot.get(hotName(key), true, nil)
			assert.True(t, known, "that it is not there is known")
			assert.Zero(t, state)
		}
		assert.True(t, hot.shows(kv.EntryName{Group: "acme:other", Key: "a"}))
	})
	t.Run("SetAgainIsThere", func(t *testing.T) {
		hot := NewHot(1 << 20)
		hot.putAt(hotName("a"), 4)
		hot.deleteGroups([]named[uint64]{{"acme:g", 5}})
		hot.putAt(hotName("a"), 6)
		assert.True(t, hot.shows(hotName("a")))
		hot.deleteGroups([]named[uint64]{{"acme:g", 7}})
		assert.False(t, hot.shows(hotName("a")))
	})
	t.Run("NothingDeletedNothingHidden", func(t *testing.T) {
		hot := NewHot(1 << 20)
		hot.putAt(hotName("a"), 4)
		hot.deleteGroups([]named[uint64]{})
		assert.True(t, hot.deletions.none())
		assert.True(t, hot.shows(hotName("a")))
	})
}

func TestHotdeletions_DeleteGroups_Ugly(t *testing.T) {
	t.Run("SecondChanceDoesNotBringItBack", func(t *testing.T) {
		hot := smallHotEntries()
		hot.putAt(hotName("a"), 4)
		require.True(t, hot.shows(hotName("a")), "who was asked for gets a second chance")
		hot.deleteGroups([]named[uint64]{{"acme:g", 5}})
		for index := range 20_000 {
			hot.putAt(kv.EntryName{Group: "acme:filling", Key: fmt.Sprint(index)}, 1)
			require.False(t, hot.shows(hotName("a")))
			if index%100 == 0 { // Each deletion has those forgotten whose segments have turned.
				hot.deleteGroups([]named[uint64]{{fmt.Sprint(index), 1}})
			}
		}
		_, known := hot.get(hotName("a"), true, nil)
		assert.False(t, known)
	})
	t.Run("ForgottenWhenTheSegmentsHaveTurned", func(t *testing.T) {
		hot := smallHotEntries()
		hot.putAt(hotName("a"), 4)
		hot.deleteGroups([]named[uint64]{{"acme:g", 5}, {"acme:h", 6}})
		hot.deleteGroups([]named[uint64]{{"acme:h", 9}})
		hot.fill()
		hot.deleteGroups([]named[uint64]{{"acme:last", 20_001}})
		assert.Equal(t, map[string]uint64{"acme:last": 20_001}, hot.deletions.revisions)
		assert.Len(t, hot.deletions.inMind, 1)
		assert.Equal(t, int32(1), hot.deletions.count.Load())
	})
	t.Run("DeletedAgainIsKeptInMind", func(t *testing.T) {
		hot := smallHotEntries()
		hot.turnAll()
		hot.deleteGroups([]named[uint64]{{"acme:g", 5}})
		hot.turnAll()
		hot.turnAll()
		hot.putAt(hotName("a"), 6)
		hot.deleteGroups([]named[uint64]{{"acme:g", 7}})
		require.Len(t, hot.deletions.inMind, 2)
		hot.turnAll()
		hot.turnAll()
		hot.deleteGroups([]named[uint64]{{"acme:last", 8}}) // Forgets the first, whose segments have turned.
		require.Len(t, hot.deletions.inMind, 2)
		_, known := hot.get(hotName("a"), true, nil)
		assert.True(t, known)
		assert.False(t, hot.shows(hotName("a")))
	})
	t.Run("TooManyForgetEverything", func(t *testing.T) {
		hot := NewHot(16 << 20)
		hot.putAt(hotName("a"), 4)
		hot.putAt(kv.EntryName{Group: "acme:other", Key: "a"}, 4)
		groups := []named[uint64]{{"acme:g", 5}}
		for index := range maxHotDeletions {
			groups = append(groups, named[uint64]{fmt.Sprint(index), 5})
		}
		hot.deleteGroups(groups)
		require.True(t, hot.shows(kv.EntryName{Group: "acme:other", Key: "a"}))
		hot.deleteGroups([]named[uint64]{{"acme:last", 6}})
		assert.Equal(t, map[string]uint64{"acme:last": 6}, hot.deletions.revisions)
		assert.Zero(t, hot.memory())
		_, known := hot.get(kv.EntryName{Group: "acme:other", Key: "a"}, true, nil)
		assert.False(t, known)
		hot.putAt(hotName("a"), 7)
		assert.True(t, hot.shows(hotName("a")), "it goes on remembering")
		hot.fill()
		assert.True(t, hot.shows(kv.EntryName{Group: "acme:filling", Key: "19999"}))
	})
	t.Run("ReadersSeeNothingThatWasDeletedBefore", func(t *testing.T) {
		const rounds, keys = 300, 40
		hot := smallHotEntries()
		var deleted atomic.Uint64
		var readers sync.WaitGroup
		finished := make(chan struct{})
		for reader := range 4 {
			readers.Go(func() {
				name := hotName(fmt.Sprint(reader * keys / 4))
				for {
					before := deleted.Load()
					if state, known := hot.Read(name, nil); known && state.Present() {
						assert.Greater(t, state.Revision, before)
						assert.Equal(t, strings.Repeat("v", state.Bytes), state.Value)
					}
					select {
					case <-finished:
						return
					default:
					}
				}
			})
		}
		for round := range uint64(rounds) {
			changes := &Slice{}
			for key := range keys {
				changes.entries = append(changes.entries, &kv.EntryVersion{EntryName: hotName(fmt.Sprint(key)), EntryState: kv.EntryState{Revision: 2*round + 1, Bytes: 1, Value: "v"}})
			}
			hot.putAll(changes)
			hot.putAll(&Slice{deletions: []named[uint64]{{"acme:g", 2*round + 2}}})
			deleted.Store(2*round + 2)
		}
		close(finished)
		readers.Wait()
	})
}
