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
	// expiringKeys is the number of keys that expire in a round, at even distances.
	expiringKeys = 500
	// expiryLead is the time to live of the first key. All keys are set before it ends.
	expiryLead = 200 * time.Millisecond
)

// ExpiryMeter makes a trial set keys that expire one after the other within its round. It
// measures the time from each deadline to the arrival of the event.
type ExpiryMeter struct {
	alone
	Connection   *nats.Conn
	Space        subjects.Space
	Places       Places
	subscription *nats.Subscription
	// set counts the keys that will expire.
	set atomic.Int64

	mutex     sync.Mutex
	deadlines map[string]time.Time // by key
	delays    []time.Duration
	// awaited is the number of events after which complete is closed, 0 while it is not
	// known.
	awaited  int
	complete chan struct{}
}

// Begin replaces the operation and the keys of the loop, and subscribes to the events.
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

// receive records the deadline in the event of a set, and the arrival of an expiry.
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

// checkLocked closes complete if the last awaited event has come.
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

// Note writes the times from deadline to event.
func (meter *ExpiryMeter) Note(round *report.Round) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	round.Events, round.Lag = uint64(len(meter.delays)), lagOf(meter.delays)
}
