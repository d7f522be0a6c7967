// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// responder answers on a subject and remembers what it was asked.
type responder struct {
	connection *nats.Conn
	mutex      sync.Mutex
	asked      map[string]int
}

// newResponder answers with the payload, or as answer says.
func newResponder(t *testing.T, connection *nats.Conn, answer func(request *nats.Msg)) *responder {
	t.Helper()
	responder := &responder{connection: connection, asked: map[string]int{}}
	_, err := connection.Subscribe("asked.*", func(request *nats.Msg) {
		responder.mutex.Lock()
		responder.asked[request.Subject]++
		responder.mutex.Unlock()
		answer(request)
	})
	require.NoError(t, err)
	require.NoError(t, connection.Flush())
	return responder
}

func echo(request *nats.Msg) { _ = request.Respond(request.Data) }

// echoLoad asks each key once.
func echoLoad(keys, inFlight int, connections ...*nats.Conn) load {
	return load{
		connections: connections,
		operation: operation{
			request: func(input input) (string, []byte) {
				return keySubject("asked.", input.key), append(input.buffer, input.value...)
			},
			accept: echoOperation("", 16).accept,
		},
		inFlight: inFlight, keys: everyKey(keys), values: newValuePool(16),
	}
}

func TestDriver_Run_Good(t *testing.T) {
	natsServer := startServer(t, false)
	responder := newResponder(t, connectTo(t, natsServer), echo)
	connections := []*nats.Conn{connectTo(t, natsServer), connectTo(t, natsServer), connectTo(t, natsServer)}

	t.Run("AsksEachKeyOnce", func(t *testing.T) {
		outcome, err := echoLoad(5000, 64, connections...).run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, uint64(5000), outcome.served)
		assert.Equal(t, uint64(5000), outcome.latencies.total)
		assert.Zero(t, outcome.failed, outcome.failure)
		assert.Len(t, responder.asked, 5000)
		for subject, times := range responder.asked {
			require.Equal(t, 1, times, subject)
		}
	})
	t.Run("EndsWithItsTime", func(t *testing.T) {
		load := echoLoad(1, 8, connections...)
		load.keys, load.duration = uniformKeys(10), time.Millisecond
		outcome, err := load.run(t.Context())
		require.NoError(t, err)
		assert.Zero(t, outcome.failed, outcome.failure)
		assert.Equal(t, outcome.served, outcome.latencies.total)
	})
	t.Run("EndsWhenItIsStopped", func(t *testing.T) {
		load := echoLoad(1, 8, connections...)
		served := make(chan struct{}, 1)
		load.keys = uniformKeys(10)
		load.observe = func(uint64, time.Time) {
			select {
			case served <- struct{}{}:
			default:
			}
		}
		drive, err := load.start()
		require.NoError(t, err)
		<-served
		drive.stop()
		outcome, err := drive.wait(t.Context())
		require.NoError(t, err)
		assert.Positive(t, outcome.served)
		assert.Zero(t, outcome.failed, outcome.failure)
	})
	t.Run("HasNoMoreConnectionsThanRequests", func(t *testing.T) {
		drive, err := echoLoad(10, 2, connections...).start()
		require.NoError(t, err)
		assert.Len(t, drive.lanes, 2)
		_, err = drive.wait(t.Context())
		require.NoError(t, err)
	})
}

func TestDriver_InFlight_Good(t *testing.T) {
	natsServer := startServer(t, false)
	const inFlight = 10
	held := make(chan *nats.Msg, 1000)
	newResponder(t, connectTo(t, natsServer), func(request *nats.Msg) { held <- request })
	client := connectTo(t, natsServer)
	drive, err := echoLoad(25, inFlight, client, connectTo(t, natsServer)).start()
	require.NoError(t, err)

	// So many come unanswered, and one more for each answer.
	requests := make([]*nats.Msg, 0, inFlight)
	for range inFlight {
		requests = append(requests, <-held)
	}
	require.NoError(t, client.Flush())
	assert.Empty(t, held)
	for answered := range 25 {
		echo(requests[answered])
		if answered+inFlight < 25 {
			requests = append(requests, <-held)
		}
	}
	outcome, err := drive.wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, uint64(25), outcome.served)
}

func TestDriver_Run_Bad(t *testing.T) {
	natsServer := startServer(t, false)
	connection := connectTo(t, natsServer)
	t.Run("RefusalsAreNotServed", func(t *testing.T) {
		outcome, err := echoLoad(100, 16, connection).run(t.Context())
		require.NoError(t, err)
		assert.Zero(t, outcome.served)
		assert.Zero(t, outcome.latencies.total)
		assert.Equal(t, uint64(100), outcome.failed)
		assert.ErrorContains(t, outcome.failure, "status 503")
	})
	t.Run("NeitherAreRepliesThatDoNotCome", func(t *testing.T) {
		newResponder(t, connectTo(t, natsServer), func(request *nats.Msg) {
			if request.Subject != "asked.k0000003" {
				echo(request)
			}
		})
		load := echoLoad(20, 2, connection)
		load.silence = 100 * time.Millisecond
		outcome, err := load.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, uint64(19), outcome.served)
		assert.Equal(t, uint64(1), outcome.failed)
		assert.ErrorContains(t, outcome.failure, "no reply within 100ms")
	})
}

func TestDriver_Run_Ugly(t *testing.T) {
	natsServer := startServer(t, false)
	newResponder(t, connectTo(t, natsServer), func(*nats.Msg) {})
	t.Run("EndsWithTheContext", func(t *testing.T) {
		broken := errors.New("broken")
		ctx, cancel := context.WithCancelCause(t.Context())
		drive, err := echoLoad(10, 2, connectTo(t, natsServer)).start()
		require.NoError(t, err)
		cancel(broken)
		_, err = drive.wait(ctx)
		assert.ErrorIs(t, err, broken)
	})
	t.Run("NeedsAConnection", func(t *testing.T) {
		connection := connectTo(t, natsServer)
		connection.Close()
		_, err := echoLoad(10, 2, connectTo(t, natsServer), connection).run(t.Context())
		assert.ErrorIs(t, err, nats.ErrConnectionClosed)
	})
}
