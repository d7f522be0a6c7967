// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// connected gives a client on a broker of its own.
func connected(t *testing.T) *Client {
	t.Helper()
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	broker.Start()
	require.True(t, broker.ReadyForConnections(10*time.Second))
	t.Cleanup(broker.WaitForShutdown)
	t.Cleanup(broker.Shutdown)
	connection, err := nats.Connect(broker.ClientURL())
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	client, err := New(connection, Config{})
	require.NoError(t, err)
	return client
}

func TestDelivery_Rest_Ugly(t *testing.T) {
	delivery := newDelivery(connected(t), &call{messageID: "a"}, nil)
	delivery.open = subjects.ErrOutcomeUnknown
	assert.True(t, delivery.rest(t.Context(), context.DeadlineExceeded))
	t.Run("NothingIsSentWhenTheSidecarMayHaveForgottenTheID", func(t *testing.T) {
		delivery.begun = time.Now().Add(-lastAttempt)
		assert.False(t, delivery.rest(t.Context(), context.DeadlineExceeded))
		assert.Less(t, lastAttempt, subjects.RetryWindow)
	})
	t.Run("NothingIsSentThatWouldBeCutShort", func(t *testing.T) {
		delivery := newDelivery(delivery.client, &call{messageID: "a"}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), shortestPause)
		defer cancel()
		assert.False(t, delivery.rest(ctx, nats.ErrNoResponders))
	})
	t.Run("NothingIsSentOnAClosedConnection", func(t *testing.T) {
		delivery.client.connection.Close()
		assert.False(t, delivery.rest(t.Context(), context.DeadlineExceeded))
	})
}

func TestDelivery_Sleep_Good(t *testing.T) {
	delivery := newDelivery(connected(t), &call{}, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var pauses []time.Duration
	for range 7 {
		assert.False(t, delivery.sleep(ended, nats.ErrNoResponders))
		pauses = append(pauses, delivery.pause)
	}
	assert.Equal(t, []time.Duration{
		50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, time.Second, time.Second,
	}, pauses)
}

func TestDelivery_Conclude_Good(t *testing.T) {
	delivery := newDelivery(connected(t), &call{messageID: "a"}, nil)
	delivery.open = subjects.ErrOutcomeUnknown.New("no reply")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	t.Run("AnAbsenceSettlesNothing", func(t *testing.T) {
		err := delivery.conclude(ended, nats.ErrNoResponders)
		require.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
		require.ErrorIs(t, err, nats.ErrNoResponders)
		assert.ErrorIs(t, err, context.Canceled)
	})
	t.Run("ARefusalDoes", func(t *testing.T) {
		err := delivery.conclude(t.Context(), subjects.ErrRevisionConflict)
		require.ErrorIs(t, err, subjects.ErrRevisionConflict)
		assert.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
	})
}
