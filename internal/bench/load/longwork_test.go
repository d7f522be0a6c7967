// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
	"dappco.re/go/storebus/subjects"
)

// newLongWorker returns a worker on a group of 2,500 keys. Its sidecar gives fixed replies
// and counts the transactions.
func newLongWorker(t *testing.T, expire bool, deletion string) (*LongWorker, *atomic.Int64) {
	t.Helper()
	natsServer := benchtest.StartServer(t, false)
	connection, transactions := benchtest.Connect(t, natsServer), &atomic.Int64{}
	for subject, answer := range map[string]string{
		"store.long.transaction": `{"succeeded":true,"revision":1,"results":[]}`, "store.long.delete_group": deletion, "store.long.count": `{"count":0,"revision":1}`,
	} {
		_, err := connection.Subscribe(subject, func(request *nats.Msg) {
			if subject == "store.long.transaction" {
				transactions.Add(1)
			}
			_ = request.Respond([]byte(answer))
		})
		require.NoError(t, err)
	}
	require.NoError(t, connection.Flush())
	lead := time.Nanosecond
	return &LongWorker{
		Connections: []*nats.Conn{benchtest.Connect(t, natsServer)}, Expire: expire, Keys: 2500, Lead: &lead, Drain: func(context.Context) error { return nil },
	}, transactions
}

func TestLongwork_LongOperation_Good(t *testing.T) {
	operation := longOperation(subjects.Space{}, 2500, func(key int) time.Duration { return time.Duration(key+1) * time.Millisecond })
	total := 0
	for batch := range 3 {
		subject, payload := operation.Request(Input{Key: batch})
		assert.Equal(t, "store.long.transaction", subject)
		var body subjects.TransactionRequest
		require.NoError(t, subjects.Decode(payload, &body))
		require.NoError(t, body.Check())
		for _, operation := range body.Then {
			assert.Equal(t, string(appendKey(nil, total)), *operation.Key)
			total++
			assert.Equal(t, time.Duration(total)*time.Millisecond, operation.TTL.Duration())
		}
	}
	assert.Equal(t, 2500, total)
}

func TestLongwork_Begin_Good(t *testing.T) {
	t.Run("Deletion", func(t *testing.T) {
		worker, transactions := newLongWorker(t, false, `{"deleted":2500,"revision":2}`)
		require.NoError(t, worker.Begin(t.Context(), &Loop{}))
		require.NoError(t, worker.End(t.Context()))
		require.NoError(t, worker.Settle(t.Context(), nil))
		assert.Equal(t, int64(3), transactions.Load())
	})
	t.Run("ExpiryWithMoreTimeWhereThereWasTooLittle", func(t *testing.T) {
		worker, transactions := newLongWorker(t, true, "")
		require.NoError(t, worker.Begin(t.Context(), &Loop{Duration: time.Millisecond}))
		require.NoError(t, worker.End(t.Context()))
		assert.Greater(t, transactions.Load(), int64(3), "a nanosecond is not enough")
		assert.Zero(t, transactions.Load()%3)
		assert.Greater(t, *worker.Lead, time.Nanosecond)
	})
}

func TestLongwork_End_Bad(t *testing.T) {
	for says, answer := range map[string]string{"holds 7, not 2500": `{"deleted":7,"revision":2}`, "2500 keys": `{`} {
		worker, _ := newLongWorker(t, false, answer)
		require.NoError(t, worker.Begin(t.Context(), &Loop{}))
		assert.ErrorContains(t, worker.End(t.Context()), says)
	}
}

func TestLongwork_Begin_Ugly(t *testing.T) {
	for _, expire := range []bool{false, true} {
		worker, _ := newLongWorker(t, expire, "")
		worker.Space = spaceOf(t, "nobody")
		assert.ErrorContains(t, worker.Begin(t.Context(), &Loop{Duration: time.Millisecond}), "write a group of 2500 keys")
	}
}

func spaceOf(t *testing.T, prefix string) subjects.Space {
	t.Helper()
	space, err := subjects.NewSpace(prefix)
	require.NoError(t, err)
	return space
}
