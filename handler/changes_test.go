// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

func TestChanges_Changes_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	bench.request("store.acme.set", `{"group":"config","key":"theme","value":"dark","ttl":"1h"}`, subjects.HeaderTraceParent, trace)
	bench.request("store.acme.set", `{"group":"other","key":"k","value":"v"}`)
	bench.request("store.acme.delete", `{"group":"config","key":"theme"}`)

	t.Run("ReplaysInOrder", func(t *testing.T) {
		page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":0}`)
		require.Len(t, page.Changes, 3)
		assert.Equal(t, subjects.EventSet, page.Changes[0].Type)
		assert.Equal(t, "dark", *page.Changes[0].Value)
		assert.Equal(t, "config", page.Changes[0].Group)
		assert.True(t, *page.Changes[0].Created)
		assert.NotZero(t, page.Changes[0].ExpiresAt)
		assert.Equal(t, subjects.EventDelete, page.Changes[2].Type)
		assert.Equal(t, uint64(1), page.Changes[2].Previous)
		assert.Equal(t, bench.store.ID(), page.Changes[2].Store)
		assert.Equal(t, uint64(3), page.Next)
		assert.Equal(t, uint64(1), page.Oldest)
		assert.Equal(t, uint64(3), page.Revision)
		assert.Equal(t, bench.store.ID(), page.Store)
	})
	t.Run("GoesOnWhereThePageEnded", func(t *testing.T) {
		page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":0,"limit":2}`)
		assert.Equal(t, uint64(2), page.Next)
		page = ask[subjects.ChangesReply](bench, "store.acme.changes", fmt.Sprintf(`{"after":2,"limit":2,"store":%q}`, bench.store.ID()))
		require.Len(t, page.Changes, 1)
		assert.Equal(t, uint64(3), page.Changes[0].Revision)
	})
	t.Run("OfOneGroup", func(t *testing.T) {
		page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":0,"group":"other"}`)
		require.Len(t, page.Changes, 1)
		assert.Equal(t, uint64(2), page.Changes[0].Revision)
		assert.Equal(t, uint64(3), page.Next)
	})
	t.Run("NothingNewIsAnEmptyPage", func(t *testing.T) {
		assert.Contains(t, string(bench.request("store.acme.changes", `{"after":3}`).Data), `{"changes":[],"next":3,"oldest":1,"revision":3,`)
		assert.Contains(t, string(bench.request("store.never.changes", `{"after":0}`).Data), `{"changes":[],"next":0,"oldest":1,"revision":0,`)
	})
	t.Run("WaitsForTheNextChange", func(t *testing.T) {
		receive := bench.send("store.acme.changes", `{"after":3,"wait":"30s","group":"config"}`)
		bench.request("store.acme.set", `{"group":"other","key":"k","value":"not this"}`)
		bench.request("store.acme.set", `{"group":"config","key":"k","value":"this"}`)
		var page subjects.ChangesReply
		require.NoError(t, json.Unmarshal(receive().Data, &page))
		require.Len(t, page.Changes, 1)
		assert.Equal(t, "this", *page.Changes[0].Value)
	})
	t.Run("WhoHasWaitedGetsTheSameBytes", func(t *testing.T) {
		for _, value := range []string{"small", strings.Repeat("large", 10<<10), strings.Repeat("\x01", 100<<10)} {
			after := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":0}`).Revision
			var receive []func() *nats.Msg
			for _, body := range []string{`{"after":%d,"wait":"30s"}`, `{"after":%d,"wait":"30s"}`, `{"after":%d,"wait":"30s","group":"same"}`} {
				receive = append(receive, bench.send("store.acme.changes", fmt.Sprintf(body, after)))
			}
			bench.request("store.acme.set.same.k", value)
			want := string(bench.request("store.acme.changes", fmt.Sprintf(`{"after":%d}`, after)).Data)
			for _, receive := range receive {
				assert.Equal(t, want, string(receive().Data))
			}
			assert.Equal(t, want, string(bench.request("store.acme.changes", fmt.Sprintf(`{"after":%d,"wait":"30s"}`, after)).Data), "nor did this one have to")
		}
	})
	t.Run("TheWaitEnds", func(t *testing.T) {
		page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":8,"wait":"10ms"}`)
		assert.Empty(t, page.Changes)
	})
}

func TestChanges_Changes_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	bench.request("store.acme.set", `{"key":"k","value":"v"}`)
	for field, bodies := range map[string][]string{
		"after": {`{}`, `{"after":-1}`, `{"after":null}`, `{"after":"1"}`},
		"limit": {`{"after":0,"limit":0}`, `{"after":0,"limit":1001}`},
		"wait":  {`{"after":0,"wait":"31s"}`, `{"after":0,"wait":-1}`},
		"group": {`{"after":0,"group":""}`},
	} {
		for _, body := range bodies {
			failure := bench.refuse("store.acme.changes", body)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest, body)
			assert.Equal(t, field, failure.Field, body)
		}
	}
	for _, body := range []string{
		`{"after":2}`, `{"after":2,"wait":"30s"}`, `{"after":0,"store":"another"}`, `{"after":0,"store":"another","wait":"30s"}`, `{"after":0,"store":""}`,
		fmt.Sprintf(`{"after":%d}`, uint64(math.MaxUint64)),
	} {
		failure := bench.refuse("store.acme.changes", body)
		assert.ErrorIs(t, failure, subjects.ErrCompacted, body)
		require.NotNil(t, failure.Oldest, body)
		assert.Equal(t, uint64(1), *failure.Oldest, body)
		assert.Equal(t, uint64(1), *failure.Revision, body)
		assert.Equal(t, bench.store.ID(), failure.Store, body)
	}
}

func TestChanges_Changes_Ugly_WhatOneMessageCannotCarry(t *testing.T) {
	bench := startService(t, handler.Config{Store: openStore(t, store.StoreConfig{})})
	require.NoError(t, bench.store.Set("acme:files", "large", strings.Repeat("v", 2<<20)))
	require.NoError(t, bench.store.Set("acme:\xff", "\xfe", "value"))
	for range 3 {
		require.NoError(t, bench.store.Set("acme:files", "half", strings.Repeat("v", 600<<10)))
	}
	page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":0}`)
	require.Len(t, page.Changes, 3)
	assert.Nil(t, page.Changes[0].Value)
	assert.True(t, page.Changes[0].ValueOmitted)
	assert.Equal(t, "%FF", page.Changes[1].Group)
	assert.Equal(t, "%FE", *page.Changes[1].Key)
	assert.Len(t, *page.Changes[2].Value, 600<<10)
	assert.Equal(t, uint64(3), page.Next)
	page = ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":3}`)
	assert.Len(t, page.Changes, 1)
}
