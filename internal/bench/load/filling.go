// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"sync/atomic"
	"time"
)

// fillingInterval is the time between two reports of the progress.
const fillingInterval = time.Second

// Filling makes the loop of a trial write each key once, and reports the progress.
type Filling struct {
	alone
	Keys int
	// Tell gets the number of written keys, about once a second.
	Tell           func(written int)
	written        atomic.Int64
	stopped, ended chan struct{}
}

// Begin replaces the keys of the loop.
func (filling *Filling) Begin(_ context.Context, loop *Loop) error {
	loop.Keys, loop.Duration = EveryKey(filling.Keys), 0
	loop.Observe = func(uint64, time.Time) { filling.written.Add(1) }
	filling.stopped, filling.ended = make(chan struct{}), make(chan struct{})
	go filling.follow()
	return nil
}

// End stops the reports.
func (filling *Filling) End(context.Context) error {
	close(filling.stopped)
	<-filling.ended
	return nil
}

// follow reports the progress until it is stopped.
func (filling *Filling) follow() {
	defer close(filling.ended)
	ticker := time.NewTicker(fillingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			filling.Tell(int(filling.written.Load()))
		case <-filling.stopped:
			return
		}
	}
}
