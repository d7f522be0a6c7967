// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/report"
)

// audience is the subscribers of a trial's changes. A round is over when each of them
// has the event of every change.
type audience struct {
	alone
	connection  *nats.Conn
	subject     string
	subscribers int
	before, now arrivals
}

func (audience *audience) begin(ctx context.Context, _ *loop) (err error) {
	audience.before, err = audience.ask(ctx)
	return err
}

// settle waits for the event of the highest revision that a reply has named. Events
// come in order, so that one stands for all; what was passed over is an error.
func (audience *audience) settle(ctx context.Context, outcome *outcome) error {
	err := poll(ctx, func(ctx context.Context) (done bool, err error) {
		audience.now, err = audience.ask(ctx)
		return err == nil && audience.now.Least >= outcome.revision, err
	}, func() string {
		return fmt.Sprintf("a subscriber had events up to revision %d only, of %d", audience.now.Least, outcome.revision)
	})
	if err == nil && audience.now.Lost > 0 {
		err = fmt.Errorf("%d events did not arrive", audience.now.Lost)
	}
	return err
}

func (audience *audience) note(round *report.Round) {
	round.Events = (audience.now.Least - audience.before.Least) * uint64(audience.subscribers)
}

// ask asks the subscribers what has arrived.
func (audience *audience) ask(ctx context.Context) (arrivals, error) {
	var arrivals arrivals
	reply, err := audience.connection.RequestWithContext(ctx, audience.subject, nil)
	if err != nil {
		return arrivals, fmt.Errorf("ask the subscribers: %w", err)
	}
	return arrivals, json.Unmarshal(reply.Data, &arrivals)
}
