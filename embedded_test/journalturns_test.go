// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// commitTexts commits points 1 to points of a namespace, from many workers. Their field v is a
// text, which the endpoints of these tests cannot take.
func commitTexts(t *testing.T, store *client.Client, namespace string, points int64) {
	t.Helper()
	var committing sync.WaitGroup
	for worker := range int64(64) {
		committing.Go(func() {
			for number := worker + 1; number <= points; number += 64 {
				_, err := store.JournalCommit(t.Context(), namespace, "m", map[string]any{"n": number, "v": "a text"}, client.JournalOptions{})
				assert.NoError(t, err)
			}
		})
	}
	committing.Wait()
}

// commitNumbers commits points of a namespace that every endpoint takes.
func commitNumbers(t *testing.T, store *client.Client, namespace string, first, points int64) {
	t.Helper()
	for number := range points {
		_, err := store.JournalCommit(t.Context(), namespace, "m", map[string]any{"n": first + number, "v": 1.5}, client.JournalOptions{})
		require.NoError(t, err)
	}
}

// serveBacklog starts a sidecar whose journal has points that the endpoint cannot take, and behind
// them three points of another namespace.
func serveBacklog(t *testing.T, endpoint string, bad int64) *client.Client {
	t.Helper()
	database := filepath.Join(t.TempDir(), "storebus.db")
	serve := func(flags ...string) (*process, *client.Client) {
		sidecar, address := serveOwn(t, nil, append(flags, "--listen", "127.0.0.1:0", "--database", database)...)
		store, err := client.New(connect(t, address), client.Config{Timeout: time.Minute})
		require.NoError(t, err)
		return sidecar, store
	}
	sidecar, store := serve()
	commitTexts(t, store, "flood", bad)
	commitNumbers(t, store, "calm", 1_000_001, 3)
	assert.Zero(t, sidecar.terminate(t))
	_, store = serve("--journal-url", endpoint, "--journal-bucket", "b")
	return store
}

// One namespace has a backlog of points that the endpoint refuses. The points of another namespace
// do not wait for it.
func TestJournalturns_Backlog_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("ServerThatRefusesTheBatch", func(t *testing.T) {
		const bad = 600
		endpoint := startStandIn(t)
		calm, late, asked := -1, -1, 0 // the requests until the points were stored
		reached, flooded := make(chan struct{}), make(chan struct{})
		endpoint.refuse(func(fields map[string]any) string {
			number, _ := fields["n"].(int64)
			switch _, isText := fields["v"].(string); {
			case isText:
				return "no texts here"
			case number > 1_000_000 && calm < 0:
				calm = endpoint.requests
			case number > 2_000_000 && late < 0:
				late = endpoint.requests - asked
			}
			return ""
		})
		endpoint.before = func() {
			if endpoint.requests == 200 {
				close(reached)
				<-flooded
				asked = endpoint.requests
			}
		}
		store := serveBacklog(t, endpoint.URL, bad)
		waitFor(t, reached, "200 requests")
		commitNumbers(t, store, "calm", 2_000_001, 3)
		close(flooded)
		_, err := store.Flush(t.Context())
		require.NoError(t, err)
		assert.LessOrEqual(t, calm, 40, "the requests until the calm namespace's points are stored")
		assert.LessOrEqual(t, late, 4, "of its later points")
		assert.NotEqual(t, -1, late)
		_, requests := endpoint.stored()
		assert.LessOrEqual(t, requests, bad+60, "one for each bad point")
		requireSettled(t, store, "flood", 0, bad)
		requireSettled(t, store, "calm", 6, 0)
	})
	t.Run("ServerThatTakesTheOthersOfABatch", func(t *testing.T) {
		endpoint := startInflux(t)
		endpoint.write(t, "m,namespace=before n=0i,v=1.5")
		store := serveBacklog(t, endpoint.URL(), 200)
		_, err := store.Flush(t.Context())
		require.NoError(t, err)
		requireSettled(t, store, "flood", 0, 200)
		requireSettled(t, store, "calm", 3, 0)
		assert.Equal(t, int64(4), endpoint.count(t, "v"))
	})
}

// requireSettled asserts the figures of a namespace that has nothing pending.
func requireSettled(t *testing.T, store *client.Client, namespace string, delivered, rejected uint64) {
	t.Helper()
	status, err := store.JournalStatus(t.Context(), namespace)
	require.NoError(t, err)
	assert.Equal(t, []uint64{0, delivered, rejected}, []uint64{status.Pending, status.Delivered, status.Rejected}, namespace)
	assert.Zero(t, status.OldestPendingAt)
}
