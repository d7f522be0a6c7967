// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/subjects"
)

const (
	// expiringKeys is how many keys expire in a round, at even distances.
	expiringKeys = 500
	// expiryLead is the time to live of the first: until then all of them are set.
	expiryLead = 200 * time.Millisecond
)

// ExpiryMeter has a trial set keys that expire one after the other within the time of
// its round, and measures how long after its deadline the event of each arrives here.
type ExpiryMeter struct {
	alone
	Connection   *nats.Conn
	Space        subjects.Space
	Places       Places
	subscription *nats.Subscription
	// set counts the keys that are to expire.
	set atomic.Int64

	mutex     sync.Mutex
	deadlines map[string]time.Time // by key
	delays    []time.Duration
	// awaited is how many events complete is closed at; 0 while that is not known.
	awaited  int
	complete chan struct{}
}

// Begin replaces what the loop asks, and subscribes to the events.
func (meter *ExpiryMeter) Begin(_ context.Context, loop *Loop) (err error) {
	meter.deadlines, meter.complete = map[string]time.Time{}, make(chan struct{})
	spread := loop.Duration
	loop.Operation = setOperation(meter.Space, meter.Places, func(key int) time.Duration {
		return expiryLead + spread*time.Duration(key)/expiringKeys
	})
	loop.Keys, loop.Duration = EveryKey(expiringKeys), 0
	loop.Observe = func(uint64, time.Time) { meter.set.Add(1) }
	subject := meter.Space.Events(meter.Places.Namespaces[0])
	if meter.subscription, err = meter.Connection.Subscribe(subject, meter.receive); err != nil {
		return err
	}
	return meter.Connection.Flush()
}

// receive takes note of the deadline that the event of a set names, as its reply has
// done, and of when the expiry comes.
func (meter *ExpiryMeter) receive(message *nats.Msg) {
	at := time.Now()
	var event subjects.Event
	if err := json.Unmarshal(message.Data, &event); err != nil || event.Key == nil {
		return
	}
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	if event.Type == subjects.EventSet {
		meter.deadlines[*event.Key] = event.ExpiresAt
		return
	}
	// An event may come twice; the first counts.
	if deadline, due := meter.deadlines[*event.Key]; due && event.Type == subjects.EventExpire {
		delete(meter.deadlines, *event.Key)
		meter.delays = append(meter.delays, at.Sub(deadline))
		meter.checkLocked()
	}
}

// checkLocked says when the last event that is awaited has come.
func (meter *ExpiryMeter) checkLocked() {
	if meter.awaited > 0 && len(meter.delays) >= meter.awaited {
		meter.awaited = 0
		close(meter.complete)
	}
}

// End waits for the expiry of every key that was set.
func (meter *ExpiryMeter) End(ctx context.Context) error {
	set := int(meter.set.Load())
	if set == 0 {
		return meter.subscription.Unsubscribe()
	}
	meter.mutex.Lock()
	meter.awaited = set
	meter.checkLocked()
	meter.mutex.Unlock()
	if err := awaited(ctx, meter.complete, "the expiry of %d keys did not arrive", set); err != nil {
		return err
	}
	return meter.subscription.Unsubscribe()
}

// Note writes how long after their deadlines the events came.
func (meter *ExpiryMeter) Note(round *report.Round) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	round.Events, round.Lag = uint64(len(meter.delays)), lagOf(meter.delays)
}
