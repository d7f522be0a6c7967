// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"context"
	"reflect"
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

// TestClient_EveryMethod_Bad calls each method of a client that New has not created, and
// each method with a nil context. Nothing is sent, and each call returns an error.
func TestClient_EveryMethod_Bad(t *testing.T) {
	made := newClient(t, startBroker(t, server.Options{}).ClientURL(), client.Config{})
	for name, test := range map[string]struct {
		client *client.Client
		ctx    context.Context
		want   error
	}{
		"nil Client":  {nil, t.Context(), nats.ErrInvalidConnection},
		"zero Client": {&client.Client{}, t.Context(), nats.ErrInvalidConnection},
		"nil context": {made, nil, nats.ErrInvalidContext},
	} {
		receiver := reflect.ValueOf(test.client)
		for index := range receiver.NumMethod() {
			method := receiver.Type().Method(index).Name
			t.Run(name+"/"+method, func(t *testing.T) {
				require.NotPanics(t, func() {
					err := callMethod(receiver.Method(index), test.ctx)
					require.ErrorIs(t, err, test.want)
					assert.ErrorContains(t, err, "client."+method+": ")
				})
			})
		}
	}
}

// callMethod calls a method with zero arguments behind the context, and returns the error
// that it returns or gives to a loop.
func callMethod(method reflect.Value, ctx context.Context) (err error) { //nolint:revive // the receiver comes first, as in a call
	of := method.Type()
	arguments := make([]reflect.Value, of.NumIn())
	for index := range arguments {
		arguments[index] = reflect.Zero(of.In(index))
	}
	if ctx != nil {
		arguments[0] = reflect.ValueOf(ctx)
	}
	results := method.Call(arguments)
	if last := results[len(results)-1]; last.Kind() != reflect.Func {
		err, _ = last.Interface().(error)
		return err
	}
	for _, given := range results[0].Seq2() {
		err, _ = given.Interface().(error)
	}
	return err
}
