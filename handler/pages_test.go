// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
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

func TestPages_Scan_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	for _, entry := range [][2]string{{"b", "1"}, {"a", "2"}, {"a.b", "1"}, {"a", "1"}} {
		ask[subjects.SetReply](bench, "store.acme.set", fmt.Sprintf(`{"group":%q,"key":%q,"value":"v"}`, entry[0], entry[1]))
	}
	ask[subjects.SetReply](bench, "store.acme2.set", `{"group":"a","key":"other","value":"v"}`)
	addresses := func(entries []subjects.Entry) (found []string) {
		for _, entry := range entries {
			found = append(found, entry.Group+"/"+entry.Key)
		}
		return found
	}

	t.Run("IsByGroupAndKey", func(t *testing.T) {
		page := ask[subjects.ListReply](bench, "store.acme.scan", `{}`)
		assert.Equal(t, []string{"a/1", "a/2", "a.b/1", "b/1"}, addresses(page.Entries))
		assert.Equal(t, uint64(4), page.Revision)
		assert.Equal(t, bench.store.ID(), page.Store)
		assert.Empty(t, page.Next)
	})
	t.Run("GoesOnWhereThePageEnded", func(t *testing.T) {
		var found []string
		after := ""
		for {
			page := ask[subjects.ListReply](bench, "store.acme.scan", `{"limit":1,"keys_only":true`+after+`}`)
			found = append(found, addresses(page.Entries)...)
			if page.Next == "" {
				break
			}
			assert.Nil(t, page.Entries[0].Value)
			after = fmt.Sprintf(`,"after":%q`, page.Next)
		}
		assert.Equal(t, []string{"a/1", "a/2", "a.b/1", "b/1"}, found)
	})
	t.Run("TakesAPrefixOfGroups", func(t *testing.T) {
		assert.Equal(t, []string{"a.b/1"}, addresses(ask[subjects.ListReply](bench, "store.acme.scan", `{"prefix":"a."}`).Entries))
		assert.Empty(t, ask[subjects.ListReply](bench, "store.acme.scan", `{"prefix":"A"}`).Entries)
	})
}

func TestPages_Scan_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	for field, bodies := range map[string][]string{
		"limit":  {`{"limit":0}`, `{"limit":1001}`},
		"prefix": {`{"prefix":"` + strings.Repeat("p", 513) + `"}`},
		"after":  {`{"after":""}`, `{"after":"a"}`},
		"group":  {`{"group":"g"}`},
	} {
		for _, body := range bodies {
			failure := bench.refuse("store.acme.scan", body)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest, body)
			assert.Equal(t, field, failure.Field, body)
			assert.True(t, strings.HasPrefix(failure.Message, "store.Scan: "), failure.Message)
		}
	}
}

func TestPages_Scan_Good_APageFitsOneMessage(t *testing.T) {
	bench := startService(t, handler.Config{})
	for index := range 4 {
		bench.request(fmt.Sprintf("store.acme.set.g%d.k", index), strings.Repeat("\x01", 60_000))
	}
	reply := bench.request("store.acme.scan", ``)
	assert.LessOrEqual(t, len(reply.Data), 1<<20)
	var page subjects.ListReply
	require.NoError(t, json.Unmarshal(reply.Data, &page))
	assert.Len(t, page.Entries, 2)
	assert.NotEmpty(t, page.Next)
}
