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
	// last is when the last delivery ended, and failing whether it failed.
	last    time.Time
	failing bool
	backOff backOff
}

// interesting gives the news of the queue, but after a failure: whatever comes then, the
// next attempt has its time.
func (pace *pace) interesting(news <-chan struct{}) <-chan struct{} {
	if pace.failing {
		return nil
	}
	return news
}

// ready reports, when there are news, whether to deliver now: for a batch that is full,
// or when nothing was delivered for a while. Else it sees to it that due fires.
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

// delivered takes note of how a delivery has ended.
func (pace *pace) delivered(err error) {
	pace.last, pace.failing, pace.due = pace.config.Now(), err != nil, nil
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

// next returns from half of the span to all of it: not everybody comes back at once.
func (backOff *backOff) next(random float64) time.Duration {
	backOff.span = min(max(2*backOff.span, 2*minBackOff), maxBackOff)
	return backOff.span/2 + time.Duration(random*float64(backOff.span/2))
}
