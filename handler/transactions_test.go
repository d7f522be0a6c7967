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

func TestTransactions_Transaction_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"stock","key":"apples","value":"3"}`)

	t.Run("CarriesOutEveryKindOfOperation", func(t *testing.T) {
		reply := ask[subjects.TransactionReply](bench, "store.acme.transaction", `{
			"if":[{"group":"stock","key":"apples","revision":1,"exists":true,"value":"3"},{"key":"none","exists":false}],
			"then":[
				{"op":"increment","group":"stock","key":"apples","by":-1,"ttl":"1h"},
				{"op":"set","key":"k","value":"djE=","encoding":"base64","ttl":"1h"},
				{"op":"get","key":"k"},
				{"op":"get","key":"none"},
				{"op":"get","key":"k","ttl":"never"},
				{"op":"touch","key":"k","ttl":"2h"},
				{"op":"delete","key":"k"},
				{"op":"delete","key":"k"},
				{"op":"delete_group","group":"stock"}
			]}`)
		assert.True(t, reply.Succeeded)
		assert.Equal(t, uint64(2), reply.FirstRevision)
		assert.Equal(t, uint64(7), reply.Revision)
		require.Len(t, reply.Results, 9)
		assert.Contains(t, string(reply.Results[0]), `{"value":2,"revision":2,"expires_at":`)
		assert.Contains(t, string(reply.Results[1]), `{"revision":3,"created":true,"expires_at":`)
		assert.Contains(t, string(reply.Results[2]), `{"group":"default","key":"k","value":"v1","revision":3,`)
		assert.JSONEq(t, `{"group":"default","key":"none","missing":true}`, string(reply.Results[3]))
		var touched subjects.Lookup
		require.NoError(t, json.Unmarshal(reply.Results[4], &touched))
		assert.Equal(t, uint64(4), touched.Revision)
		assert.Zero(t, touched.ExpiresAt)
		assert.Contains(t, string(reply.Results[5]), `{"revision":5,"expires_at":`)
		assert.JSONEq(t, `{"deleted":true,"revision":6}`, string(reply.Results[6]))
		assert.JSONEq(t, `{"deleted":false,"revision":6}`, string(reply.Results[7]))
		assert.JSONEq(t, `{"deleted":1,"revision":7}`, string(reply.Results[8]))
	})
	t.Run("TakesTheOtherListWhereAGuardDoesNotHold", func(t *testing.T) {
		reply := ask[subjects.TransactionReply](bench, "store.acme.transaction",
			`{"if":[{"key":"k","exists":true}],"then":[{"op":"delete","key":"k"}],"else":[{"op":"set","key":"k","value":"v"}]}`)
		assert.False(t, reply.Succeeded)
		assert.Equal(t, uint64(8), reply.FirstRevision)
		require.Len(t, reply.Results, 1)
	})
	t.Run("MayHaveNothingToDo", func(t *testing.T) {
		assert.JSONEq(t, `{"succeeded":true,"revision":8,"results":[]}`, string(bench.request("store.acme.transaction", ``).Data))
	})
	t.Run("ItsEventsSayThatTheyBelongTogether", func(t *testing.T) {
		trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		ask[subjects.TransactionReply](bench, "store.acme.transaction", `{"then":[{"op":"set","key":"a","value":"1"},{"op":"get","key":"a","ttl":"1h"}]}`,
			subjects.HeaderTraceParent, trace)
		page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":8}`)
		require.Len(t, page.Changes, 2)
		for _, change := range page.Changes {
			assert.Equal(t, subjects.TransactionRange{First: 9, Last: 10}, *change.Transaction)
		}
	})
}

func TestTransactions_Transaction_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)

	t.Run("Malformed", func(t *testing.T) {
		for field, body := range map[string]string{
			"if/0":            `{"if":[{"key":"k"}]}`,
			"if/0/value":      `{"if":[{"key":"k","value":"?","encoding":"base64"}]}`,
			"then/1/key":      `{"then":[{"op":"get","key":"k"},{"op":"get"}]}`,
			"then/0/op":       `{"then":[{"op":"scan"}]}`,
			"then/0/ttl":      `{"then":[{"op":"delete","key":"k","ttl":"1h"}]}`,
			"else/0/value":    `{"else":[{"op":"set","key":"k"}]}`,
			"else/0/encoding": `{"else":[{"op":"set","key":"k","value":"v","encoding":"hex"}]}`,
			"then":            `{"then":[` + strings.TrimSuffix(strings.Repeat(`{"op":"get","key":"k"},`, 1001), ",") + `]}`,
		} {
			failure := bench.refuse("store.acme.transaction", body)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, field, failure.Field)
			assert.True(t, strings.HasPrefix(failure.Message, "store.Transaction: "), failure.Message)
		}
	})
	t.Run("TheOperationAtFaultIsNamed", func(t *testing.T) {
		for _, operation := range []struct {
			body    string
			failure *subjects.Error
			message string
		}{
			{`{"op":"touch","key":"none","ttl":"1h"}`, subjects.ErrNotFound, "default/none is not there"},
			{`{"op":"set","group":"config","key":"theme","value":"v","if_revision":7}`, subjects.ErrRevisionConflict, "config/theme stands at revision 1, not 7"},
			{`{"op":"delete","group":"config","key":"theme","if_revision":0}`, subjects.ErrRevisionConflict, "config/theme stands at revision 1, not 0"},
			{`{"op":"increment","group":"config","key":"theme"}`, subjects.ErrBadRequest, "config/theme: value is not a number: only a whole number of"},
			{`{"op":"set","key":"k","value":"` + strings.Repeat("v", 1<<20-20<<10) + `"}`, subjects.ErrTooLarge, "default/k takes"},
		} {
			for list, condition := range map[string]string{"then": "false", "else": "true"} {
				body := fmt.Sprintf(`{"if":[{"key":"guard","exists":%s}],%q:[{"op":"set","key":"first","value":"v"},%s]}`, condition, list, operation.body)
				failure := bench.refuse("store.acme.transaction", body)
				assert.ErrorIs(t, failure, operation.failure)
				assert.Equal(t, 1, *failure.Index)
				assert.Contains(t, failure.Message, "store.Transaction: "+list+"/1: "+operation.message)
			}
		}
		failure := bench.refuse("store.acme.transaction", `{"then":[{"op":"touch","key":"none","ttl":"1h"}]}`)
		assert.Equal(t, "store.Transaction: then/0: default/none is not there", failure.Message, "and the entry once")
	})
	t.Run("NothingWasChanged", func(t *testing.T) {
		assert.Equal(t, uint64(1), ask[subjects.UsageReply](bench, "store.acme.usage", "").Revision)
	})
}

func TestTransactions_Transaction_Ugly_AReplyThatDoesNotFit(t *testing.T) {
	bench := startService(t, handler.Config{})
	bench.request("store.acme.set.default.long", strings.Repeat("v", 600<<10))
	failure := bench.refuse("store.acme.transaction",
		`{"then":[{"op":"set","key":"k","value":"v"},{"op":"get","key":"long"},{"op":"get","key":"long"}]}`)
	assert.ErrorIs(t, failure, subjects.ErrTooLarge)
	assert.Equal(t, uint64(1<<20), *failure.Limit)
	assert.ErrorIs(t, bench.refuse("store.acme.get", `{"key":"k"}`), subjects.ErrNotFound, "nothing was changed")
}
