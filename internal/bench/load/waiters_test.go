// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
	"dappco.re/go/storebus/subjects"
)

// newWaiters returns waiters, and a sidecar that holds their requests until a set comes.
// The sidecar gives all of them the same answer, and signals each request.
func newWaiters(t *testing.T, answer string) (*Waiters, <-chan struct{}) {
	t.Helper()
	natsServer := benchtest.StartServer(t, false)
	connection, asked := benchtest.Connect(t, natsServer), make(chan struct{}, 100)
	var held []*nats.Msg
	_, err := connection.Subscribe("store.neighbour.*", func(request *nats.Msg) {
		var body subjects.ChangesRequest
		switch {
		case request.Subject == "store.neighbour.set":
			for _, waiting := range held {
				_ = waiting.Respond([]byte(answer))
			}
			held = nil
			_ = request.Respond([]byte(`{"revision":7,"created":false}`))
		case subjects.Decode(request.Data, &body) == nil && body.Wait != nil:
			assert.Equal(t, waitersWait, body.Wait.Duration())
			assert.Equal(t, "bench", *body.Group)
			asked <- struct{}{}
			held = append(held, request)
		default:
			_ = request.Respond([]byte(`{"changes":[],"next":7,"oldest":1,"revision":7,"store":"s"}`))
		}
	})
	require.NoError(t, err)
	require.NoError(t, connection.Flush())
	return &Waiters{Connection: benchtest.Connect(t, natsServer), Woken: true, Count: 20}, asked
}

func TestWaiters_Begin_Good(t *testing.T) {
	waiters, asked := newWaiters(t, `{"changes":[],"next":8,"oldest":1,"revision":8,"store":"s"}`)
	require.NoError(t, waiters.Begin(t.Context(), nil))
	assert.Len(t, asked, 20, "all of them wait")
	_, err := waiters.touch(t.Context())
	require.NoError(t, err)
	for range 40 {
		<-asked // each sends its next request
	}
	require.NoError(t, waiters.End(t.Context()))
}

func TestWaiters_End_Bad(t *testing.T) {
	waiters, _ := newWaiters(t, `{`)
	require.NoError(t, waiters.Begin(t.Context(), nil))
	assert.ErrorContains(t, waiters.End(t.Context()), "a request that waits for a change: ")
}

func TestWaiters_End_Ugly(t *testing.T) {
	waiters, _ := newWaiters(t, `{}`)
	require.NoError(t, waiters.Begin(t.Context(), nil))
	waiters.outstanding++
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	assert.ErrorContains(t, waiters.End(ctx), "of 20 requests that wait for a change not all were answered")
	waiters.Space = spaceOf(t, "nobody")
	assert.Error(t, waiters.Begin(t.Context(), nil))
}
