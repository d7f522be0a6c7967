// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
)

// neighbourBytes is the size of a neighbour's values.
const neighbourBytes = 128

// run measures a trial once it is quiet.
func (stage *stage) run(ctx context.Context, trial trial, duration time.Duration, seed uint64) (report.Round, error) {
	if err := stage.quieten(ctx, trial); err != nil {
		return report.Round{}, err
	}
	return stage.measure(ctx, trial, duration, seed)
}

// measure runs a trial for a time, and then until nothing is left to do. The seed
// decides which keys and values it takes.
func (stage *stage) measure(ctx context.Context, trial trial, duration time.Duration, seed uint64) (report.Round, error) {
	return stage.measureBeside(ctx, trial, stage.loopOf(trial, duration, seed), stage.companionOf(trial, seed))
}

// measureBeside runs a loop for a trial with what goes on beside it.
func (stage *stage) measureBeside(ctx context.Context, trial trial, loop loop, companion companion) (report.Round, error) {
	meter := stage.meterOf(trial)
	if err := companion.begin(ctx, &loop); err != nil {
		return report.Round{}, err
	}
	before, began := meter.read(), time.Now()
	outcome, err := loop.run(ctx)
	if endError := companion.end(ctx); err == nil {
		err = endError
	}
	if err != nil {
		return report.Round{}, err
	}
	replied := time.Since(began)
	if err := stage.sidecarOf(trial).drain(ctx); err != nil {
		return report.Round{}, err
	}
	if err := companion.settle(ctx, outcome); err != nil {
		return report.Round{}, err
	}
	round := newRound(outcome, time.Since(began), replied)
	round.CPU = perRequest(before, meter.read(), outcome.served)
	companion.note(&round)
	return round, nil
}

// companionOf gives what goes on beside a trial.
func (stage *stage) companionOf(trial trial, seed uint64) companion {
	var all companions
	broker, sidecar := stage.brokerOf(trial), stage.sidecarOf(trial)
	switch {
	case trial.subscribers > 0:
		all = append(all, &audience{connection: stage.outside.control, subject: stage.reportSubject(trial.subscribers), subscribers: trial.subscribers})
	case trial.lag:
		all = append(all, &lagMeter{connection: broker.beside, subject: sidecar.space.Events(trial.namespace())})
	case trial.expiry:
		all = append(all, &expiryMeter{connection: broker.control, space: sidecar.space, places: trial.places()})
	case trial.verb == verbCommit:
		all = append(all, &deliveryMeter{client: sidecar.client})
	case trial.work != "":
		all = append(all, &longWorker{
			connections: broker.load, space: sidecar.space, expire: trial.work == workExpiry, keys: stage.config.LongKeys, lead: &stage.longLead, drain: sidecar.drain,
		})
	}
	if sidecar.metrics != "" {
		all = append(all, &scraper{url: sidecar.metrics})
	}
	if trial.waiters > 0 {
		all = append(all, &waiters{connection: broker.control, space: sidecar.space, woken: trial.woken, count: trial.waiters})
	}
	if trial.writers > 0 {
		all = append(all, &writers{loop: stage.besideLoop(trial, seed)})
	}
	return all
}

func newRound(outcome *outcome, whole, replied time.Duration) report.Round {
	round := report.Round{
		Requests:     outcome.served,
		Errors:       outcome.failed,
		Seconds:      whole.Seconds(),
		DrainSeconds: (whole - replied).Seconds(),
		Rate:         float64(outcome.served) / whole.Seconds(),
		P50:          report.Microseconds(outcome.quantile(0.5)),
		P99:          report.Microseconds(outcome.quantile(0.99)),
	}
	if outcome.failure != nil {
		round.Error = outcome.failure.Error()
	}
	return round
}

// perRequest gives the microseconds a request of each role.
func perRequest(before, after map[string]time.Duration, requests uint64) map[string]float64 {
	each := map[string]float64{}
	for role, used := range after {
		if earlier, known := before[role]; known && requests > 0 {
			each[role] = report.Microseconds(used-earlier) / float64(requests)
		}
	}
	return each
}

// besideLoop gives the sets that go on beside a trial, over a connection of their own:
// to the keys that it reads, or to a neighbour's.
func (stage *stage) besideLoop(trial trial, seed uint64) loop {
	write := trial.filling()
	write.inFlight = trial.writers
	loop := stage.loopOf(write, 0, ^seed)
	if trial.neighbour {
		loop.operation = setOperation(stage.sidecarOf(trial).space, neighbour())
		loop.values = newValuePool(neighbourBytes) // thousands of readers may be given each
	}
	loop.connections = loop.connections[:0:0]
	loop.connections = append(loop.connections, stage.brokerOf(write).beside)
	return loop
}
