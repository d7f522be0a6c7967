// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEvents_Publish_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.>")
	store := acme.changes(t, "after", 0).Store

	acme.set(t, "config", "theme", "dark")
	acme.set(t, "other", "k", "v")
	acme.set(t, "config", "theme", "light")
	acme.remove(t, "config", "theme")

	expected := []struct {
		subject   string
		body      map[string]any
		timestamp time.Time
	}{
		{subject: "store.events.acme.config", body: map[string]any{"revision": 1, "previous": 0, "type": "set",
			"group": "config", "key": "theme", "value": "dark", "created": true}},
		{subject: "store.events.acme.other", body: map[string]any{"revision": 2, "previous": 0, "type": "set",
			"group": "other", "key": "k", "value": "v", "created": true}},
		{subject: "store.events.acme.config", body: map[string]any{"revision": 3, "previous": 1, "type": "set",
			"group": "config", "key": "theme", "value": "light", "created": false}},
		{subject: "store.events.acme.config", body: map[string]any{"revision": 4, "previous": 3, "type": "delete",
			"group": "config", "key": "theme"}},
	}
	for index, want := range expected {
		message := receive(t, events)
		assert.Equal(t, want.subject, message.Subject)
		assert.Empty(t, message.Reply)
		assert.Equal(t, nats.Header{headerMessageID: {fmt.Sprintf("%s:acme:%d", store, index+1)}}, message.Header, "and nothing else")
		timestamp := decodeBody[event](t, message.Data).Timestamp
		assert.WithinDuration(t, time.Now(), timestamp, patience)
		assert.Equal(t, time.UTC, timestamp.Location())
		body := maps.Clone(want.body)
		body["store"], body["namespace"], body["timestamp"] = store, "acme", timestamp.Format(time.RFC3339Nano)
		assert.JSONEq(t, object(t, flatten(body)...), string(message.Data))
	}
}

// flatten turns a map into pairs.
func flatten(fields map[string]any) []any {
	var pairs []any
	for name, value := range fields {
		pairs = append(pairs, name, value)
	}
	return pairs
}

func TestEvents_Silence_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.>")
	acme.set(t, "config", "theme", "dark")
	assert.Equal(t, uint64(1), decodeBody[event](t, receive(t, events).Data).Revision)

	decode[entry](t, acme.call(t, "get", `{"group":"config","key":"theme"}`))
	acme.raw(t, "get", "config", "theme", nil)
	acme.pages(t, "group", "config")
	acme.changes(t, "after", 0)
	decode[existsReply](t, acme.call(t, "exists", `{"key":"k"}`))
	decode[deleteReply](t, acme.call(t, "delete", `{"key":"k"}`))
	requireFailure(t, acme.call(t, "set", `{"key":"k","value":"v","if_revision":7}`), 409, "revision_conflict")
	requireFailure(t, acme.call(t, "set", `{"key":""}`), 400, "bad_request")
	readStatus(t, acme.connection)

	acme.set(t, "config", "theme", "light")
	assert.Equal(t, uint64(2), decodeBody[event](t, receive(t, events).Data).Revision, "only a change is announced")
	requireSilence(t, acme.connection, events)
}

func TestEvents_TraceParent_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.acme.>")
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

	message := nats.NewMsg("store.acme.set")
	message.Data = []byte(`{"key":"k","value":"v"}`)
	message.Header.Set(headerTraceParent, parent)
	message.Header.Set("X-Other", "not passed on")
	decode[setReply](t, acme.send(t, message))
	decode[deleteReply](t, acme.raw(t, "delete", "default", "k", nil, headerTraceParent, parent))
	acme.set(t, "default", "k", "without")

	for range 2 {
		announced := receive(t, events)
		assert.Equal(t, parent, announced.Header.Get(headerTraceParent))
		assert.ElementsMatch(t, []string{headerMessageID, headerTraceParent}, slices.Collect(maps.Keys(announced.Header)))
	}
	assert.NotContains(t, receive(t, events).Header, headerTraceParent)
}

