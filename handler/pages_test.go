// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

func keysOf(page subjects.ListReply) (keys []string) {
	for _, entry := range page.Entries {
		keys = append(keys, entry.Key)
	}
	return keys
}

func TestPages_List_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	for _, key := range []string{"b", "a", "ui.x", "ü", "ui.y", "A"} {
		ask[subjects.SetReply](bench, "store.acme.set", fmt.Sprintf(`{"group":"config","key":%q,"value":"v-%s"}`, key, key))
	}
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config2","key":"other","value":"v"}`)

	t.Run("IsInByteOrder", func(t *testing.T) {
		page := ask[subjects.ListReply](bench, "store.acme.list", `{"group":"config"}`)
		assert.Equal(t, []string{"A", "a", "b", "ui.x", "ui.y", "ü"}, keysOf(page))
		assert.Empty(t, page.Next)
		assert.Equal(t, uint64(7), page.Revision)
		assert.Equal(t, bench.store.ID(), page.Store)
		assert.Equal(t, "v-A", *page.Entries[0].Value)
		assert.Equal(t, "config", page.Entries[0].Group)
	})
	t.Run("GoesOnWhereThePageEnded", func(t *testing.T) {
		for _, direction := range []string{"false", "true"} {
			var keys []string
			after := ""
			for {
				page := ask[subjects.ListReply](bench, "store.acme.list", `{"group":"config","limit":2,"descending":`+direction+after+`}`)
				keys = append(keys, keysOf(page)...)
				if page.Next == "" {
					break
				}
				after = fmt.Sprintf(`,"after":%q`, page.Next)
			}
			assert.ElementsMatch(t, []string{"A", "a", "b", "ui.x", "ui.y", "ü"}, keys)
			assert.Equal(t, direction == "true", keys[0] == "ü")
		}
	})
	t.Run("TakesAPrefixOfBytes", func(t *testing.T) {
		assert.Equal(t, []string{"ui.x", "ui.y"}, keysOf(ask[subjects.ListReply](bench, "store.acme.list", `{"group":"config","prefix":"ui."}`)))
		assert.Equal(t, []string{"a"}, keysOf(ask[subjects.ListReply](bench, "store.acme.list", `{"group":"config","prefix":"a"}`)))
	})
	t.Run("LeavesValuesOut", func(t *testing.T) {
		page := ask[subjects.ListReply](bench, "store.acme.list", `{"group":"config","keys_only":true}`)
		assert.Nil(t, page.Entries[0].Value)
		assert.NotZero(t, page.Entries[0].Revision)
	})
	t.Run("AnEmptyGroupIsAnEmptyPage", func(t *testing.T) {
		reply := bench.request("store.acme.list", `{"group":"none"}`)
		assert.Contains(t, string(reply.Data), `{"entries":[],"revision":7,`)
		assert.Contains(t, string(bench.request("store.never.list", ``).Data), `{"entries":[],"revision":0,`)
	})
}

func TestPages_List_Good_APageFitsOneMessage(t *testing.T) {
	bench := startService(t, handler.Config{})
	// Every byte of the value is escaped as six.
	value := strings.Repeat("\x01", 60_000)
	for index := range 8 {
		bench.request(fmt.Sprintf("store.acme.set.big.%d", index), value)
	}
	var keys []string
	after, pages := "", 0
	for {
		reply := bench.request("store.acme.list", `{"group":"big"`+after+`}`)
		assert.LessOrEqual(t, len(reply.Data), 1<<20)
		var page subjects.ListReply
		require.NoError(t, json.Unmarshal(reply.Data, &page), "%.200s", reply.Data)
		keys = append(keys, keysOf(page)...)
		pages++
		if page.Next == "" {
			break
		}
		after = fmt.Sprintf(`,"after":%q`, page.Next)
	}
	assert.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7"}, keys)
	assert.Equal(t, 4, pages)
}

func TestPages_List_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	for field, bodies := range map[string][]string{
		"limit":  {`{"limit":0}`, `{"limit":1001}`, `{"limit":-1}`, `{"limit":1.5}`},
		"prefix": {`{"prefix":"` + strings.Repeat("p", 2049) + `"}`, `{"prefix":1}`},
		"after":  {`{"after":""}`, `{"after":"a b"}`, `{"after":"%41"}`},
		"group":  {`{"group":""}`},
		"key":    {`{"key":"k"}`},
	} {
		for _, body := range bodies {
			failure := bench.refuse("store.acme.list", body)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest, body)
			assert.Equal(t, field, failure.Field, body)
		}
	}
}

func TestPages_Changes_Good(t *testing.T) {
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
	t.Run("TheWaitEnds", func(t *testing.T) {
		page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":5,"wait":"10ms"}`)
		assert.Empty(t, page.Changes)
	})
}

func TestPages_Changes_Bad(t *testing.T) {
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

func TestPages_Changes_Ugly_WhatOneMessageCannotCarry(t *testing.T) {
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
