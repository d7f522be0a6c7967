// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/internal/bench/report"
)

// deliveryInterval is the time between two questions about the deliveries. It is also the
// precision of their latencies.
const deliveryInterval = 5 * time.Millisecond

// DeliveryMeter measures the time from the reply to a commit until the sidecar reports the
// point as delivered. Ids are dense and points are delivered in their order. So if n points
// are delivered, they are the points up to id n.
type DeliveryMeter struct {
	alone
	Client *client.Client

	mutex    sync.Mutex
	replied  []moment
	expected uint64
	// ending says that expected is the last id.
	ending bool

	delivered []moment
	failure   error
	done      chan struct{} // closed after delivered and failure are set
	cancel    context.CancelFunc
}

// Begin starts to ask for the deliveries.
func (meter *DeliveryMeter) Begin(ctx context.Context, loop *Loop) error {
	loop.Observe = meter.observe
	ctx, meter.cancel = context.WithCancel(ctx)
	meter.done = make(chan struct{})
	go func() {
		defer close(meter.done)
		meter.failure = meter.follow(ctx)
	}()
	return nil
}

func (meter *DeliveryMeter) observe(entryID uint64, at time.Time) {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	meter.replied = append(meter.replied, moment{entryID, at})
	meter.expected = max(meter.expected, entryID)
}

// follow asks for the number of delivered points until all are delivered.
func (meter *DeliveryMeter) follow(ctx context.Context) error {
	ticker := time.NewTicker(deliveryInterval)
	defer ticker.Stop()
	for {
		status, err := meter.Client.Status(ctx)
		switch {
		case err != nil:
			return err
		case status.Journal.Rejected > 0:
			return fmt.Errorf("the endpoint has refused %d points", status.Journal.Rejected)
		case meter.complete(status.Journal.Delivered):
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// complete records the number of delivered points, and reports whether they are all.
func (meter *DeliveryMeter) complete(delivered uint64) bool {
	meter.delivered = append(meter.delivered, moment{delivered, time.Now()})
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	return meter.ending && delivered >= meter.expected
}

// End waits until every point is delivered.
func (meter *DeliveryMeter) End(ctx context.Context) error {
	defer meter.cancel()
	meter.mutex.Lock()
	meter.ending = true
	meter.mutex.Unlock()
	if err := awaited(ctx, meter.done, "the points were not delivered"); err != nil {
		return err
	}
	return meter.failure
}

// Note writes the time from reply to delivery.
func (meter *DeliveryMeter) Note(round *report.Round) {
	round.Lag = newLag(meter.replied, deliveriesOf(meter.replied, meter.delivered))
}

// deliveriesOf returns, for each point, the first look at which it was delivered. Looks are
// in order.
func deliveriesOf(points, looks []moment) []moment {
	arrived := make([]moment, 0, len(points))
	for _, point := range points {
		first := sort.Search(len(looks), func(index int) bool { return looks[index].revision >= point.revision })
		if first < len(looks) {
			arrived = append(arrived, moment{point.revision, looks[first].at})
		}
	}
	return arrived
}