func TestEvents_TraceParent_Good_OfEveryWrite(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for outcome, write := range writes {
		t.Run(outcome, func(t *testing.T) {
			acme, events := newForWrites(t)
			requireFirst(t, acme.identified(t, outcome, write.verb, write.payload, append(write.header, headerTraceParent, parent)...))
			announced := events.next(t)
			assert.Equal(t, parent, announced.Header.Get(headerTraceParent))
			id := decodeBody[event](t, announced.Data).Store + ":" + acme.namespace + ":3"
			assert.Equal(t, nats.Header{headerMessageID: {id}, headerTraceParent: {parent}}, announced.Header, "and nothing else")
		})
	}
}

// Every change of the store has its event, and changes returns exactly the published bytes.
func TestEvents_Changes_Good(t *testing.T) {
	acme := newNamespace(t)
	events := acme.events(t)
	writeEverything(t, acme)
	log := acme.wholeLog(t)
	previous, types := map[string]uint64{}, map[string]bool{}
	for index, change := range log {
		announced := events.next(t)
		require.Equal(t, string(announced.Data), string(change), "byte for byte")
		decoded := decodeBody[event](t, change)
		assert.Equal(t, uint64(index+1), decoded.Revision)
		assert.Equal(t, previous[decoded.Group], *decoded.Previous)
		assert.Equal(t, "store.events."+acme.namespace+"."+token(decoded.Group), announced.Subject)
		assert.Equal(t, fmt.Sprintf("%s:%s:%d", decoded.Store, acme.namespace, index+1), announced.Header.Get(headerMessageID))
		assert.Equal(t, decoded.Type == "set", decoded.Value != nil, "value and created in a set only")
		assert.Equal(t, decoded.Type == "set", decoded.Created != nil)
		assert.Equal(t, decoded.Type == "delete_group", decoded.Key == nil, "key in all but delete_group")
		previous[decoded.Group], types[decoded.Type] = decoded.Revision, true
	}
	requireSilence(t, acme.connection, events.Subscription)
	assert.ElementsMatch(t, []string{"set", "delete", "delete_group", "touch", "expire"}, slices.Collect(maps.Keys(types)))
	t.Run("OfOneGroup", func(t *testing.T) {
		page := acme.changes(t, "after", 0, "group", "doomed")
		kinds := []string{}
		for _, change := range page.Changes {
			kinds = append(kinds, decodeBody[event](t, change).Type)
		}
		assert.Equal(t, []string{"set", "set", "delete_group", "set"}, kinds, "a delete_group is a change of its group")
	})
}

// writeEverything makes every kind of change, and leaves a few entries.
func writeEverything(t *testing.T, acme *tenant) {
	t.Helper()
	acme.set(t, "config", "theme", "dark")
	decode[setReply](t, acme.raw(t, "set", "files", "a*b", []byte("\xff")))
	decode[touchReply](t, acme.call(t, "touch", `{"group":"config","key":"theme","ttl":"1h"}`))
	decode[entry](t, acme.call(t, "get", `{"group":"files","key":"a*b","ttl":"2h"}`))
	decode[incrementReply](t, acme.call(t, "increment", `{"key":"n","by":-5,"ttl":"1h"}`))
	acme.set(t, "doomed", "a", "v")
	acme.set(t, "doomed", "b", "v")
	decode[deleteGroupReply](t, acme.call(t, "delete_group", `{"group":"doomed"}`))
	acme.set(t, "doomed", "a", "again")
	acme.transact(t, `{"then":[{"op":"increment","key":"n"},{"op":"set","group":"gone:a","key":"k","value":"v"},
		{"op":"set","group":"gone:b","key":"k","value":"v"},{"op":"touch","key":"n","ttl":"never"}]}`)
	decode[deletePrefixReply](t, acme.call(t, "delete_prefix", `{"prefix":"gone:"}`))
	acme.set(t, "config", "old", "v")
	acme.remove(t, "config", "old")
	setBriefly(t, acme, "brief", "k")
	decode[setReply](t, acme.call(t, "set", `{"group":"brief","key":"k","value":"w"}`)) // logs the expire first
}

