// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/report"
)

// lagMeter measures the time from the reply to a set until its event arrives here, on
// a connection of its own.
type lagMeter struct {
	alone
	connection   *nats.Conn
	subject      string
	subscription *nats.Subscription

	mutex             sync.Mutex
	replied, arrived  []moment
	highest, expected uint64
	complete          chan struct{}
}

// moment is when something happened to a revision.
type moment struct {
	revision uint64
	at       time.Time
}

func (meter *lagMeter) begin(_ context.Context, loop *loop) (err error) {
	meter.complete = make(chan struct{})
	loop.observe = meter.observe
	if meter.subscription, err = listen(meter.connection, meter.subject, meter.receive); err != nil {
		return err
	}
	return meter.connection.Flush()
}

func (meter *lagMeter) observe(revision uint64, at time.Time) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	meter.replied = append(meter.replied, moment{revision, at})
}

func (meter *lagMeter) receive(event *nats.Msg) {
	at, revision := time.Now(), eventRevision(event.Data)
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	meter.arrived = append(meter.arrived, moment{revision, at})
	meter.highest = max(meter.highest, revision)
	meter.checkLocked()
}

// checkLocked says when the last event that is expected has come.
func (meter *lagMeter) checkLocked() {
	if meter.expected == 0 || meter.highest < meter.expected {
		return
	}
	meter.expected = 0
	close(meter.complete)
}

func (meter *lagMeter) expect(revision uint64) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	meter.expected = revision
	meter.checkLocked()
}

// settle waits for the event of the highest revision that a reply has named.
func (meter *lagMeter) settle(ctx context.Context, outcome *outcome) error {
	if outcome.revision == 0 {
		return outcome.failure
	}
	meter.expect(outcome.revision)
	if err := awaited(ctx, meter.complete, "the event of revision %d did not arrive", outcome.revision); err != nil {
		return err
	}
	return meter.subscription.Unsubscribe()
}

func (meter *lagMeter) note(round *report.Round) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	round.Events, round.Lag = uint64(len(meter.arrived)), newLag(meter.replied, meter.arrived)
}

// newLag compares the moments of every revision that has both. Of an event that came
// twice the first counts.
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

// lagOf sorts delays, and gives their quantiles.
func lagOf(delays []time.Duration) *report.Lag {
	slices.Sort(delays)
	return &report.Lag{P50: report.Microseconds(quantile(delays, 0.5)), P99: report.Microseconds(quantile(delays, 0.99))}
}

// quantile gives the one at a fraction of sorted durations, 0 where there are none.
func quantile(sorted []time.Duration, fraction float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(fraction*float64(len(sorted))), len(sorted)-1)]
}
