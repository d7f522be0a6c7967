// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"time"
)

// Round is what one trial came to in one round, or the medians of several.
type Round struct {
	// Requests were served, Errors were not: a reply that reports an error, or none.
	Requests uint64 `json:"requests"`
	Errors   uint64 `json:"errors"`
	// Error is the first of them.
	Error string `json:"error,omitzero"`
	// Seconds is the whole time, until nothing was left to do; the drain is the part of
	// it after the last reply.
	Seconds      float64 `json:"seconds"`
	DrainSeconds float64 `json:"drain_seconds"`
	// Rate is requests a second of the whole time.
	Rate float64 `json:"requests_per_second"`
	// P50 and P99 are latencies in microseconds.
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
	// CPU is the processor time in microseconds a request by the role of the process.
	// What the system does not say is not there.
	CPU map[string]float64 `json:"cpu_us,omitzero"`
	// WriteRate is the sets a second that went on beside, WriteP99 their latency in
	// microseconds.
	WriteRate float64 `json:"writes_per_second,omitzero"`
	WriteP99  float64 `json:"write_p99_us,omitzero"`
	// Events are those that arrived at all the subscribers together.
	Events uint64 `json:"events,omitzero"`
	// Scrapes are how often the metrics were read beside.
	Scrapes uint64 `json:"scrapes,omitzero"`
	// Lag is how long after the reply to a set its event arrived; where the keys of the
	// case expire, how long after the deadline that event did; and of points, how long
	// after the reply they were delivered.
	Lag *Lag `json:"lag,omitzero"`
}

// Lag is in microseconds, and less than nothing where an event came before the reply.
type Lag struct {
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
}

// companion is what goes on beside the load of a trial. Each of its methods may be a
// part of the measured time, see measure.
type companion interface {
	// begin is called before the clock starts, and may change the load.
	begin(ctx context.Context, load *load) error
	// end is called after the last reply, before the drain.
	end(ctx context.Context) error
	// settle is called after the drain, and waits for what must still arrive.
	settle(ctx context.Context, outcome *outcome) error
	// note writes what it has seen into the round, after the clock has stopped.
	note(round *Round)
}

// alone is the companion of a trial without one.
type alone struct{}

func (alone) begin(context.Context, *load) error     { return nil }
func (alone) end(context.Context) error              { return nil }
func (alone) settle(context.Context, *outcome) error { return nil }
func (alone) note(*Round)                            {}

// companions go on beside a trial together. They end in their order: what comes first
// may wait for something that the others have to go on beside.
type companions []companion

func (companions companions) begin(ctx context.Context, load *load) error {
	for _, companion := range companions {
		if err := companion.begin(ctx, load); err != nil {
			return err
		}
	}
	return nil
}

func (companions companions) end(ctx context.Context) error {
	var failures []error
	for _, companion := range companions {
		failures = append(failures, companion.end(ctx))
	}
	return errors.Join(failures...)
}

func (companions companions) settle(ctx context.Context, outcome *outcome) error {
	for _, companion := range companions {
		if err := companion.settle(ctx, outcome); err != nil {
			return err
		}
	}
	return nil
}

func (companions companions) note(round *Round) {
	for _, companion := range companions {
		companion.note(round)
	}
}

// measure runs a trial for a time, and then until nothing is left to do. The seed
// decides which keys and values it takes.
func (stage *stage) measure(ctx context.Context, trial trial, duration time.Duration, seed uint64) (Round, error) {
	return stage.measureBeside(ctx, trial, stage.loadOf(trial, duration, seed), stage.companionOf(trial, seed))
}

// measureBeside runs a load for a trial with what goes on beside it.
func (stage *stage) measureBeside(ctx context.Context, trial trial, load load, companion companion) (Round, error) {
	meter := stage.meterOf(trial)
	if err := companion.begin(ctx, &load); err != nil {
		return Round{}, err
	}
	before, began := meter.read(), time.Now()
	outcome, err := load.run(ctx)
	if endError := companion.end(ctx); err == nil {
		err = endError
	}
	if err != nil {
		return Round{}, err
	}
	replied := time.Since(began)
	if err := stage.sidecarOf(trial).drain(ctx); err != nil {
		return Round{}, err
	}
	if err := companion.settle(ctx, outcome); err != nil {
		return Round{}, err
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
			connections: broker.load, space: sidecar.space, work: trial.work, keys: stage.settings.LongKeys, lead: &stage.longLead, drain: sidecar.drain,
		})
	}
	if sidecar.metrics != "" {
		all = append(all, &scraper{url: sidecar.metrics, interval: scrapeInterval})
	}
	if trial.waiters > 0 {
		all = append(all, &waiters{connection: broker.control, space: sidecar.space, group: trial.waitFor, count: trial.waiters})
	}
	if trial.writers > 0 {
		all = append(all, &writers{load: stage.besideLoad(trial, seed)})
	}
	return all
}

func newRound(outcome *outcome, whole, replied time.Duration) Round {
	round := Round{
		Requests:     outcome.served,
		Errors:       outcome.failed,
		Seconds:      whole.Seconds(),
		DrainSeconds: (whole - replied).Seconds(),
		Rate:         float64(outcome.served) / whole.Seconds(),
		P50:          microseconds(outcome.latencies.quantile(0.5)),
		P99:          microseconds(outcome.latencies.quantile(0.99)),
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
			each[role] = microseconds(used-earlier) / float64(requests)
		}
	}
	return each
}

func microseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Microsecond)
}
