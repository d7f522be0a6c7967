// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// publisherOptions are the options of a sidecar's connection for events.
func publisherOptions(more ...nats.Option) []nats.Option {
	return append(more, nats.ReconnectBufSize(-1), nats.ReconnectOnFlusherError(), nats.MaxReconnects(-1),
		nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0))
}

// startPublisher starts a publisher that is stopped with the test.
func startPublisher(t testing.TB, opened *store.Store, connection *nats.Conn) *handler.Publisher {
	t.Helper()
	publisher, err := handler.StartPublisher(handler.PublisherConfig{Store: opened, Connection: connection, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { stopPublisher(t, publisher) })
	return publisher
}

func stopPublisher(t testing.TB, publisher *handler.Publisher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, publisher.Stop(ctx))
}

// subscribe subscribes to every event, and waits until the broker has taken it.
func subscribe(t testing.TB, connection *nats.Conn) *nats.Subscription {
	t.Helper()
	subscription, err := connection.SubscribeSync("store.events.>")
	require.NoError(t, err)
	require.NoError(t, subscription.SetPendingLimits(-1, -1))
	require.NoError(t, connection.Flush())
	return subscription
}

// receive gives the next event.
func receive(t testing.TB, subscription *nats.Subscription) (*nats.Msg, subjects.Event) {
	t.Helper()
	message, err := subscription.NextMsg(patience)
	require.NoError(t, err)
	var event subjects.Event
	require.NoError(t, json.Unmarshal(message.Data, &event), "%s", message.Data)
	return message, event
}

// receiveUpTo takes events until one has a revision. Events may come again, but
// none may be left out.
func receiveUpTo(t testing.TB, subscription *nats.Subscription, after, last uint64) {
	t.Helper()
	for after < last {
		_, event := receive(t, subscription)
		require.LessOrEqual(t, event.Revision, after+1, "an event is missing")
		after = max(after, event.Revision)
	}
}

func TestPublisher_Publish_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	events := subscribe(t, bench.client)
	publisher := startPublisher(t, bench.store, connect(t, bench.broker, publisherOptions()...))
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	bench.request("store.acme.set", `{"group":"a.b","key":"theme","value":"dark","ttl":"1h"}`, subjects.HeaderTraceParent, trace)
	bench.request("store.other.set", `{"key":"k","value":"v"}`)
	bench.request("store.acme.delete.a%2Eb.theme", "")

	t.Run("EachChangeHasItsMessage", func(t *testing.T) {
		message, event := receive(t, events)
		assert.Equal(t, "store.events.acme.a%2Eb", message.Subject)
		assert.Equal(t, nats.Header{
			subjects.HeaderMessageID: {bench.store.ID() + ":acme:1"}, subjects.HeaderTraceParent: {trace},
		}, message.Header)
		assert.Equal(t, "dark", *event.Value)
		assert.Empty(t, message.Reply)

		message, event = receive(t, events)
		assert.Equal(t, "store.events.other.default", message.Subject)
		assert.Equal(t, nats.Header{subjects.HeaderMessageID: {bench.store.ID() + ":other:1"}}, message.Header)
		assert.Equal(t, uint64(1), event.Revision)

		message, event = receive(t, events)
		assert.Equal(t, nats.Header{subjects.HeaderMessageID: {bench.store.ID() + ":acme:2"}}, message.Header)
		assert.Equal(t, subjects.EventDelete, event.Type)
	})
	t.Run("TheBodyIsThatOfChanges", func(t *testing.T) {
		bench.request("store.acme.set", `{"group":"same","key":"k","value":"`+strings.Repeat("x", 1000)+`"}`)
		message, event := receive(t, events)
		page := bench.request("store.acme.changes", fmt.Sprintf(`{"after":%d}`, event.Revision-1))
		assert.Contains(t, string(page.Data), `{"changes":[`+string(message.Data)+`],`)
	})
	t.Run("AnExpiryIsAnEvent", func(t *testing.T) {
		bench.request("store.acme.set", `{"key":"session","value":"v","ttl":"1ms"}`)
		receive(t, events)
		_, event := receive(t, events)
		assert.Equal(t, subjects.EventExpire, event.Type)
		assert.Equal(t, "session", *event.Key)
	})
	t.Run("WhatIsConfirmedIsNoBacklog", func(t *testing.T) {
		require.Eventually(t, func() bool { return publisher.Health().Published == 6 }, patience, time.Millisecond)
		assert.NoError(t, publisher.Health().LastError)
		assert.Zero(t, ask[subjects.StatusReply](bench, "store.admin.status", "").Backlog)
	})
}

