// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
)

// writers are sets to the sidecar that go on for as long as a trial does.
type writers struct {
	alone
	loop  loop
	drive *drive
	began time.Time
	rate  float64
	p99   time.Duration
}

func (writers *writers) begin(context.Context, *loop) (err error) {
	writers.began = time.Now()
	writers.drive, err = writers.loop.start()
	return err
}

func (writers *writers) end(ctx context.Context) error {
	writers.drive.stop()
	outcome, err := writers.drive.wait(ctx)
	if err != nil {
		return err
	}
	writers.rate = float64(outcome.served) / time.Since(writers.began).Seconds()
	writers.p99 = outcome.quantile(0.99)
	return outcome.failure
}

// note leaves the processor time out: it was spent on the writers.
func (writers *writers) note(round *report.Round) {
	round.WriteRate, round.WriteP99, round.CPU = writers.rate, report.Microseconds(writers.p99), nil
}
