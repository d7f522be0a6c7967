// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// mostFilling is how many writes are in flight while a store is filled, where their
	// values are small enough that fillingBytes hold them.
	mostFilling  = 4096
	fillingBytes = 16 << 20
	// fillingInterval is the time between two looks at how far a filling is.
	fillingInterval = time.Second
)

// filling makes the load of a trial write each key once, and says how far it is.
type filling struct {
	alone
	progress       *progress
	label          string
	keys           int
	written        atomic.Int64
	stopped, ended chan struct{}
}

func newFilling(progress *progress, label string, keys int) *filling {
	return &filling{progress: progress, label: label, keys: keys, stopped: make(chan struct{}), ended: make(chan struct{})}
}

// fillingInFlight is how many writes with values of a size are in flight.
func fillingInFlight(valueBytes int) int { return max(min(mostFilling, fillingBytes/valueBytes), 1) }

func (filling *filling) begin(_ context.Context, load *load) error {
	load.keys, load.duration = everyKey(filling.keys), 0
	load.observe = func(uint64, time.Time) { filling.written.Add(1) }
	go filling.follow()
	return nil
}

func (filling *filling) end(context.Context) error {
	close(filling.stopped)
	<-filling.ended
	return nil
}

// follow says how far it is until it is stopped.
func (filling *filling) follow() {
	defer close(filling.ended)
	ticker := time.NewTicker(fillingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			filling.tell(int(filling.written.Load()))
		case <-filling.stopped:
			return
		}
	}
}

// tell says how many keys are written.
func (filling *filling) tell(written int) {
	filling.progress.say("%s: %s written", filling.label, rateText(float64(written)))
}
