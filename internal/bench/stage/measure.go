// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"time"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

// neighbourBytes is the size of a neighbour's values.
const neighbourBytes = 128

// Measure measures a trial, after the trial before it has left the stage quiet.
func (stage *Stage) Measure(ctx context.Context, trial Trial, duration time.Duration, seed uint64) (report.Round, error) {
	if err := stage.quieten(ctx, trial); err != nil {
		return report.Round{}, err
	}
	return stage.measureNow(ctx, trial, duration, seed)
}

// measureNow runs a trial for a time, and then until nothing is left to do. The seed
// decides its keys and values.
func (stage *Stage) measureNow(ctx context.Context, trial Trial, duration time.Duration, seed uint64) (report.Round, error) {
	return stage.measureBeside(ctx, trial, stage.loopOf(trial, duration, seed), stage.companionOf(trial, seed))
}

// measureBeside runs a loop for a trial, with its companion.
func (stage *Stage) measureBeside(ctx context.Context, trial Trial, loop load.Loop, companion load.Companion) (report.Round, error) {
	meter := stage.meterOf(trial)
	if err := companion.Begin(ctx, &loop); err != nil {
		return report.Round{}, err
	}
	before, processors, began := meter.read(), readProcessors(), time.Now()
	outcome, err := loop.Run(ctx)
	if endError := companion.End(ctx); err == nil {
		err = endError
	}
	if err != nil {
		return report.Round{}, err
	}
	replied := time.Since(began)
	if err := stage.sidecarOf(trial).drain(ctx); err != nil {
		return report.Round{}, err
	}
	if err := companion.Settle(ctx, outcome); err != nil {
		return report.Round{}, err
	}
	round := newRound(outcome, time.Since(began), replied)
	round.Idle = readProcessors().idleSince(processors)
	round.CPU = perRequest(before, meter.read(), outcome.Served)
	companion.Note(&round)
	return round, nil
}

// companionOf returns the companions of a trial.
func (stage *Stage) companionOf(trial Trial, seed uint64) load.Companion {
	var all load.Companions
	broker, sidecar := stage.brokerOf(trial), stage.sidecarOf(trial)
	if trial.work != "" { // it begins before anything is measured
		all = append(all, &load.LongWorker{
			Connections: broker.load, Space: sidecar.space, Expire: trial.work != workDeletion, AtOnce: trial.work == workMass,
			Keys: stage.config.LongKeys, Lead: &stage.longLead, Drain: sidecar.drain,
		})
	}
	switch {
	case trial.subscribers > 0:
		all = append(all, &load.Audience{Connection: stage.outside.control, Subject: stage.reportSubject(trial.subscribers), Subscribers: trial.subscribers})
	case trial.lag:
		all = append(all, &load.LagMeter{Connection: broker.beside, Subject: sidecar.space.Events(trial.namespace())})
	case trial.expiry:
		all = append(all, &load.ExpiryMeter{Connection: broker.control, Space: sidecar.space, Places: trial.places()})
	case trial.verb == verbCommit:
		all = append(all, &load.DeliveryMeter{Client: sidecar.client})
	}
	if sidecar.metrics != "" {
		all = append(all, &load.Scraper{URL: sidecar.metrics})
	}
	if trial.waiters > 0 {
		all = append(all, &load.Waiters{Connection: broker.control, Space: sidecar.space, Woken: trial.woken, Count: trial.waiters})
	}
	if trial.writers > 0 {
		all = append(all, &load.Writers{Loop: stage.besideLoop(trial, seed)})
	}
	return all
}

func newRound(outcome *load.Outcome, whole, replied time.Duration) report.Round {
	round := report.Round{
		Requests:     outcome.Served,
		Errors:       outcome.Failed,
		Seconds:      whole.Seconds(),
		DrainSeconds: (whole - replied).Seconds(),
		Rate:         float64(outcome.Served) / whole.Seconds(),
		P50:          report.Microseconds(outcome.Quantile(0.5)),
		P99:          report.Microseconds(outcome.Quantile(0.99)),
	}
	if outcome.Failure != nil {
		round.Error = outcome.Failure.Error()
	}
	return round
}

// perRequest returns the microseconds a request of each role.
func perRequest(before, after map[string]time.Duration, requests uint64) map[string]float64 {
	each := map[string]float64{}
	for role, used := range after {
		if earlier, known := before[role]; known && requests > 0 {
			each[role] = report.Microseconds(used-earlier) / float64(requests)
		}
	}
	return each
}

// besideLoop returns the sets beside a trial, on a connection of their own. They are to the
// trial's keys, or to a neighbour's.
func (stage *Stage) besideLoop(trial Trial, seed uint64) load.Loop {
	write := trial.filling()
	write.InFlight = trial.writers
	loop := stage.loopOf(write, 0, ^seed)
	if trial.neighbour {
		loop.Operation = load.Set(stage.sidecarOf(trial).space, load.Neighbour())
		loop.Values = load.NewValuePool(neighbourBytes) // each value may go to thousands of readers
	}
	loop.Connections = loop.Connections[:0:0]
	loop.Connections = append(loop.Connections, stage.brokerOf(write).beside)
	return loop
}
