// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"errors"
	"time"
)

// The bounds of the time between two attempts.
const (
	minBackOff = time.Second
	maxBackOff = 30 * time.Second
)

// pace says when to deliver.
type pace struct {
	config *Config
	// due fires when the pending entries are to be sent; nil if none is known.
	due <-chan time.Time
	// retry fires when a lane is to be tried again; nil if none waits.
	retry <-chan time.Time
	// last is when the last delivery ended, and failing whether it failed.
	last    time.Time
	failing bool
	backOff backOff
}

// interesting returns the signals of the queue. After a failure it returns nil: the next
// attempt keeps its time.
func (pace *pace) interesting(news <-chan struct{}) <-chan struct{} {
	if pace.failing {
		return nil
	}
	return news
}

// ready reports, after a signal, whether to deliver now. It does if a batch is full, or if
// nothing was delivered for FlushInterval. Otherwise it makes due fire at the right time.
func (pace *pace) ready() bool {
	// A clock that was set back makes nobody wait for longer.
	wait := min(pace.config.FlushInterval-pace.config.Now().Sub(pace.last), pace.config.FlushInterval)
	if wait <= 0 || pace.config.Queue.Waiting() >= pace.config.BatchPoints {
		return true
	}
	if pace.due == nil {
		pace.due = pace.config.After(wait)
	}
	return false
}

// delivered records the end of a delivery.
func (pace *pace) delivered(err error) {
	pace.last, pace.failing, pace.due, pace.retry = pace.config.Now(), err != nil, nil, nil
	if err == nil {
		pace.backOff.reset()
		return
	}
	var retryAfter time.Duration
	if failure, ok := errors.AsType[*failure](err); ok {
		retryAfter = failure.answer.retryAfter
	}
	pace.due = pace.config.After(max(pace.backOff.next(pace.config.Random()), retryAfter))
}

// backOff is the time between attempts: it doubles with each failure.
type backOff struct {
	span time.Duration
}

func (backOff *backOff) reset() { backOff.span = 0 }

// next returns a random time between half of the span and all of it, so that many clients
// do not return at once.
func (backOff *backOff) next(random float64) time.Duration {
	backOff.span = min(max(2*backOff.span, 2*minBackOff), maxBackOff)
	return backOff.span/2 + time.Duration(random*float64(backOff.span/2))
}
