// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// scripted serves a subject with one reply and gives the body of the last request.
func scripted(t *testing.T, subject, reply string) (store *client.Client, request func() string) {
	t.Helper()
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	requests := make(chan string, 1)
	answer(t, connection, subject, func(request *nats.Msg) *nats.Msg {
		requests <- string(request.Data)
		return body(reply)
	})
	return newClient(t, connection.ConnectedUrl(), client.Config{}), func() string { return <-requests }
}

func TestEntries_Set_Good(t *testing.T) {
	store, request := scripted(t, "store.acme.set", `{"revision":42,"created":true,"expires_at":"2026-11-22T10:01:00Z"}`)

	t.Run("SendsNothingThatWasNotAskedFor", func(t *testing.T) {
		reply, err := store.Set(t.Context(), "acme", "config", "theme", []byte("dark"), client.SetOptions{})
		require.NoError(t, err)
		assert.JSONEq(t, `{"group":"config","key":"theme","value":"dark"}`, request())
		assert.Equal(t, subjects.SetReply{Revision: 42, Created: true, ExpiresAt: time.Date(2026, 11, 22, 10, 1, 0, 0, time.UTC)}, reply)
	})
	t.Run("SendsTheOptions", func(t *testing.T) {
		_, err := store.Set(t.Context(), "acme", "config", "theme", []byte("dark"), client.SetOptions{
			TTL: subjects.After(90 * time.Second), IfRevision: client.Revision(0),
		})
		require.NoError(t, err)
		assert.JSONEq(t, `{"group":"config","key":"theme","value":"dark","ttl":90,"if_revision":0}`, request())
	})
	t.Run("SendsAnEmptyValue", func(t *testing.T) {
		_, err := store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{TTL: subjects.KeepExpiry})
		require.NoError(t, err)
		assert.JSONEq(t, `{"group":"config","key":"theme","value":"","ttl":"keep"}`, request())
	})
	t.Run("SendsAnyBytes", func(t *testing.T) {
		_, err := store.Set(t.Context(), "acme", "a.b*", "<k>", []byte{0xff, 0x00}, client.SetOptions{})
		require.NoError(t, err)
		assert.JSONEq(t, `{"group":"a.b*","key":"<k>","value":"/wA=","encoding":"base64"}`, request())
	})
}

func TestEntries_Get_Good(t *testing.T) {
	t.Run("GivesTheEntry", func(t *testing.T) {
		store, request := scripted(t, "store.acme.get",
			`{"group":"config","key":"theme","value":"dark","revision":42,"updated_at":"2026-11-22T10:00:00.5Z","expires_at":"2026-11-22T10:01:00Z"}`)
		entry, err := store.Get(t.Context(), "acme", "config", "theme")
		require.NoError(t, err)
		assert.JSONEq(t, `{"group":"config","key":"theme"}`, request())
		assert.Equal(t, client.Entry{
			Group: "config", Key: "theme", Value: []byte("dark"), Revision: 42,
			UpdatedAt: time.Date(2026, 11, 22, 10, 0, 0, 500_000_000, time.UTC),
			ExpiresAt: time.Date(2026, 11, 22, 10, 1, 0, 0, time.UTC),
		}, entry)
	})
	t.Run("GivesAnyBytes", func(t *testing.T) {
		store, _ := scripted(t, "store.acme.get",
			`{"group":"config","key":"icon","value":"/wA=","encoding":"base64","revision":1,"updated_at":"2026-11-22T10:00:00Z"}`)
		entry, err := store.Get(t.Context(), "acme", "config", "icon")
		require.NoError(t, err)
		assert.Equal(t, []byte{0xff, 0x00}, entry.Value)
		assert.True(t, entry.ExpiresAt.IsZero())
	})
}

func TestEntries_Get_Bad(t *testing.T) {
	store, _ := scripted(t, "store.acme.get", `{"group":"config","key":"icon","value":"?","encoding":"base64","revision":1}`)
	_, err := store.Get(t.Context(), "acme", "config", "icon")
	assert.ErrorContains(t, err, `client.Get: group "config" key "icon": the reply is not one of storebus`)
}

