// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// The broker is killed under load and comes back. No acknowledged write is lost, and a
// watch misses no change.
func TestBroker_Restart_Ugly(t *testing.T) {
	t.Parallel()
	const restarts = 5
	random := seeded(t)
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startServe(t, outside.URL(), database)
	reconnected := make(chan struct{}, 1024)
	watchers := startWatchers(t, outside.URL(), persistent(make(chan struct{}, 1024))...)
	load := startLoad(t, outside.URL(), persistent(reconnected)...)

	for restart := range restarts {
		reached := load.begin(50 + random.IntN(1000))
		waitFor(t, reached, "acknowledgements before restart %d", restart)
		outside.kill(t)
		load.shut()
		outside = startBroker(t, outside.address)
		for _, connection := range load.connections {
			waitFor(t, reconnected, "connection %s of the load", connection.ConnectedUrl())
		}
		awaitService(t, load.connections[0])
		load.settle()
		load.verify(t, load.connections[0])
	}
	listener := startListener(t, outside.URL())
	heads := map[string]uint64{}
	for _, namespace := range loadNamespaces {
		heads[namespace] = (&tenant{connection: listener.connection, namespace: namespace}).revision(t)
	}
	reached := load.begin(500)
	waitFor(t, reached, "acknowledgements after the last restart")
	load.finish()

	told := invariants{load: load, watchers: watchers, refusals: []string{"unavailable"}, sidecar: sidecar, database: database}
	verifyFrom(t, listener, heads, told.check(t).logs)
	t.Logf("%d acknowledged, %d without a reply", len(load.acknowledged), load.unknown)
}

// verifyFrom checks a listener that began late. It must have received every change after
// heads in order, and no event that is not in the logs.
func verifyFrom(t *testing.T, listener *listener, heads map[string]uint64, logs map[string][]json.RawMessage) {
	t.Helper()
	missing := 0
	for namespace, log := range logs {
		missing += len(log) - int(heads[namespace])
	}
	for missing > 0 {
		message := receive(t, listener.subscription)
		change := decodeBody[event](t, message.Data)
		log := logs[change.Namespace]
		require.LessOrEqual(t, int(change.Revision), len(log))
		require.Equal(t, string(log[change.Revision-1]), string(message.Data))
		if change.Revision <= heads[change.Namespace] {
			continue
		}
		heads[change.Namespace]++
		require.Equal(t, heads[change.Namespace], change.Revision, "publication goes on in order")
		missing--
	}
}

// One or both connections of the sidecar break and lose their buffers, while every other
// client stays connected. A permanent subscriber still receives every change, because the
// sidecar publishes unconfirmed events again.
func TestBroker_Cut_Ugly(t *testing.T) {
	t.Parallel()
	const cuts = 8
	random := seeded(t)
	outside := startBroker(t, "127.0.0.1:0")
	between := startProxy(t, outside.address)
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startServe(t, between.URL(), database)
	listener := startListener(t, outside.URL())
	watchers := startWatchers(t, outside.URL())
	load := startLoad(t, outside.URL())

	for cut := range cuts {
		reached := load.begin(50 + random.IntN(500))
		waitFor(t, reached, "acknowledgements before cut %d", cut)
		swallows, chosen := cut%2 == 0, random.IntN(3)
		if swallows {
			// Commits go on while the connection loses their replies and events.
			waitFor(t, between.swallow(), "an event that vanishes before cut %d", cut)
		}
		between.cut(func(index int) bool { return swallows || chosen == 2 || index == chosen })
		load.shut()
		awaitService(t, listener.connection)
		load.settle()
		load.verify(t, listener.connection)
		awaitEvents(t, outside.URL())
	}
	reached := load.begin(500)
	waitFor(t, reached, "acknowledgements after the last cut")
	load.finish()

	told := invariants{load: load, listener: listener, watchers: watchers, refusals: []string{"unavailable"}, sidecar: sidecar, database: database}
	t.Logf("%d acknowledged, %d without a reply, %d events came again", len(load.acknowledged), load.unknown, told.check(t).repeats)
}

// awaitService returns when the sidecar serves. If nobody answers a request, it asks again
// after a pause: no signal announces the service.
func awaitService(t *testing.T, connection *nats.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		attempt, done := context.WithTimeout(ctx, time.Second)
		reply, err := connection.RequestWithContext(attempt, "store.admin.status", nil)
		done()
		if err == nil && reply.Header.Get(headerErrorCode) == "" {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			require.NoError(t, ctx.Err(), "nobody serves")
		}
	}
}

// awaitEvents returns when the sidecar publishes. It changes another namespace and waits
// for the event.
func awaitEvents(t *testing.T, url string) {
	t.Helper()
	sentinel := newTenant(t, url, "sentinel")
	events := subscribe(t, sentinel.connection, "store.events.sentinel.>")
	revision := sentinel.set(t, "g", "k", "v")
	for decodeBody[event](t, receive(t, events).Data).Revision != revision {
	}
}
