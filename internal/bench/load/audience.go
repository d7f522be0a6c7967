// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/report"
)

// Audience is the subscribers to a trial's changes. A round ends when each of them has the
// event of every change.
type Audience struct {
	alone
	Connection  *nats.Conn
	Subject     string
	Subscribers int
	before, now arrivals
}

// Begin remembers the events that have arrived before.
func (audience *Audience) Begin(ctx context.Context, _ *Loop) (err error) {
	audience.before, err = audience.ask(ctx)
	return err
}

// Settle waits for the event of the highest revision in a reply. Events come in order, so
// that event stands for all. If a subscriber has missed an event, Settle returns an error.
func (audience *Audience) Settle(ctx context.Context, outcome *Outcome) error {
	err := Poll(ctx, func(ctx context.Context) (done bool, err error) {
		audience.now, err = audience.ask(ctx)
		return err == nil && audience.now.Least >= outcome.Revision, err
	}, func() string {
		return fmt.Sprintf("a subscriber had events up to revision %d only, of %d", audience.now.Least, outcome.Revision)
	})
	if err == nil && audience.now.Lost > 0 {
		err = fmt.Errorf("%d events did not arrive", audience.now.Lost)
	}
	return err
}

// Note writes the number of events at all subscribers to the round.
func (audience *Audience) Note(round *report.Round) {
	round.Events = (audience.now.Least - audience.before.Least) * uint64(audience.Subscribers)
}

// ask asks the subscribers for their arrivals.
func (audience *Audience) ask(ctx context.Context) (arrivals, error) {
	var arrivals arrivals
	reply, err := audience.Connection.RequestWithContext(ctx, audience.Subject, nil)
	if err != nil {
		return arrivals, fmt.Errorf("ask the subscribers: %w", err)
	}
	return arrivals, json.Unmarshal(reply.Data, &arrivals)
}