func TestEntries_Exists_Good(t *testing.T) {
	store, request := scripted(t, "store.acme.exists", `{"exists":false}`)
	reply, err := store.Exists(t.Context(), "acme", "config", "theme")
	require.NoError(t, err)
	assert.JSONEq(t, `{"group":"config","key":"theme"}`, request())
	assert.Equal(t, subjects.ExistsReply{}, reply)
}

func TestEntries_Delete_Good(t *testing.T) {
	store, request := scripted(t, "store.acme.delete", `{"deleted":true,"revision":43}`)
	reply, err := store.Delete(t.Context(), "acme", "config", "theme", client.DeleteOptions{IfRevision: client.Revision(42)})
	require.NoError(t, err)
	assert.JSONEq(t, `{"group":"config","key":"theme","if_revision":42}`, request())
	assert.Equal(t, subjects.DeleteReply{Deleted: true, Revision: 43}, reply)
}

func TestEntries_List_Good(t *testing.T) {
	store, request := scripted(t, "store.acme.list",
		`{"entries":[{"group":"config","key":"theme","revision":42,"updated_at":"2026-11-22T10:00:00Z"}],"next":"theme","revision":50,"store":"k3F"}`)

	t.Run("SendsNothingThatWasNotAskedFor", func(t *testing.T) {
		page, err := store.List(t.Context(), "acme", "config", client.ListOptions{})
		require.NoError(t, err)
		assert.JSONEq(t, `{"group":"config"}`, request())
		assert.Equal(t, client.Page{
			Entries: []client.Entry{{Group: "config", Key: "theme", Revision: 42, UpdatedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}},
			Next:    "theme", Revision: 50, Store: "k3F",
		}, page)
	})
	t.Run("SendsTheOptions", func(t *testing.T) {
		_, err := store.List(t.Context(), "acme", "config", client.ListOptions{
			Prefix: "t", After: "theme", Limit: 10, KeysOnly: true, Descending: true,
		})
		require.NoError(t, err)
		assert.JSONEq(t, `{"group":"config","prefix":"t","after":"theme","limit":10,"keys_only":true,"descending":true}`, request())
	})
}

// servePages lists three keys on two pages. secondPage is the second reply, which may be an
// error.
func servePages(t *testing.T, secondPage *nats.Msg) *client.Client {
	t.Helper()
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	answer(t, connection, "store.acme.list", func(request *nats.Msg) *nats.Msg {
		if string(request.Data) == `{"group":"config","limit":2}` {
			return body(`{"entries":[{"key":"a"},{"key":"b"}],"next":"b","revision":3,"store":"k3F"}`)
		}
		assert.JSONEq(t, `{"group":"config","limit":2,"after":"b"}`, string(request.Data))
		return secondPage
	})
	return newClient(t, connection.ConnectedUrl(), client.Config{})
}

func TestEntries_ListAll_Good(t *testing.T) {
	store := servePages(t, body(`{"entries":[{"key":"c"}],"revision":3,"store":"k3F"}`))
	entries := store.ListAll(t.Context(), "acme", "config", client.ListOptions{Limit: 2})

	for _, name := range []string{"GivesEveryPage", "StartsOverWhenRangedOverAgain"} {
		t.Run(name, func(t *testing.T) {
			var keys []string
			for entry, err := range entries {
				require.NoError(t, err)
				keys = append(keys, entry.Key)
			}
			assert.Equal(t, []string{"a", "b", "c"}, keys)
		})
	}
	t.Run("EndsWithTheLoop", func(t *testing.T) {
		for entry, err := range entries {
			require.NoError(t, err)
			assert.Equal(t, "a", entry.Key)
			break
		}
	})
}

func TestEntries_ListAll_Bad(t *testing.T) {
	store := servePages(t, refusal("503", `{"error":{"code":503,"name":"unavailable","message":"shutting down"}}`))
	var keys []string
	var failure error
	for entry, err := range store.ListAll(t.Context(), "acme", "config", client.ListOptions{Limit: 2}) {
		if err != nil {
			failure = err
			continue
		}
		keys = append(keys, entry.Key)
	}
	assert.Equal(t, []string{"a", "b"}, keys)
	require.ErrorIs(t, failure, subjects.ErrUnavailable)
	assert.ErrorContains(t, failure, "client.ListAll: shutting down")
}
