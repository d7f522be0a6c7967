// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"time"
)

// writers are sets to the sidecar that go on for as long as a trial does.
type writers struct {
	alone
	load  load
	drive *drive
	began time.Time
	rate  float64
	p99   time.Duration
}

// besideLoad gives the sets that go on beside a trial, over a connection of their own:
// to the keys that it reads, or to a neighbour's.
func (stage *stage) besideLoad(trial trial, seed uint64) load {
	write := trial.filling()
	write.inFlight = trial.writers
	load := stage.loadOf(write, 0, ^seed)
	if trial.neighbour {
		load.operation = setOperation(stage.sidecarOf(trial).space, onePlace(neighbourNamespace))
		load.values = newValuePool(DefaultValueBytes) // thousands of readers may be given each
	}
	load.connections = load.connections[:0:0]
	load.connections = append(load.connections, stage.brokerOf(write).beside)
	return load
}

func (writers *writers) begin(context.Context, *load) (err error) {
	writers.began = time.Now()
	writers.drive, err = writers.load.start()
	return err
}

func (writers *writers) end(ctx context.Context) error {
	writers.drive.stop()
	outcome, err := writers.drive.wait(ctx)
	if err != nil {
		return err
	}
	writers.rate = float64(outcome.served) / time.Since(writers.began).Seconds()
	writers.p99 = outcome.latencies.quantile(0.99)
	return outcome.failure
}

// note leaves the processor time out: it was spent on the writers.
func (writers *writers) note(round *Round) {
	round.WriteRate, round.WriteP99, round.CPU = writers.rate, microseconds(writers.p99), nil
}
