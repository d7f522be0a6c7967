// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// serveOn starts a service on a broker that others use too.
func serveOn(t testing.TB, broker *server.Server, config handler.Config) (*handler.Service, error) {
	t.Helper()
	config.Store, config.Connection = openStore(t, store.StoreConfig{}), connect(t, broker)
	service, err := handler.Announce(t.Context(), config)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		require.NoError(t, service.Stop(context.Background()))
		service.Close()
	})
	return service, service.Serve(t.Context())
}

func TestOwnership_Claim_Good(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, &server.Options{})
	first, err := serveOn(t, broker, handler.Config{Instance: "first"})
	require.NoError(t, err)

	t.Run("AnotherPrefixIsAnotherSpace", func(t *testing.T) {
		space, err := subjects.NewSpace("berlin.store")
		require.NoError(t, err)
		_, err = serveOn(t, broker, handler.Config{Space: space})
		assert.NoError(t, err)
	})
	t.Run("OneThatHasStoppedOwnsNothing", func(t *testing.T) {
		require.NoError(t, first.Stop(context.Background()))
		_, err := serveOn(t, broker, handler.Config{Instance: "second"})
		assert.NoError(t, err)
	})
}

func TestOwnership_Claim_Good_AnotherProgramOfTheSameName(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	_, err := micro.AddService(connect(t, broker), micro.Config{Name: handler.ServiceName, Version: "1.0.0"})
	require.NoError(t, err)
	_, err = serveOn(t, broker, handler.Config{})
	assert.NoError(t, err)
}

func TestOwnership_Claim_Bad(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	_, err := serveOn(t, broker, handler.Config{Instance: "first"})
	require.NoError(t, err)
	_, err = serveOn(t, broker, handler.Config{Instance: "second"})
	require.ErrorIs(t, err, handler.ErrOtherSidecar)
	assert.ErrorContains(t, err, "served by instance first with store ")
	assert.ErrorContains(t, err, "this is instance second with store ")
}

func TestOwnership_Claim_Ugly_TwoOfOneName(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	_, err := serveOn(t, broker, handler.Config{Instance: "same"})
	require.NoError(t, err)
	_, err = serveOn(t, broker, handler.Config{Instance: "same"})
	assert.ErrorIs(t, err, handler.ErrOtherSidecar)
}

func TestOwnership_Claim_Ugly_TwoAtOnce(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	const contenders = 4
	results := make(chan error, contenders)
	for range contenders {
		opened, connection := openStore(t, store.StoreConfig{}), connect(t, broker)
		go func() {
			service, err := handler.Announce(context.Background(), handler.Config{Store: opened, Connection: connection})
			if err == nil {
				defer service.Close()
				err = service.Serve(context.Background())
			}
			results <- err
			if err == nil {
				<-t.Context().Done()
			}
		}()
	}
	served := 0
	for range contenders {
		if err := <-results; err == nil {
			served++
		} else {
			assert.ErrorIs(t, err, handler.ErrOtherSidecar)
		}
	}
	assert.Equal(t, 1, served)
}

func TestOwnership_Superseded_Ugly(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	// Neither looks before it serves, as if the network had been divided.
	config := handler.Config{AloneAtStart: true, OwnershipInterval: 10 * time.Millisecond}
	config.Instance = "older"
	older, err := serveOn(t, broker, config)
	require.NoError(t, err)
	config.Instance = "younger"
	younger, err := serveOn(t, broker, config)
	require.NoError(t, err)
	select {
	case err := <-younger.Superseded():
		assert.ErrorIs(t, err, handler.ErrOtherSidecar)
		assert.ErrorContains(t, err, "served by instance older")
	case <-time.After(patience):
		t.Fatal("the younger instance goes on")
	}
	require.NoError(t, younger.Stop(context.Background()))
	select {
	case err := <-older.Superseded():
		t.Fatal("the older instance stops", err)
	default:
	}
}
