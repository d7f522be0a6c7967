// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// setEvent is a set of a value.
func setEvent(namespace string, revision uint64, value string) *store.Event {
	return &store.Event{Type: store.EventSet, Namespace: namespace, Group: namespace + ":g", Key: "k", Value: value, Revision: revision}
}

// same reports whether two bodies are one.
func same(one, other []byte) bool { return &one[0] == &other[0] }

func TestSharedEvents_Body_Good(t *testing.T) {
	shared, limit := newSharedEvents(), 1<<20
	first := shared.body(setEvent("acme", 1, "v"), "store", limit)
	record, _ := eventRecord(setEvent("acme", 1, "v"), "store", limit)
	assert.Equal(t, string(subjects.AppendEvent(nil, &record)), string(first))
	assert.True(t, same(first, shared.body(setEvent("acme", 1, "v"), "store", limit)), "it was made again")
	for name, other := range map[string][]byte{
		"OfAnotherNamespace":     shared.body(setEvent("other", 1, "v"), "store", limit),
		"OfAnotherRevision":      shared.body(setEvent("acme", 2, "v"), "store", limit),
		"WithinAnotherMessage":   shared.body(setEvent("acme", 1, "v"), "store", limit-1),
		"WithoutRoomForAnything": shared.body(setEvent("acme", 1, "v"), "store", 10),
	} {
		assert.False(t, same(first, other), name)
	}
	assert.Contains(t, string(shared.body(setEvent("acme", 3, strings.Repeat("v", 100)), "store", 100)), `"value_omitted":true`)
}

func TestSharedEvents_Size_Good(t *testing.T) {
	shared, limit := newSharedEvents(), 1<<20
	for _, length := range []int{0, 1, largeValueBytes - 1, largeValueBytes, 100_000} {
		for _, value := range []string{"v", "\x01", "\xff"} {
			event := setEvent("acme", uint64(length), strings.Repeat(value, length))
			event.Namespace = "n" + string(rune('a'+value[0]%3))
			size, body := shared.size(event, "store", limit), shared.body(event, "store", limit)
			assert.Greater(t, size, len(body), "a comma too")
		}
	}
}

func TestSharedEvents_Body_Ugly(t *testing.T) {
	shared := newSharedEvents()
	value := strings.Repeat("v", 1<<20)
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for revision := range uint64(20) {
				assert.Contains(t, string(shared.body(setEvent("acme", revision, value), "store", 4<<20)[:40]), `{"revision":`)
			}
		})
	}
	running.Wait()
	total := 0
	for _, name := range shared.order {
		total += len(shared.bodies[name])
	}
	assert.Equal(t, total, shared.bytes)
	assert.LessOrEqual(t, shared.bytes, sharedEventBytes)
	assert.Len(t, shared.bodies, len(shared.order))
	shared.body(setEvent("acme", 100, strings.Repeat("v", sharedEventBytes)), "store", 16<<20)
	assert.Len(t, shared.bodies, 1, "one is kept, however large")
}
