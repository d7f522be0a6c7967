// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

func number(value uint64) string { return strconv.FormatUint(value, 10) }

func TestTransaction_Transaction_Good(t *testing.T) {
	everything := client.Transaction{
		If: []client.Guard{
			client.RevisionIs("config", "theme", 41), client.Present("config", "a"), client.Absent("config", "b"), client.ValueIs("config", "c", []byte("\xff")),
		},
		Then: []client.Operation{
			client.SetOperation("config", "theme", []byte("dark"), client.SetOptions{TTL: subjects.KeepExpiry, IfRevision: client.Revision(41)}),
			client.GetOperation("config", "theme"),
			client.GetAndTouchOperation("config", "missing", subjects.After(time.Minute)),
			client.DeleteOperation("config", "a", client.DeleteOptions{IfRevision: client.Revision(7)}),
			client.TouchOperation("config", "c", subjects.NeverExpires, client.TouchOptions{IfRevision: client.Revision(8)}),
			client.IncrementOperation("counters", "visits", 2, client.IncrementOptions{TTL: new(subjects.After(time.Hour))}),
			client.DeleteGroupOperation("old"),
		},
		Else: []client.Operation{client.GetOperation("config", "theme")},
	}
	t.Run("SendsWhatItIsMadeOf", func(t *testing.T) {
		store, request := scripted(t, "store.acme.transaction", `{"succeeded":false,"revision":42,"results":[{"group":"config","key":"theme","missing":true}]}`)
		reply, err := store.Transaction(t.Context(), "acme", everything)
		require.NoError(t, err)
		assert.JSONEq(t, `{
			"if":[{"group":"config","key":"theme","revision":41},{"group":"config","key":"a","exists":true},{"group":"config","key":"b","exists":false},
				{"group":"config","key":"c","value":"/w==","encoding":"base64"}],
			"then":[{"op":"set","group":"config","key":"theme","value":"dark","ttl":"keep","if_revision":41},
				{"op":"get","group":"config","key":"theme"},
				{"op":"get","group":"config","key":"missing","ttl":60},
				{"op":"delete","group":"config","key":"a","if_revision":7},
				{"op":"touch","group":"config","key":"c","ttl":"never","if_revision":8},
				{"op":"increment","group":"counters","key":"visits","by":2,"ttl":3600},
				{"op":"delete_group","group":"old"}],
			"else":[{"op":"get","group":"config","key":"theme"}]}`, request())
		assert.Equal(t, client.TransactionReply{
			Revision: 42, Results: []client.Result{{Get: &client.Lookup{Entry: client.Entry{Group: "config", Key: "theme"}, Missing: true}}},
		}, reply)
	})
	t.Run("GivesTheResultOfEachOperation", func(t *testing.T) {
		store, _ := scripted(t, "store.acme.transaction", `{"succeeded":true,"first_revision":42,"revision":46,"results":[
			{"revision":42,"created":true,"expires_at":"2026-11-22T10:01:00Z"},
			{"group":"config","key":"theme","value":"dark","revision":42,"updated_at":"2026-11-22T10:01:00Z"},
			{"group":"config","key":"missing","missing":true},
			{"deleted":true,"revision":43},
			{"revision":44},
			{"value":9,"revision":45},
			{"deleted":3,"revision":46}]}`)
		reply, err := store.Transaction(t.Context(), "acme", everything)
		require.NoError(t, err)
		assert.Equal(t, client.TransactionReply{
			Succeeded: true, FirstRevision: 42, Revision: 46,
			Results: []client.Result{
				{Set: &subjects.SetReply{Revision: 42, Created: true, ExpiresAt: aMinutePastTen}},
				{Get: &client.Lookup{Entry: client.Entry{Group: "config", Key: "theme", Value: []byte("dark"), Revision: 42, UpdatedAt: aMinutePastTen}}},
				{Get: &client.Lookup{Entry: client.Entry{Group: "config", Key: "missing"}, Missing: true}},
				{Delete: &subjects.DeleteReply{Deleted: true, Revision: 43}},
				{Touch: &subjects.TouchReply{Revision: 44}},
				{Increment: &subjects.IncrementReply{Value: 9, Revision: 45}},
				{DeleteGroup: &subjects.DeleteGroupReply{Deleted: 3, Revision: 46}},
			},
		}, reply)
	})
	t.Run("MayBeReadAsJSON", func(t *testing.T) {
		store, request := scripted(t, "store.acme.transaction", `{"succeeded":true,"revision":42,"results":[{"deleted":1,"revision":42}]}`)
		text := `{"if":[{"key":"k","exists":true}],"then":[{"op":"delete_group","group":"g"}],"else":[{"op":"delete","key":"k"}]}`
		var parsed subjects.TransactionRequest
		require.NoError(t, subjects.Decode([]byte(text), &parsed))
		_, err := store.Transaction(t.Context(), "acme", client.NewTransaction(parsed))
		require.NoError(t, err)
		assert.JSONEq(t, text, request())
	})
	t.Run("MayBeEmpty", func(t *testing.T) {
		store, request := scripted(t, "store.acme.transaction", `{"succeeded":true,"revision":42,"results":[]}`)
		reply, err := store.Transaction(t.Context(), "acme", client.Transaction{})
		require.NoError(t, err)
		assert.JSONEq(t, `{}`, request())
		assert.Equal(t, client.TransactionReply{Succeeded: true, Revision: 42, Results: []client.Result{}}, reply)
	})
}

