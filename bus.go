// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/internal/broker"
)

// bus is the sidecar's place on the broker: two connections, and the service and the
// publisher that use them. A bus belongs to one pair of connections for its whole life.
//
// A connection may end for good, for example if the broker's
// max_payload is lowered while it runs: the client closes a connection after an error that
// it does not know. The sidecar then leaves this bus and joins the broker anew. The store
// stays open meanwhile.
type bus struct {
	requests  *nats.Conn
	events    *nats.Conn
	lines     map[string]*broker.Line // by purpose
	payload   payload
	publisher *handler.Publisher
	service   *handler.Service

	// leaving is set before the sidecar closes the connections itself.
	leaving atomic.Bool
	// ended gets the reason if a connection ends otherwise.
	ended chan error
	// denied is the last subscription that the broker has refused since the connection for
	// requests was made, nil if there is none.
	denied atomic.Pointer[error]
}

// retryInterval is the time between two new connections while the broker permits too
// little. If a broker only reloads its configuration, it does not announce that it permits
// more.
const retryInterval = 10 * time.Second

// hampered returns the reason if the broker permits too little to serve, nil otherwise.
func (bus *bus) hampered() error {
	if denied := bus.denied.Load(); denied != nil {
		return fmt.Errorf("the broker does not permit a subscription: %w", *denied)
	}
	return bus.payload.check()
}

// reconnect opens new connections, which asks the broker again for its limits and
// permissions.
func (bus *bus) reconnect() {
	for _, connection := range []*nats.Conn{bus.requests, bus.events} {
		if connection.IsConnected() {
			_ = connection.ForceReconnect() // it fails for a closed connection only, which watch sees
		}
	}
}

// join connects to the broker and begins to answer. Nothing is published before it is
// clear that no other sidecar owns the subjects. Nothing is written before the publisher
// is registered, so that the publisher sees every change.
func (sidecar *Sidecar) join(ctx context.Context) (*bus, error) {
	joined := &bus{ended: make(chan error, 1), lines: map[string]*broker.Line{purposeRequests: {}, purposeEvents: {}}}
	defer context.AfterFunc(ctx, joined.cut)() // a broker that hangs does not hold up a start that is given up
	for _, step := range []func(context.Context, *bus) error{
		sidecar.connectBoth,
		sidecar.fitStore,
		sidecar.announce,
		sidecar.startPublisher,
		sidecar.serve,
	} {
		if err := step(ctx, joined); err != nil {
			sidecar.part(joined)
			if given := ctx.Err(); given != nil && !errors.Is(err, given) {
				err = fmt.Errorf("%w: %w", given, err) // the lines were cut
			}
			return nil, err
		}
	}
	return joined, nil
}

func (sidecar *Sidecar) joinFirst(ctx context.Context) error {
	joined, err := sidecar.join(ctx)
	if err == nil {
		sidecar.bus.Store(joined)
	}
	return err
}

// fitStore bounds the entries by the largest message that the connections carry. A broker that
// carries too little is refused at the start. Later it only stops the writes.
func (sidecar *Sidecar) fitStore(ctx context.Context, joined *bus) error {
	for _, connection := range []*nats.Conn{joined.requests, joined.events} {
		if err := settle(ctx, connection); err != nil {
			return fmt.Errorf("the broker did not answer: %w", err)
		}
	}
	err := joined.payload.begin(sidecar.store, joined.requests, joined.events)
	if err != nil && sidecar.running.Load() {
		sidecar.config.Logger.Error("writes are refused: the broker carries too little", "error", err)
		return nil
	}
	return err
}

func (sidecar *Sidecar) announce(ctx context.Context, joined *bus) (err error) {
	config := sidecar.config.handlerConfig()
	config.Store, config.Space, config.Connection = sidecar.store, sidecar.space, joined.requests
	config.FitStore, config.Dials = joined.payload.fit, &joined.lines[purposeRequests].Dials
	if sidecar.journal != nil {
		config.Journal = journalDelivery{sidecar.journal}
	}
	joined.service, err = handler.Announce(ctx, config)
	return err
}

// startPublisher publishes nothing for a store that is behind its mark: its changes are of another
// past.
func (sidecar *Sidecar) startPublisher(_ context.Context, joined *bus) error {
	status, err := sidecar.store.Status()
	if err != nil || status.BehindMark {
		return err
	}
	joined.publisher, err = handler.StartPublisher(handler.PublisherConfig{
		Store: sidecar.store, Space: sidecar.space, Connection: joined.events, Service: joined.service, Logger: sidecar.config.Logger,
	})
	return err
}