func TestPublisher_Publish_Good_InOrder(t *testing.T) {
	bench := startService(t, handler.Config{})
	events := subscribe(t, bench.client)
	startPublisher(t, bench.store, connect(t, bench.broker, publisherOptions()...))
	const writes = 5_000
	for index := range writes {
		require.NoError(t, bench.client.Publish("store.acme.set", fmt.Appendf(nil, `{"key":"%d","value":"v"}`, index%100)))
	}
	for revision := range uint64(writes) {
		_, event := receive(t, events)
		require.Equal(t, revision+1, event.Revision)
	}
}

func TestPublisher_Publish_Ugly_WhatTheBrokerCannotCarry(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	opened := openStore(t, store.StoreConfig{})
	events := subscribe(t, connect(t, broker))
	publisher := startPublisher(t, opened, connect(t, broker, publisherOptions()...))
	require.NoError(t, opened.Set("acme:files", "large", strings.Repeat("v", 2<<20)))
	require.NoError(t, opened.Set("outside", "every", "namespace"))
	require.NoError(t, opened.Set("acme:\xff", "key", "value"))
	require.NoError(t, opened.Set("acme:group", "\xff", "value"))
	require.NoError(t, opened.Set("acme:", "key", "value"))
	require.NoError(t, opened.Set("acme:"+strings.Repeat("g", 5_000), "key", "value"))
	require.NoError(t, opened.Set("acme:group", strings.Repeat("k", 2<<20), "value"))
	require.NoError(t, opened.Delete("acme:group", strings.Repeat("k", 2<<20)))
	require.NoError(t, opened.Set("acme:group", "last", "value"))

	_, event := receive(t, events)
	assert.True(t, event.ValueOmitted)
	assert.Nil(t, event.Value)
	assert.Equal(t, "large", *event.Key)
	_, event = receive(t, events)
	assert.Equal(t, "last", *event.Key)
	assert.Equal(t, uint64(8), event.Revision)
	require.Eventually(t, func() bool { return publisher.Health().Published == 2 }, patience, time.Millisecond)
	assert.Equal(t, uint64(6), publisher.Health().Skipped)
	assert.Equal(t, uint64(1), publisher.Health().ValuesOmitted)
}

func TestPublisher_Publish_Ugly_TheBrokerIsAway(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	opened := openStore(t, store.StoreConfig{})
	events := subscribe(t, connect(t, broker))
	proxy := startProxy(t, broker)
	connection, err := nats.Connect(proxy.url(), publisherOptions()...)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	publisher := startPublisher(t, opened, connection)

	revision, seen := uint64(0), uint64(0)
	for range 3 {
		for range 50 {
			require.NoError(t, opened.Set("acme:config", "theme", "before"))
		}
		proxy.cut()
		for range 50 {
			require.NoError(t, opened.Set("acme:config", "theme", "while it is away"))
		}
		revision += 100
		retries := publisher.Health().Retries
		require.Eventually(t, func() bool { return publisher.Health().Retries > retries || publisher.Health().LastError != nil }, patience, time.Millisecond)
		proxy.mend()
		receiveUpTo(t, events, seen, revision)
		seen = revision
	}
	require.Eventually(t, func() bool { return publisher.Health().LastError == nil }, patience, time.Millisecond)
	require.Eventually(t, func() bool {
		status, err := opened.Status()
		return err == nil && status.Backlog == 0
	}, patience, time.Millisecond, "everything is acknowledged")
}

func TestPublisher_Publish_Ugly_TheBrokerRefuses(t *testing.T) {
	permissions := &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"store.events.acme.>"}}}
	options := &server.Options{Users: []*server.User{
		{Username: "sidecar", Password: "p", Permissions: permissions}, {Username: "consumer", Password: "p"},
	}}
	broker := startBroker(t, options)
	opened := openStore(t, store.StoreConfig{})
	events := subscribe(t, connect(t, broker, nats.UserInfo("consumer", "p")))
	publisher := startPublisher(t, opened, connect(t, broker, publisherOptions(nats.UserInfo("sidecar", "p"))...))
	require.NoError(t, opened.Set("acme:config", "theme", "dark"))
	require.Eventually(t, func() bool { return publisher.Health().Retries > 1 }, patience, time.Millisecond)
	assert.ErrorIs(t, publisher.Health().LastError, nats.ErrPermissionViolation)
	assert.Zero(t, publisher.Health().Published)
	status, err := opened.Status()
	require.NoError(t, err)
	assert.Equal(t, uint64(1), status.Backlog)

	allowed := options.Clone()
	allowed.Users = []*server.User{{Username: "sidecar", Password: "p"}, {Username: "consumer", Password: "p"}}
	require.NoError(t, broker.ReloadOptions(allowed))
	_, event := receive(t, events)
	assert.Equal(t, uint64(1), event.Revision)
	require.Eventually(t, func() bool { return publisher.Health().LastError == nil }, patience, time.Millisecond)
}