func TestEvents_TraceParent_Ugly(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.acme.>")
	message := nats.NewMsg("store.acme.set.large.k")
	message.Data = []byte(strings.Repeat("x", maxPayload-70<<10))
	message.Header.Set(headerTraceParent, strings.Repeat("0", 68<<10))

	refused := acme.send(t, message).Header.Get(headerErrorCode) != ""
	acme.set(t, "small", "k", "v")
	if !refused {
		assert.Equal(t, "large", decodeBody[event](t, receive(t, events).Data).Group)
	}
	assert.Equal(t, "small", decodeBody[event](t, receive(t, events).Data).Group, "an odd header never holds up the events")
}

func TestEvents_Order_Good(t *testing.T) {
	const namespaces, writers, writes = 3, 8, 50
	sidecar := startSidecar(t)
	listener := connect(t, sidecar.NATSURL())
	events := subscribe(t, listener, "store.events.>")
	var group sync.WaitGroup
	for writer := range writers {
		connection := connect(t, sidecar.NATSURL())
		group.Go(func() {
			for write := range writes {
				subject := fmt.Sprintf("store.ns-%d.set.g%d.k%d", (writer+write)%namespaces, write%2, write%5)
				_, err := connection.Request(subject, fmt.Appendf(nil, "%d-%d", writer, write), patience)
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()

	revisions, previous := map[string]uint64{}, map[string]uint64{}
	for range writers * writes {
		change := decodeBody[event](t, receive(t, events).Data)
		revisions[change.Namespace]++
		require.Equal(t, revisions[change.Namespace], change.Revision, "dense and in order")
		inGroup := change.Namespace + "." + change.Group
		require.NotNil(t, change.Previous)
		require.Equal(t, previous[inGroup], *change.Previous, "the change before it in the same group")
		previous[inGroup] = change.Revision
	}
	requireSilence(t, listener, events)
	for namespace, revision := range revisions {
		assert.Equal(t, revision, (&tenant{connection: listener, namespace: namespace}).revision(t))
	}
}

// If a client writes at the very moment at which a new sidecar begins to serve, the change
// still has its event.
func TestEvents_FirstWrite_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	for round := range 3 {
		prefix := fmt.Sprintf("round-%d", round)
		connection := connect(t, outside.URL())
		events := subscribe(t, connection, prefix+".events.>")
		served, stop := make(chan struct{}), make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			defer close(served)
			for {
				reply, err := connection.Request(prefix+".acme.set", []byte(`{"key":"k","value":"v"}`), patience)
				if err == nil && reply.Header.Get(headerErrorCode) == "" {
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		config := outsideConfig(t, outside.URL())
		config.Prefix = prefix
		startSidecarWith(t, config)
		waitFor(t, served, "the first write")
		close(stop)
		writer.Wait()

		_, err := connection.Request(prefix+".acme.set", []byte(`{"key":"k","value":"w"}`), patience)
		require.NoError(t, err)
		require.Equal(t, uint64(1), decodeBody[event](t, receive(t, events).Data).Revision, "round %d: the first change has an event", round)
	}
}

func TestEvents_Expire_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.acme.>")

	asked := time.Now()
	reply := decode[setReply](t, acme.call(t, "set", `{"group":"session","key":"k","value":"v","ttl":"150ms"}`))
	require.NotNil(t, reply.ExpiresAt)
	written := decodeBody[event](t, receive(t, events).Data)
	require.NotNil(t, written.ExpiresAt)
	assert.True(t, reply.ExpiresAt.Equal(*written.ExpiresAt))
	assert.WithinRange(t, *reply.ExpiresAt, asked.Add(149*time.Millisecond), time.Now().Add(151*time.Millisecond))

	expired := decodeBody[event](t, receive(t, events).Data)
	assert.Equal(t, "expire", expired.Type, "an expiry is no delete")
	assert.Equal(t, "k", *expired.Key)
	assert.Nil(t, expired.Value)
	assert.Nil(t, expired.ExpiresAt)
	assert.Equal(t, uint64(2), expired.Revision)
	assert.False(t, expired.Timestamp.Before(*reply.ExpiresAt), "never early")

	requireFailure(t, acme.call(t, "get", `{"group":"session","key":"k"}`), 404, "not_found")
	assert.False(t, decode[existsReply](t, acme.call(t, "exists", `{"group":"session","key":"k"}`)).Exists)
	assert.Empty(t, keysOf(acme.pages(t, "group", "session")))
	assert.False(t, decode[deleteReply](t, acme.call(t, "delete", `{"group":"session","key":"k"}`)).Deleted)
	created := decode[setReply](t, acme.call(t, "set", `{"group":"session","key":"k","value":"v","if_revision":0}`))
	assert.True(t, *created.Created)
}

func TestEvents_TTL_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	for outcome, ttl := range map[string]string{
		"ANumberOfSeconds":    `3600`,
		"AFractionOfSeconds":  `3600.0`,
		"Digits":              `"3600"`,
		"AGoDuration":         `"1h"`,
		"AnotherGoDuration":   `"3600000ms"`,
		"RoundsUpToAMilli":    `3599.9991`,
		"RoundsUpAGoDuration": `"59m59s999ms1us"`,
		"AnExponent":          `3.6e3`,
	} {
		t.Run(outcome, func(t *testing.T) {
			before := time.Now()
			reply := decode[setReply](t, acme.call(t, "set", `{"key":"k","value":"v","ttl":`+ttl+`}`))
			require.NotNil(t, reply.ExpiresAt)
			assert.WithinRange(t, *reply.ExpiresAt, before.Add(time.Hour-time.Millisecond), time.Now().Add(time.Hour+2*time.Millisecond))
			got := decode[entry](t, acme.call(t, "get", `{"key":"k"}`))
			require.NotNil(t, got.ExpiresAt)
			assert.True(t, reply.ExpiresAt.Equal(*got.ExpiresAt))
		})
	}
	t.Run("KeepKeepsIt", func(t *testing.T) {
		first := decode[setReply](t, acme.call(t, "set", `{"key":"kept","value":"v","ttl":"1h"}`))
		second := decode[setReply](t, acme.call(t, "set", `{"key":"kept","value":"w","ttl":"keep"}`))
		require.NotNil(t, second.ExpiresAt)
		assert.True(t, first.ExpiresAt.Equal(*second.ExpiresAt))
		missing := decode[setReply](t, acme.call(t, "set", `{"key":"new","value":"v","ttl":"keep"}`))
		assert.Nil(t, missing.ExpiresAt, "on a key that is not there: no expiry")
	})
	t.Run("SetWithoutClearsIt", func(t *testing.T) {
		decode[setReply](t, acme.call(t, "set", `{"key":"cleared","value":"v","ttl":"1h"}`))
		assert.Nil(t, decode[setReply](t, acme.call(t, "set", `{"key":"cleared","value":"w"}`)).ExpiresAt)
		assert.Nil(t, decode[entry](t, acme.call(t, "get", `{"key":"cleared"}`)).ExpiresAt)
	})
	t.Run("NeverIsNone", func(t *testing.T) {
		assert.Nil(t, decode[setReply](t, acme.call(t, "set", `{"key":"never","value":"v","ttl":"never"}`)).ExpiresAt)
	})
	t.Run("AHundredYears", func(t *testing.T) {
		reply := decode[setReply](t, acme.call(t, "set", `{"key":"long","value":"v","ttl":"876000h"}`))
		require.NotNil(t, reply.ExpiresAt)
		assert.Greater(t, reply.ExpiresAt.Year(), time.Now().Year()+98)
	})
}
