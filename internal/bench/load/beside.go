// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
)

// Writers are sets to the sidecar that go on while a trial runs.
type Writers struct {
	alone
	Loop  Loop
	drive *Drive
	began time.Time
	rate  float64
	p99   time.Duration
}

// Begin starts the sets.
func (writers *Writers) Begin(context.Context, *Loop) (err error) {
	writers.began = time.Now()
	writers.drive, err = writers.Loop.Start()
	return err
}

// End stops the sets and waits for their replies.
func (writers *Writers) End(ctx context.Context) error {
	writers.drive.Stop()
	outcome, err := writers.drive.Wait(ctx)
	if err != nil {
		return err
	}
	writers.rate = float64(outcome.Served) / time.Since(writers.began).Seconds()
	writers.p99 = outcome.Quantile(0.99)
	return outcome.Failure
}

// Note writes the rate and the latency of the sets. It removes the processor time, because
// the writers have used a part of it.
func (writers *Writers) Note(round *report.Round) {
	round.WriteRate, round.WriteP99, round.CPU = writers.rate, report.Microseconds(writers.p99), nil
}
