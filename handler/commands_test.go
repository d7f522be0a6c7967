// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// identified returns the headers of a request with an id, and further headers.
func identified(id string, headers ...string) []string {
	return append([]string{subjects.HeaderMessageID, id}, headers...)
}

// requireReplay says that a reply is an earlier one again, headers and all.
func requireReplay(t *testing.T, first, again *nats.Msg) {
	t.Helper()
	require.Empty(t, first.Header.Get(subjects.HeaderErrorCode), "%s", first.Data)
	require.Empty(t, first.Header.Get(subjects.HeaderReplayed))
	require.Equal(t, subjects.ReplayedTrue, again.Header.Get(subjects.HeaderReplayed))
	require.Equal(t, string(first.Data), string(again.Data))
	expected := nats.Header{subjects.HeaderReplayed: {subjects.ReplayedTrue}}
	for name, values := range first.Header {
		expected[name] = values
	}
	require.Equal(t, expected, again.Header)
}

func TestCommands_MessageID_Good(t *testing.T) {
	for name, request := range map[string]struct {
		subject, body string
		headers       []string
		named         []string // the headers of the reply
	}{
		"Set":          {subject: "set", body: `{"key":"new","value":"v"}`},
		"Delete":       {subject: "delete", body: `{"key":"k"}`},
		"Touch":        {subject: "touch", body: `{"key":"k","ttl":"1h"}`},
		"Increment":    {subject: "increment", body: `{"key":"n"}`},
		"DeleteGroup":  {subject: "delete_group", body: `{"group":"default"}`},
		"DeletePrefix": {subject: "delete_prefix", body: `{"prefix":"","all":true}`},
		"Transaction":  {subject: "transaction", body: `{"then":[{"op":"increment","key":"n"},{"op":"get","key":"k"}]}`},
		"RawSet": {
			subject: "set.default.new", body: "\xff\x00", headers: []string{subjects.HeaderTTL, "1h", subjects.HeaderIfRevision, "0"},
			named: []string{subjects.HeaderRevision, subjects.HeaderExpiresAt},
		},
		"RawDelete": {subject: "delete.default.k", named: []string{subjects.HeaderRevision}},
		"RawTouch": {
			subject: "touch.default.k", headers: []string{subjects.HeaderTTL, "1h"}, named: []string{subjects.HeaderRevision, subjects.HeaderExpiresAt},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bench := startService(t, handler.Config{})
			ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
			send := func() *nats.Msg {
				return bench.request("store.acme."+request.subject, request.body, identified("4Xr9", request.headers...)...)
			}
			first := send()
			for _, header := range request.named {
				assert.NotEmpty(t, first.Header.Get(header), header)
			}
			assert.Len(t, first.Header, len(request.named))
			revision := ask[subjects.UsageReply](bench, "store.acme.usage", "").Revision
			requireReplay(t, first, send())
			requireReplay(t, first, send())
			assert.Equal(t, revision, ask[subjects.UsageReply](bench, "store.acme.usage", "").Revision, "nothing is done twice")
		})
	}
}

func TestCommands_MessageID_Good_TwiceAtOnce(t *testing.T) {
	bench := startService(t, handler.Config{})
	release := bench.block()
	const body = `{"key":"visits"}`
	first, again := bench.send("store.acme.increment", body, identified("4Xr9")...), bench.send("store.acme.increment", body, identified("4Xr9")...)
	other := bench.send("store.other.increment", body, identified("4Xr9")...)
	require.NoError(t, bench.client.Flush())
	release()
	requireReplay(t, first(), again())
	assert.Empty(t, other().Header, "an id is that of a namespace")
	assert.Equal(t, "1", *ask[subjects.Entry](bench, "store.acme.get", body).Value)
}

func TestCommands_MessageID_Good_AReadHasNone(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
	for range 2 {
		assert.Empty(t, bench.request("store.acme.get", `{"key":"k","ttl":"1h"}`, identified("4Xr9")...).Header)
		assert.Empty(t, bench.request("store.acme.get", `{"key":"k"}`, identified(strings.Repeat("é", 200))...).Header)
	}
}

