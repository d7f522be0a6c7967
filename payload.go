// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

const (
	// payloadMargin is the room that a reply or an event needs beside its entry.
	payloadMargin = 32 << 10
	// settleTimeout is the longest wait for the limit of an account.
	settleTimeout = 5 * time.Second
)

// payload bounds the entries by the largest message that both connections carry now. So every
// stored entry can be read through the one and announced through the other.
type payload struct {
	store    *store.Store
	requests *nats.Conn
	// events is the limit of the connection for events when it was last connected. That
	// connection is not asked before a write, because it may be busy with a slow broker.
	events atomic.Int64

	// begun is set when the fields above are.
	begun atomic.Bool

	mutex sync.Mutex
	// fitted is the present bound of the store.
	fitted atomic.Int64
}

// begin bounds a store by the limits of two settled connections.
func (payload *payload) begin(bounded *store.Store, requests, events *nats.Conn) error {
	payload.store, payload.requests = bounded, requests
	payload.events.Store(events.MaxPayload())
	payload.begun.Store(true)
	payload.fit()
	return payload.check()
}

// reconnected is called when a connection was replaced, perhaps by a connection to another
// broker, and has settled.
func (payload *payload) reconnected(connection *nats.Conn, isEvents bool) error {
	if isEvents {
		payload.events.Store(connection.MaxPayload())
	}
	if !payload.begun.Load() {
		return nil
	}
	payload.fit()
	return checkPayload(connection.MaxPayload())
}

// settle waits until a connection knows the limit of its account. The broker sends that limit
// right after its first answer, and its own max_payload before.
func settle(ctx context.Context, connection *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return connection.FlushWithContext(ctx)
}

// bytes is the largest message that both connections carry.
func (payload *payload) bytes() int64 {
	return min(payload.requests.MaxPayload(), payload.events.Load())
}

// fit adjusts the store's limits to the connections.
func (payload *payload) fit() {
	if payload.bytes() == payload.fitted.Load() {
		return
	}
	payload.mutex.Lock()
	defer payload.mutex.Unlock()
	bytes := payload.bytes() // again: a limit that came meanwhile counts
	reason := ""
	if bytes < handler.MinPayload {
		reason = fmt.Sprintf("the broker's max_payload is %d bytes, and the sidecar needs %d", bytes, handler.MinPayload)
	}
	if payload.store.SetLimits(limits(bytes)) == nil && payload.store.Suspend(reason) == nil {
		payload.fitted.Store(bytes)
	}
}

// check returns ErrPayloadTooSmall if the connections carry too little.
func (payload *payload) check() error {
	return checkPayload(payload.bytes())
}

func checkPayload(bytes int64) error {
	if bytes < handler.MinPayload {
		return fmt.Errorf("%w: it is %d bytes, %d are needed", ErrPayloadTooSmall, bytes, handler.MinPayload)
	}
	return nil
}

// limits returns the limits of the store for a broker that carries messages of maxPayload
// bytes. There is room for nothing if maxPayload is less than the margin.
func limits(maxPayload int64) store.Limits {
	return store.Limits{
		GroupBytes: subjects.MaxGroupBytes,
		KeyBytes:   subjects.MaxKeyBytes,
		EntryBytes: int(max(1, maxPayload-payloadMargin)),
	}
}