func (*Sidecar) serve(ctx context.Context, joined *bus) error { return joined.service.Serve(ctx) }

// watch joins the broker anew if a connection ends, and stops serving if an older sidecar
// turns up on the same prefix.
func (sidecar *Sidecar) watch() {
	retry := time.NewTicker(retryInterval)
	defer retry.Stop()
	for {
		joined := sidecar.bus.Load()
		select {
		case <-sidecar.living.Done():
			return
		case err := <-joined.service.Superseded():
			sidecar.config.Logger.Error("no longer serving", "error", err)
			sidecar.within(answerTimeout, joined, func(ctx context.Context) { sidecar.stopService(ctx, joined) })
			sidecar.fail(err)
			return
		case <-retry.C:
			if joined.hampered() != nil {
				joined.reconnect()
			}
		case err := <-joined.ended:
			sidecar.config.Logger.Error("the broker has ended a connection: both are made anew", "error", err)
			if !sidecar.renew(joined) {
				return
			}
		}
	}
}

// renew replaces a bus. It tries until the broker lets the sidecar serve. It reports
// whether the sidecar serves again: it does not if the sidecar closes or if another sidecar
// serves meanwhile.
func (sidecar *Sidecar) renew(old *bus) bool {
	sidecar.bus.Store(nil)
	sidecar.part(old)
	for {
		// A broker that ends each connection is not besieged.
		select {
		case <-time.After(reconnectWait):
		case <-sidecar.living.Done():
			return false
		}
		joined, err := sidecar.join(sidecar.living)
		switch {
		case err == nil:
			sidecar.bus.Store(joined)
			sidecar.showOnWeb(joined)
			sidecar.config.Logger.Info("serving again", "broker", joined.requests.ConnectedUrlRedacted())
			return true
		case sidecar.living.Err() != nil:
			return false
		case errors.Is(err, ErrOtherSidecar):
			sidecar.config.Logger.Error("no longer serving", "error", err)
			sidecar.fail(err)
			return false
		}
		sidecar.config.Logger.Error("not serving: the broker does not let the sidecar in, it tries again", "error", err)
	}
}

// part leaves a bus while the sidecar goes on. It takes no more requests, answers the requests in
// hand, and publishes the events of committed changes.
func (sidecar *Sidecar) part(joined *bus) {
	sidecar.within(answerTimeout, joined, func(ctx context.Context) { sidecar.stopService(ctx, joined) })
	sidecar.within(deliverTimeout, joined, func(ctx context.Context) { sidecar.stopPublisher(ctx, joined) })
	sidecar.leave(joined)
}

// stopService answers the requests in hand. A request without an answer in time is not
// lost: a client without a reply asks again.
func (sidecar *Sidecar) stopService(ctx context.Context, joined *bus) {
	if joined == nil || joined.service == nil {
		return
	}
	if err := joined.service.Stop(ctx); err != nil {
		sidecar.config.Logger.Warn("stopped with requests in hand", "error", err)
	}
}

// stopPublisher publishes the committed changes. The rest is in the log, and is published
// after the next start.
func (sidecar *Sidecar) stopPublisher(ctx context.Context, joined *bus) {
	if joined == nil || joined.publisher == nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if joined.events.IsClosed() {
		cancel() // nothing can be published, as the log has said
	}
	if err := joined.publisher.Stop(ctx); err != nil && !joined.events.IsClosed() {
		sidecar.config.Logger.Warn("stopped with events to publish", "error", err)
	}
}

// leave sends the last replies and closes the connections.
func (sidecar *Sidecar) leave(joined *bus) {
	if joined == nil {
		return
	}
	joined.leaving.Store(true)
	sidecar.within(flushTimeout, joined, func(ctx context.Context) {
		if joined.service != nil {
			joined.service.Close()
		}
		if joined.requests != nil && joined.requests.IsConnected() {
			if err := joined.requests.FlushWithContext(ctx); err != nil {
				sidecar.config.Logger.Warn("the last replies may not have arrived", "error", err)
			}
		}
		for _, connection := range []*nats.Conn{joined.requests, joined.events} {
			if connection != nil {
				connection.Close()
			}
		}
	})
}

// cut ends both connections at once, whatever the broker does.
func (bus *bus) cut() {
	if bus == nil {
		return
	}
	for _, line := range bus.lines {
		line.Cut()
	}
}