func TestCommands_MessageID_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	first := bench.request("store.acme.set.default.k", "v", identified("4Xr9", subjects.HeaderTTL, "1h")...)
	require.Empty(t, first.Header.Get(subjects.HeaderErrorCode))

	t.Run("AnotherRequest", func(t *testing.T) {
		for _, other := range []struct {
			subject, body string
			headers       []string
		}{
			{"set.default.k", "w", []string{subjects.HeaderTTL, "1h"}},
			{"set.default.l", "v", []string{subjects.HeaderTTL, "1h"}},
			{"set.default.k", "v", []string{subjects.HeaderTTL, "2h"}},
			{"set.default.k", "v", nil},
			{"set.default.k", "v", []string{subjects.HeaderTTL, "1h", subjects.HeaderIfRevision, "1"}},
			{"set", `{"key":"k","value":"v","ttl":"1h"}`, nil},
			{"delete.default.k", "", nil},
			{"transaction", `{}`, nil},
		} {
			failure := bench.refuse("store.acme."+other.subject, other.body, identified("4Xr9", other.headers...)...)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, subjects.HeaderMessageID, failure.Field)
			assert.Contains(t, failure.Message, `Nats-Msg-Id "4Xr9" was that of another request within the last 2m0s`)
		}
	})
	t.Run("NoID", func(t *testing.T) {
		for _, id := range []string{"", strings.Repeat("x", 129), "größe", "a\tb"} {
			failure := bench.refuse("store.acme.set", `{"key":"k","value":"v"}`, identified(id)...)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, subjects.HeaderMessageID, failure.Field)
		}
		failure := bench.refuse("store.acme.set", `{"key":"k","value":"v"}`, identified("a", identified("b")...)...)
		assert.Equal(t, "store.Set: header Nats-Msg-Id is given more than once; upper and lower case of its name count the same", failure.Message)
	})
	t.Run("AnErrorIsNotRemembered", func(t *testing.T) {
		assert.ErrorIs(t, bench.refuse("store.acme.touch", `{"key":"later","ttl":"1h"}`, identified("later")...), subjects.ErrNotFound)
		ask[subjects.SetReply](bench, "store.acme.set", `{"key":"later","value":"v"}`)
		assert.Empty(t, bench.request("store.acme.touch", `{"key":"later","ttl":"1h"}`, identified("later")...).Header)
	})
	t.Run("AnAnswerThatIsTooLong", func(t *testing.T) {
		bench.request("store.acme.set.default.long", strings.Repeat("v", store.MaxAnswerBytes))
		const body = `{"then":[{"op":"set","key":"k","value":"changed"},{"op":"get","key":"long"}]}`
		failure := bench.refuse("store.acme.transaction", body, identified("long")...)
		assert.ErrorIs(t, failure, subjects.ErrTooLarge)
		assert.Equal(t, uint64(store.MaxAnswerBytes), *failure.Limit)
		assert.Contains(t, failure.Message, "65536 are allowed with Nats-Msg-Id; ask for less at once, or without it")
		assert.Equal(t, "v", *ask[subjects.Entry](bench, "store.acme.get", `{"key":"k"}`).Value, "nothing was changed")
		assert.Empty(t, bench.request("store.acme.transaction", body).Header, "without an id it is not too long")
	})
}

func TestCommands_MessageID_Ugly(t *testing.T) {
	t.Run("AcrossARestart", func(t *testing.T) {
		path := t.TempDir() + "/storebus.db"
		opened := openStore(t, store.StoreConfig{DatabasePath: path, Limits: limits})
		bench := startService(t, handler.Config{Store: opened})
		first := bench.request("store.acme.set.default.k", "v", identified("4Xr9", subjects.HeaderTTL, "1h")...)
		require.NoError(t, bench.service.Stop(t.Context()))
		require.NoError(t, opened.Close())
		bench = startService(t, handler.Config{Store: openStore(t, store.StoreConfig{DatabasePath: path, Limits: limits})})
		requireReplay(t, first, bench.request("store.acme.set.default.k", "v", identified("4Xr9", subjects.HeaderTTL, "1h")...))
	})
	t.Run("WithoutAReplySubject", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		for range 2 {
			require.NoError(t, bench.client.PublishMsg(newMessage("store.acme.increment", `{"key":"n"}`, identified("4Xr9")...)))
		}
		again := bench.request("store.acme.increment", `{"key":"n"}`, identified("4Xr9")...)
		assert.Equal(t, `{"value":1,"revision":1}`, string(again.Data))
		assert.Equal(t, subjects.ReplayedTrue, again.Header.Get(subjects.HeaderReplayed))
	})
}

// Replies that nobody takes fill only the share of their own namespace. If a write cannot
// be answered, it is not executed.
func TestCommands_Remembered_Ugly_NoRoomForTheReply(t *testing.T) {
	bench := startService(t, handler.Config{QueueBytes: 40_000})
	bench.request("store.acme.set.default.long", strings.Repeat("v", 30_000))
	bench.request("store.other.set.default.k", "v")
	release := bench.block()
	requests := []string{
		`{"then":[{"op":"increment","key":"n"},{"op":"get","key":"long"}]}`,
		`{"then":[{"op":"increment","key":"n"},{"op":"get","key":"long"}]}`,
	}
	var receive []func() *nats.Msg
	for _, body := range requests {
		receive = append(receive, bench.send("store.acme.transaction", body))
	}
	receive = append(receive, bench.send("store.acme.get", `{"key":"long","ttl":"1h"}`), bench.send("store.other.get", `{"key":"k","ttl":"1h"}`))
	bench.awaitRequests(4)
	release()
	codes := map[string]int{}
	for _, next := range receive[:3] {
		codes[next().Header.Get(subjects.HeaderErrorCode)]++
	}
	assert.Equal(t, map[string]int{"": 1, "503": 2}, codes, "they are answered together, and one reply is more than a half")
	assert.Empty(t, receive[3]().Header, "the other namespace has room")
	assert.Equal(t, uint64(2), ask[subjects.UsageReply](bench, "store.acme.usage", "").Revision, "what was refused has changed nothing")
	assert.Eventually(t, func() bool { return bench.service.Queue().ResultBytes == 0 }, patience, time.Millisecond)
}