func TestTransaction_Transaction_Bad(t *testing.T) {
	t.Run("ChecksBeforeSending", func(t *testing.T) {
		store, _ := scripted(t, "store.acme.transaction", `{}`)
		for field, transaction := range map[string]client.Transaction{
			"Nats-Msg-Id": {Else: []client.Operation{client.SetOperation("g", "k", nil, client.SetOptions{MessageID: "a"})}},
			"then/0/ttl":  {Then: []client.Operation{client.TouchOperation("g", "k", subjects.KeepExpiry, client.TouchOptions{})}},
			"else/1/key":  {Else: []client.Operation{client.DeleteGroupOperation("g"), client.GetOperation("g", "")}},
			"if/0/group":  {If: []client.Guard{client.Absent("", "k")}},
			"if/0/key":    {If: []client.Guard{{}}},
			"then/0/op":   {Then: make([]client.Operation, 1)},
			"then":        {Then: make([]client.Operation, subjects.MaxElements+1)},
		} {
			_, err := store.Transaction(t.Context(), "acme", transaction)
			require.ErrorIs(t, err, subjects.ErrBadRequest, field)
			require.ErrorContains(t, err, "client.Transaction: ")
			var failure *subjects.Error
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, field, failure.Field)
		}
	})
	t.Run("TakesNoMessageIDInThen", func(t *testing.T) {
		store, _ := scripted(t, "store.acme.transaction", `{}`)
		_, err := store.Transaction(t.Context(), "acme", client.Transaction{
			Then: []client.Operation{client.DeleteGroupOperation("g"), client.DeleteOperation("g", "k", client.DeleteOptions{MessageID: "a"})},
		})
		assert.ErrorContains(t, err, "client.Transaction: then/1: MessageID is the transaction's")
	})
	t.Run("RefusesRepliesThatAreNone", func(t *testing.T) {
		for name, results := range map[string]string{
			"AnotherNumberOfResults": `[]`,
			"ResultThatIsNone":       `["x",{}]`,
			"LookupThatIsNone":       `[{},"x"]`,
			"ValueThatIsNone":        `[{},{"value":"?","encoding":"base64"}]`,
		} {
			t.Run(name, func(t *testing.T) {
				store, _ := scripted(t, "store.acme.transaction", `{"succeeded":true,"revision":42,"results":`+results+`}`)
				_, err := store.Transaction(t.Context(), "acme", client.Transaction{
					Then: []client.Operation{client.DeleteGroupOperation("g"), client.GetOperation("g", "k")},
				})
				require.ErrorContains(t, err, "client.Transaction: ")
				assert.ErrorContains(t, err, "the reply is not one of storebus")
			})
		}
	})
}
