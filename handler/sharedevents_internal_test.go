// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	first := shared.of(setEvent("acme", 1, "v"), "store", limit).body
	record, _ := eventRecord(setEvent("acme", 1, "v"), "store", limit)
	assert.Equal(t, string(subjects.AppendEvent(nil, &record)), string(first))
	assert.True(t, same(first, shared.of(setEvent("acme", 1, "v"), "store", limit).body), "it was made again")
	for name, other := range map[string][]byte{
		"OfAnotherNamespace":     shared.of(setEvent("other", 1, "v"), "store", limit).body,
		"OfAnotherRevision":      shared.of(setEvent("acme", 2, "v"), "store", limit).body,
		"WithinAnotherMessage":   shared.of(setEvent("acme", 1, "v"), "store", limit-1).body,
		"WithoutRoomForAnything": shared.of(setEvent("acme", 1, "v"), "store", 10).body,
	} {
		assert.False(t, same(first, other), name)
	}
	assert.Contains(t, string(shared.of(setEvent("acme", 3, strings.Repeat("v", 100)), "store", 100).body), `"value_omitted":true`)
}

func TestSharedEvents_Size_Good(t *testing.T) {
	shared, limit := newSharedEvents(), 1<<20
	for _, length := range []int{0, 1, largeValueBytes - 1, largeValueBytes, 100_000} {
		for index, value := range []string{"v", "\x01", "\xff"} {
			event := setEvent("acme", uint64(3*length+index), strings.Repeat(value, length))
			size, body := shared.size(event, "store", limit), shared.of(event, "store", limit).body
			assert.Greater(t, size, len(body), "a comma too")
			assert.Equal(t, size, shared.of(event, "store", limit).size, "a page ends at the same event, awaited or not")
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
				assert.Contains(t, string(shared.of(setEvent("acme", revision, value), "store", 4<<20).body[:40]), `{"revision":`)
			}
		})
	}
	running.Wait()
	total := 0
	for _, name := range shared.order {
		total += cap(shared.events[name].body)
	}
	assert.Equal(t, total, shared.bytes)
	assert.LessOrEqual(t, shared.bytes, sharedEventBytes)
	assert.Len(t, shared.events, len(shared.order))
	shared.of(setEvent("acme", 100, strings.Repeat("v", sharedEventBytes)), "store", 16<<20)
	assert.Len(t, shared.events, 1, "one is kept, however large")
}

func TestSharedEvents_Of_Ugly(t *testing.T) {
	shared, made := newSharedEvents(), make([][100]*sharedEvent, 8)
	var running sync.WaitGroup
	for caller := range made {
		running.Go(func() {
			for revision := range made[caller] {
				made[caller][revision] = shared.of(setEvent("acme", uint64(revision), "v"), "store", 1<<20)
			}
		})
	}
	running.Wait()
	for caller := range made {
		assert.Equal(t, made[0], made[caller], "callers at the same time share them")
		for revision, event := range made[caller] {
			assert.Same(t, made[0][revision], event)
			assert.NotEmpty(t, event.body)
		}
	}
	assert.Len(t, shared.order, 100, "each is made once")
}

// awaitedEvent gives the event of a set that a reader has waited for, and then another.
func awaitedEvent(t *testing.T, opened *store.Store) (awaited, other store.Event) {
	t.Helper()
	require.NoError(t, opened.Set("acme:g", "k", "before"))
	pages := make(chan store.ChangesPage, 1)
	opened.SubmitChanges(t.Context(), store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour}, func(page store.ChangesPage, err error) {
		assert.NoError(t, err)
		pages <- page
	})
	require.NoError(t, opened.Set("acme:g", "k", "<awaited>"))
	require.NoError(t, opened.Set("acme:g", "k", "other"))
	page, err := opened.Changes(t.Context(), store.ChangesQuery{Namespace: "acme", After: 2})
	require.NoError(t, err)
	return (<-pages).Events[0], page.Events[0]
}

func TestPublisher_Encode_Good(t *testing.T) {
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: store.MemoryDatabase})
	require.NoError(t, err)
	defer func() { assert.NoError(t, opened.Close()) }()
	awaited, other := awaitedEvent(t, opened)
	shared, limit := newSharedEvents(), 1<<20
	sharing, alone := &Publisher{store: opened, shared: shared}, &Publisher{store: opened}
	body := shared.of(&awaited, opened.ID(), limit).body
	assert.True(t, same(body, sharing.encode(&awaited, limit).body), "it was made again")
	assert.Equal(t, string(alone.encode(&awaited, limit).body), string(body))
	assert.Equal(t, string(alone.encode(&other, limit).body), string(sharing.encode(&other, limit).body))
	assert.Len(t, shared.events, 1, "nobody waited for the other one")
	for _, publisher := range []*Publisher{sharing, alone} {
		small := publisher.encode(&awaited, subjects.EntrySize("g", "k", ""))
		assert.True(t, small.fits)
		assert.True(t, small.valueOmitted)
		assert.False(t, publisher.encode(&awaited, 10).fits)
	}
}
