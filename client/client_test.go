// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestClient_New_Good(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())

	t.Run("TakesTheDefaultPrefix", func(t *testing.T) {
		answer(t, connection, "store.admin.status", func(*nats.Msg) *nats.Msg { return body(`{"store":"k3F"}`) })
		store, err := client.New(connection, client.Config{})
		require.NoError(t, err)
		status, err := store.Status(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "k3F", status.Store)
	})
	t.Run("TakesAnotherPrefix", func(t *testing.T) {
		answer(t, connection, "berlin.store.admin.status", func(*nats.Msg) *nats.Msg { return body(`{"store":"b1"}`) })
		store, err := client.New(connection, client.Config{Prefix: "berlin.store"})
		require.NoError(t, err)
		status, err := store.Status(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "b1", status.Store)
	})
}

func TestClient_New_Bad(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())

	t.Run("WithoutAConnection", func(t *testing.T) {
		_, err := client.New(nil, client.Config{})
		assert.ErrorContains(t, err, "client.New: a connection is needed")
	})
	t.Run("WithAPrefixThatIsNone", func(t *testing.T) {
		_, err := client.New(connection, client.Config{Prefix: "_INBOX"})
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		assert.ErrorContains(t, err, "client.New: ")
	})
	t.Run("WithANegativeTimeout", func(t *testing.T) {
		_, err := client.New(connection, client.Config{Timeout: -time.Second})
		assert.ErrorContains(t, err, "Timeout is -1s")
	})
}

func TestClient_Status_Good(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	answer(t, connection, "store.admin.status", func(request *nats.Msg) *nats.Msg {
		assert.JSONEq(t, `{}`, string(request.Data))
		return body(`{"store":"k3F","prefix":"store","durability":"full","writable":true,"queue":{"requests":2},"journal":null,"unheard_of":1}`)
	})
	status, err := newClient(t, connection.ConnectedUrl(), client.Config{}).Status(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "full", status.Durability)
	assert.True(t, status.Writable)
	assert.Equal(t, uint64(2), status.Queue.Requests)
}
