// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
)

// responder answers on a subject and records the requests.
type responder struct {
	connection *nats.Conn
	mutex      sync.Mutex
	asked      map[string]int
}

// newResponder calls answer for each request.
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

// echoLoop asks each key once.
func echoLoop(keys, inFlight int, connections ...*nats.Conn) Loop {
	return Loop{
		Connections: connections,
		Operation: Operation{
			Request: func(input Input) (string, []byte) {
				return keySubject("asked.", input.Key), append(input.Buffer, input.Value...)
			},
			Accept: Echo("", 16).Accept,
		},
		InFlight: inFlight, Keys: EveryKey(keys), Values: NewValuePool(16),
	}
}

func TestDriver_Run_Good(t *testing.T) {
	natsServer := benchtest.StartServer(t, false)
	responder := newResponder(t, benchtest.Connect(t, natsServer), echo)
	connections := []*nats.Conn{benchtest.Connect(t, natsServer), benchtest.Connect(t, natsServer), benchtest.Connect(t, natsServer)}

	t.Run("AsksEachKeyOnce", func(t *testing.T) {
		outcome, err := echoLoop(5000, 64, connections...).Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, uint64(5000), outcome.Served)
		assert.Equal(t, uint64(5000), outcome.Latencies.Count())
		assert.Zero(t, outcome.Failed, outcome.Failure)
		assert.Len(t, responder.asked, 5000)
		for subject, times := range responder.asked {
			require.Equal(t, 1, times, subject)
		}
	})
	t.Run("EndsWithItsTime", func(t *testing.T) {
		loop := echoLoop(1, 8, connections...)
		loop.Keys, loop.Duration = UniformKeys(10), time.Millisecond
		outcome, err := loop.Run(t.Context())
		require.NoError(t, err)
		assert.Zero(t, outcome.Failed, outcome.Failure)
		assert.Equal(t, outcome.Served, outcome.Latencies.Count())
	})
	t.Run("EndsWhenItIsStopped", func(t *testing.T) {
		loop := echoLoop(1, 8, connections...)
		served := make(chan struct{}, 1)
		loop.Keys = UniformKeys(10)
		loop.Observe = func(uint64, time.Time) {
			select {
			case served <- struct{}{}:
			default:
			}
		}
		drive, err := loop.Start()
		require.NoError(t, err)
		<-served
		drive.Stop()
		outcome, err := drive.Wait(t.Context())
		require.NoError(t, err)
		assert.Positive(t, outcome.Served)
		assert.Zero(t, outcome.Failed, outcome.Failure)
	})
	t.Run("HasNoMoreConnectionsThanRequests", func(t *testing.T) {
		drive, err := echoLoop(10, 2, connections...).Start()
		require.NoError(t, err)
		assert.Len(t, drive.lanes, 2)
		_, err = drive.Wait(t.Context())
		require.NoError(t, err)
	})
}

func TestDriver_InFlight_Good(t *testing.T) {
	natsServer := benchtest.StartServer(t, false)
	const inFlight = 10
	held := make(chan *nats.Msg, 1000)
	newResponder(t, benchtest.Connect(t, natsServer), func(request *nats.Msg) { held <- request })
	client := benchtest.Connect(t, natsServer)
	drive, err := echoLoop(25, inFlight, client, benchtest.Connect(t, natsServer)).Start()
	require.NoError(t, err)

	// First inFlight requests come unanswered, then one more for each answer.
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
	outcome, err := drive.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, uint64(25), outcome.Served)
}

func TestDriver_Run_Bad(t *testing.T) {
	natsServer := benchtest.StartServer(t, false)
	connection := benchtest.Connect(t, natsServer)
	t.Run("RefusalsAreNotServed", func(t *testing.T) {
		outcome, err := echoLoop(100, 16, connection).Run(t.Context())
		require.NoError(t, err)
		assert.Zero(t, outcome.Served)
		assert.Zero(t, outcome.Latencies.Count())
		assert.Equal(t, uint64(100), outcome.Failed)
		assert.ErrorContains(t, outcome.Failure, "status 503")
	})
	t.Run("NeitherAreRepliesThatDoNotCome", func(t *testing.T) {
		newResponder(t, benchtest.Connect(t, natsServer), func(request *nats.Msg) {
			if request.Subject != "asked.k0000003" {
				echo(request)
			}
		})
		loop := echoLoop(20, 2, connection)
		loop.Silence = 100 * time.Millisecond
		outcome, err := loop.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, uint64(19), outcome.Served)
		assert.Equal(t, uint64(1), outcome.Failed)
		assert.ErrorContains(t, outcome.Failure, "no reply within 100ms")
	})
}

func TestDriver_Run_Ugly(t *testing.T) {
	natsServer := benchtest.StartServer(t, false)
	newResponder(t, benchtest.Connect(t, natsServer), func(*nats.Msg) {})
	t.Run("EndsWithTheContext", func(t *testing.T) {
		broken := errors.New("broken")
		ctx, cancel := context.WithCancelCause(t.Context())
		drive, err := echoLoop(10, 2, benchtest.Connect(t, natsServer)).Start()
		require.NoError(t, err)
		cancel(broken)
		_, err = drive.Wait(ctx)
		assert.ErrorIs(t, err, broken)
	})
	t.Run("NeedsAConnection", func(t *testing.T) {
		connection := benchtest.Connect(t, natsServer)
		connection.Close()
		_, err := echoLoop(10, 2, benchtest.Connect(t, natsServer), connection).Run(t.Context())
		assert.ErrorIs(t, err, nats.ErrConnectionClosed)
	})
}
