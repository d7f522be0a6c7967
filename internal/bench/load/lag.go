// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/report"
)

// LagMeter measures the time from the reply to a set until its event arrives here, on a
// connection of its own.
type LagMeter struct {
	alone
	Connection   *nats.Conn
	Subject      string
	subscription *nats.Subscription

	mutex             sync.Mutex
	replied, arrived  []moment
	highest, expected uint64
	complete          chan struct{}
}

// moment is a revision, and the time at which something happened to it.
type moment struct {
	revision uint64
	at       time.Time
}

// Begin subscribes to the events, and observes every reply.
func (meter *LagMeter) Begin(_ context.Context, loop *Loop) (err error) {
	meter.complete = make(chan struct{})
	loop.Observe = meter.observe
	if meter.subscription, err = Listen(meter.Connection, meter.Subject, meter.receive); err != nil {
		return err
	}
	return meter.Connection.Flush()
}

func (meter *LagMeter) observe(revision uint64, at time.Time) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	meter.replied = append(meter.replied, moment{revision, at})
}

func (meter *LagMeter) receive(event *nats.Msg) {
	at, revision := time.Now(), eventRevision(event.Data)
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	meter.arrived = append(meter.arrived, moment{revision, at})
	meter.highest = max(meter.highest, revision)
	meter.checkLocked()
}

// checkLocked closes complete if the last expected event has come.
func (meter *LagMeter) checkLocked() {
	if meter.expected == 0 || meter.highest < meter.expected {
		return
	}
	meter.expected = 0
	close(meter.complete)
}

func (meter *LagMeter) expect(revision uint64) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	meter.expected = revision
	meter.checkLocked()
}

// Settle waits for the event of the highest revision in a reply.
func (meter *LagMeter) Settle(ctx context.Context, outcome *Outcome) error {
	if outcome.Revision == 0 {
		return outcome.Failure
	}
	meter.expect(outcome.Revision)
	if err := awaited(ctx, meter.complete, "the event of revision %d did not arrive", outcome.Revision); err != nil {
		return err
	}
	return meter.subscription.Unsubscribe()
}

// Note writes the times from reply to event.
func (meter *LagMeter) Note(round *report.Round) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	round.Events, round.Lag = uint64(len(meter.arrived)), newLag(meter.replied, meter.arrived)
}

// newLag subtracts the two moments of each revision that has both. If an event came twice,
// the first counts.
func newLag(replied, arrived []moment) *report.Lag {
	arrivals := make(map[uint64]time.Time, len(arrived))
	for _, moment := range arrived {
		if _, repeated := arrivals[moment.revision]; !repeated {
			arrivals[moment.revision] = moment.at
		}
	}
	var lags []time.Duration
	for _, moment := range replied {
		if at, known := arrivals[moment.revision]; known {
			lags = append(lags, at.Sub(moment.at))
		}
	}
	return lagOf(lags)
}

// lagOf sorts delays, and returns their quantiles.
func lagOf(delays []time.Duration) *report.Lag {
	slices.Sort(delays)
	return &report.Lag{P50: report.Microseconds(quantile(delays, 0.5)), P99: report.Microseconds(quantile(delays, 0.99))}
}

// quantile returns the duration at a fraction of sorted durations, 0 if there are none.
func quantile(sorted []time.Duration, fraction float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(fraction*float64(len(sorted))), len(sorted)-1)]
}
