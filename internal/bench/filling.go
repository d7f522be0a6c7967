// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"sync/atomic"
	"time"
)

// fillingInterval is the time between two looks at how far a filling is.
const fillingInterval = time.Second

// filling makes the loop of a trial write each key once, and says how far it is.
type filling struct {
	alone
	keys int
	// tell is told how many keys are written, about once a second.
	tell           func(written int)
	written        atomic.Int64
	stopped, ended chan struct{}
}

func (filling *filling) begin(_ context.Context, loop *loop) error {
	loop.keys, loop.duration = everyKey(filling.keys), 0
	loop.observe = func(uint64, time.Time) { filling.written.Add(1) }
	filling.stopped, filling.ended = make(chan struct{}), make(chan struct{})
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