func TestPublisher_Stop_Good(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	path := filepath.Join(t.TempDir(), "storebus.db")
	events := subscribe(t, connect(t, broker))

	first, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
	require.NoError(t, err)
	publisher := startPublisher(t, first, connect(t, broker, publisherOptions()...))
	for range 500 {
		first.Submit(store.SetCommand{Group: "acme:config", Key: "theme", Value: "dark"}, func(store.Outcome, error) {})
	}
	require.NoError(t, first.Set("acme:config", "theme", "light"))
	stopPublisher(t, publisher)
	receiveUpTo(t, events, 0, 501)

	// If a change is committed without a publisher, the next publisher publishes it.
	require.NoError(t, first.Set("acme:config", "theme", "blue"))
	require.NoError(t, first.Close())
	second := openStore(t, store.StoreConfig{DatabasePath: path})
	startPublisher(t, second, connect(t, broker, publisherOptions()...))
	_, event := receive(t, events)
	assert.Equal(t, uint64(502), event.Revision)
	require.NoError(t, second.Set("acme:config", "theme", "green"))
	_, event = receive(t, events)
	assert.Equal(t, uint64(503), event.Revision)
}

func TestPublisher_Stop_Bad(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	opened := openStore(t, store.StoreConfig{})
	proxy := startProxy(t, broker)
	connection, err := nats.Connect(proxy.url(), publisherOptions()...)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	publisher, err := handler.StartPublisher(handler.PublisherConfig{Store: opened, Connection: connection})
	require.NoError(t, err)
	proxy.cut()
	require.NoError(t, opened.Set("acme:config", "theme", "dark"))
	// Its time is over already: the broker may be reached again at any moment.
	ctx, cancel := context.WithDeadline(context.Background(), time.Now())
	defer cancel()
	assert.ErrorIs(t, publisher.Stop(ctx), context.DeadlineExceeded)
	require.NoError(t, publisher.Stop(context.Background()))

	_, err = handler.StartPublisher(handler.PublisherConfig{Store: opened})
	assert.ErrorContains(t, err, "required")
}

func TestPublisher_Stop_Ugly_TheStoreIsClosedFirst(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	opened := openStore(t, store.StoreConfig{})
	publisher := startPublisher(t, opened, connect(t, broker, publisherOptions()...))
	require.NoError(t, opened.Close())
	stopPublisher(t, publisher)
	_, err := handler.StartPublisher(handler.PublisherConfig{Store: opened, Connection: connect(t, broker)})
	assert.ErrorIs(t, err, store.ErrClosed)
}

// If an account may send less than its server accepts, the broker says so a moment after it
// has accepted the connection. The publisher sends no message that would make the broker
// close the connection.
func TestPublisher_Publish_Ugly_TheAccountTakesLess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(path, []byte(`accounts { A { users = [{user: a, password: p}], limits { max_payload: 131072 } } }`), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	broker := startBroker(t, options)
	user := nats.UserInfo("a", "p")
	events := subscribe(t, connect(t, broker, user))
	opened := openStore(t, store.StoreConfig{})
	_, err = opened.RegisterConsumer(handler.ConsumerName)
	require.NoError(t, err)
	for revision := range uint64(10) {
		require.NoError(t, opened.Set("acme:g", "k", strings.Repeat("x", 500<<10)))
		connection := connect(t, broker, publisherOptions(user)...)
		stopPublisher(t, startPublisher(t, opened, connection))
		_, event := receive(t, events)
		assert.True(t, event.ValueOmitted)
		assert.Equal(t, revision+1, event.Revision)
		assert.Zero(t, connection.Stats().Reconnects, "the broker has no reason to end the connection")
		connection.Close()
	}
}
