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
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// startGroups starts a service on the groups a (two keys), a.b and b of acme, and a of
// acme2.
func startGroups(t *testing.T) *bench {
	t.Helper()
	bench := startService(t, handler.Config{})
	for _, entry := range [][3]string{{"acme", "b", "1"}, {"acme", "a", "1"}, {"acme", "a.b", "1"}, {"acme", "a", "2"}, {"acme2", "a", "1"}} {
		ask[subjects.SetReply](bench, "store."+entry[0]+".set", fmt.Sprintf(`{"group":%q,"key":%q,"value":"v"}`, entry[1], entry[2]))
	}
	return bench
}

func TestGroups_Count_Good(t *testing.T) {
	bench := startGroups(t)
	for body, count := range map[string]uint64{
		``: 4, `{}`: 4, `{"prefix":""}`: 4, `{"prefix":"a"}`: 3, `{"prefix":"A"}`: 0, `{"group":"a"}`: 2, `{"group":"none"}`: 0,
	} {
		assert.Equal(t, subjects.CountReply{Count: count, Revision: 4}, ask[subjects.CountReply](bench, "store.acme.count", body), body)
	}
	assert.Equal(t, subjects.CountReply{}, ask[subjects.CountReply](bench, "store.never.count", ``))
}

func TestGroups_Count_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	for field, body := range map[string]string{"prefix": `{"group":"a","prefix":"a"}`, "group": `{"group":""}`, "key": `{"key":"k"}`} {
		failure := bench.refuse("store.acme.count", body)
		assert.ErrorIs(t, failure, subjects.ErrBadRequest)
		assert.Equal(t, field, failure.Field)
	}
}

func TestGroups_Groups_Good(t *testing.T) {
	bench := startGroups(t)
	all := []subjects.GroupStatus{{Group: "a", Keys: 2, Revision: 4}, {Group: "a.b", Keys: 1, Revision: 3}, {Group: "b", Keys: 1, Revision: 1}}

	t.Run("InTheOrderOfBytes", func(t *testing.T) {
		assert.Equal(t, subjects.GroupsReply{Groups: all, Revision: 4}, ask[subjects.GroupsReply](bench, "store.acme.groups", ""))
	})
	t.Run("GoesOnWhereThePageEnded", func(t *testing.T) {
		var found []subjects.GroupStatus
		after := ""
		for {
			page := ask[subjects.GroupsReply](bench, "store.acme.groups", `{"limit":1`+after+`}`)
			found = append(found, page.Groups...)
			if page.Next == "" {
				break
			}
			after = fmt.Sprintf(`,"after":%q`, page.Next)
		}
		assert.Equal(t, all, found)
	})
	t.Run("TakesAPrefixOfBytes", func(t *testing.T) {
		assert.Equal(t, all[1:2], ask[subjects.GroupsReply](bench, "store.acme.groups", `{"prefix":"a."}`).Groups)
		assert.Contains(t, string(bench.request("store.never.groups", ``).Data), `{"groups":[],"revision":0`)
	})
}

func TestGroups_Groups_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	for field, body := range map[string]string{"limit": `{"limit":1001}`, "after": `{"after":"%41"}`, "prefix": `{"prefix":"` + strings.Repeat("p", 513) + `"}`} {
		failure := bench.refuse("store.acme.groups", body)
		assert.ErrorIs(t, failure, subjects.ErrBadRequest)
		assert.Equal(t, field, failure.Field)
	}
}

func TestGroups_Groups_Ugly(t *testing.T) {
	t.Run("APageFitsOneMessage", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		for index := range 400 { // each byte is escaped as six
			require.NoError(t, bench.store.Set(fmt.Sprintf("acme:%s%03d", strings.Repeat("\x01", 509), index), "k", "v"))
		}
		found, after := 0, ""
		for pages := 0; ; pages++ {
			reply := bench.request("store.acme.groups", `{"limit":1000`+after+`}`)
			var page subjects.GroupsReply
			require.NoError(t, json.Unmarshal(reply.Data, &page))
			require.NotEmpty(t, page.Groups, "%.200s", reply.Data)
			found += len(page.Groups)
			if page.Next == "" {
				assert.Equal(t, 1, pages)
				break
			}
			after = fmt.Sprintf(`,"after":%q`, page.Next)
		}
		assert.Equal(t, 400, found)
	})
	t.Run("ANameThatIsNotUTF8IsShownAsItsToken", func(t *testing.T) {
		bench := startService(t, handler.Config{Store: openStore(t, store.StoreConfig{})})
		require.NoError(t, bench.store.Set("acme:\xff", "k", "v"))
		assert.Equal(t, "%FF", ask[subjects.GroupsReply](bench, "store.acme.groups", "").Groups[0].Group)
	})
}

func TestGroups_DeleteGroup_Good(t *testing.T) {
	bench := startGroups(t)
	assert.Equal(t, subjects.DeleteGroupReply{Deleted: 2, Revision: 5}, ask[subjects.DeleteGroupReply](bench, "store.acme.delete_group", `{"group":"a"}`))
	assert.Equal(t, subjects.DeleteGroupReply{Revision: 5}, ask[subjects.DeleteGroupReply](bench, "store.acme.delete_group", `{"group":"a"}`))
	assert.Equal(t, uint64(2), ask[subjects.CountReply](bench, "store.acme.count", "").Count)
	assert.Equal(t, uint64(1), ask[subjects.CountReply](bench, "store.acme2.count", "").Count, "another namespace keeps its own")
	page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":4}`)
	require.Len(t, page.Changes, 1)
	assert.Equal(t, subjects.EventDeleteGroup, page.Changes[0].Type)
}

func TestGroups_DeleteGroup_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	failure := bench.refuse("store.acme.delete_group", `{}`)
	assert.ErrorIs(t, failure, subjects.ErrBadRequest)
	assert.Equal(t, "store.DeleteGroup: group is required", failure.Message)
}

func TestGroups_DeletePrefix_Good(t *testing.T) {
	bench := startGroups(t)
	assert.Equal(t, subjects.DeletePrefixReply{Groups: 2, Deleted: 3, Revision: 6},
		ask[subjects.DeletePrefixReply](bench, "store.acme.delete_prefix", `{"prefix":"a"}`))
	assert.Equal(t, subjects.DeletePrefixReply{Revision: 6}, ask[subjects.DeletePrefixReply](bench, "store.acme.delete_prefix", `{"prefix":"a"}`))
	assert.Equal(t, subjects.DeletePrefixReply{Groups: 1, Deleted: 1, Revision: 7},
		ask[subjects.DeletePrefixReply](bench, "store.acme.delete_prefix", `{"prefix":"","all":true}`))
	assert.Equal(t, uint64(1), ask[subjects.CountReply](bench, "store.acme2.count", "").Count, "acme does not reach acme2")
}

func TestGroups_DeletePrefix_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	failure := bench.refuse("store.acme.delete_prefix", `{}`)
	assert.ErrorIs(t, failure, subjects.ErrBadRequest)
	assert.Equal(t, "store.DeletePrefix: prefix is required", failure.Message)
}
