// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// patience bounds the waits of a test. It is far more than they take.
const patience = 20 * time.Second

// startBroker starts a nats-server on a free port, or on the port in its options.
func startBroker(t *testing.T, options server.Options) *server.Server {
	t.Helper()
	options.Host, options.NoSigs, options.NoLog = "127.0.0.1", true, true
	if options.Port == 0 {
		options.Port = server.RANDOM_PORT
	}
	broker, err := server.NewServer(&options)
	require.NoError(t, err)
	broker.Start()
	require.True(t, broker.ReadyForConnections(patience), "the broker is not ready")
	t.Cleanup(func() { stopBroker(broker) })
	return broker
}

func stopBroker(broker *server.Server) {
	broker.Shutdown()
	broker.WaitForShutdown()
}

// connect opens a connection that comes back for as long as it takes.
func connect(t *testing.T, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	options = append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, options...)
	connection, err := nats.Connect(url, options...)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

// newClient makes a client on a connection of its own.
func newClient(t *testing.T, url string, config client.Config) *client.Client {
	t.Helper()
	store, err := client.New(connect(t, url), config)
	require.NoError(t, err)
	return store
}

// answer serves a subject: every request gets the message that reply returns. If reply
// returns nil, the request gets none.
func answer(t *testing.T, connection *nats.Conn, subject string, reply func(request *nats.Msg) *nats.Msg) {
	t.Helper()
	subscription, err := connection.Subscribe(subject, func(request *nats.Msg) {
		if message := reply(request); message != nil {
			_ = request.RespondMsg(message)
		}
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = subscription.Unsubscribe() })
	require.NoError(t, connection.Flush())
}

// body is a success reply.
func body(text string) *nats.Msg { return &nats.Msg{Data: []byte(text)} }

// refusal is a reply that reports an error.
func refusal(code, text string) *nats.Msg {
	return &nats.Msg{
		Data:   []byte(text),
		Header: nats.Header{"Nats-Service-Error": {"refused"}, "Nats-Service-Error-Code": {code}},
	}
}

// portOf returns the port of an address, for a broker that restarts on the same port.
func portOf(t *testing.T, address string) int {
	t.Helper()
	parsed, err := netip.ParseAddrPort(address)
	require.NoError(t, err)
	return int(parsed.Port())
}
