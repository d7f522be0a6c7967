// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// The pace of requests that are sent again.
const (
	// firstAttempt is the longest time that the first attempt at a write waits for its
	// reply. It waits at most a quarter of the call's time. Each further attempt waits
	// twice as long, and the last attempt for the rest.
	firstAttempt = time.Second
	// shortestPause and longestPause bound the pause after an attempt that failed at
	// once. The pauses double.
	shortestPause = 50 * time.Millisecond
	longestPause  = time.Second
	// lastAttempt is the time after the first attempt in which a write may be sent again.
	// It is well inside the time for which the sidecar remembers the message id, because
	// a message may be held up on its way.
	lastAttempt = subjects.RetryWindow / 2
)

// delivery is a request on its way. It is sent until there is an answer, or until another
// attempt cannot help.
type delivery struct {
	client  *Client
	call    *call
	message *nats.Msg
	begun   time.Time
	// wait is how long the next attempt waits for its reply.
	wait time.Duration
	// pause is the length of the last pause, after an attempt that failed at once.
	pause time.Duration
	// open says why the outcome of a write has been unknown since an earlier attempt. It
	// is nil as long as no attempt can have been executed.
	open error
}

func newDelivery(client *Client, call *call, message *nats.Msg) *delivery {
	return &delivery{client: client, call: call, message: message, begun: time.Now()}
}

// run sends the request and returns the body of a success reply.
func (delivery *delivery) run(ctx context.Context) ([]byte, error) {
	for {
		reply, err := delivery.attempt(ctx)
		if err == nil {
			return reply, nil
		}
		if errors.Is(err, subjects.ErrOutcomeUnknown) {
			delivery.open = err
		}
		if !delivery.mayRepeat(err) || !delivery.rest(ctx, err) {
			return nil, delivery.conclude(ctx, err)
		}
	}
}

// attempt sends the request once. A call that is not sent again has all the time that is
// left, and so has the last attempt.
func (delivery *delivery) attempt(ctx context.Context) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	if delivery.wait == 0 {
		delivery.wait = min(firstAttempt, left/4)
	}
	if delivery.call.messageID != "" && delivery.wait < left {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, delivery.wait)
		defer cancel()
	}
	return delivery.client.send(ctx, delivery.message, delivery.call.writes)
}

// mayRepeat reports whether another attempt may help: a sidecar may be there in a moment,
// or it may know the outcome of an earlier attempt.
func (delivery *delivery) mayRepeat(err error) bool {
	switch {
	case errors.Is(err, subjects.ErrOutcomeUnknown):
		return delivery.call.messageID != ""
	case errors.Is(err, nats.ErrNoResponders):
		return delivery.open != nil || time.Since(delivery.begun) < delivery.client.patience
	case errors.Is(err, subjects.ErrUnavailable):
		return delivery.open != nil
	}
	return false
}

// rest pauses before the next attempt if the last one failed at once. It also waits while
// the connection is away: a message sent then would be kept and come late. It reports
// false if there is no time for another attempt. An attempt that is cut short would make
// a known outcome unknown.
func (delivery *delivery) rest(ctx context.Context, err error) bool {
	connection, quick := delivery.client.connection, isQuick(err)
	if !quick {
		delivery.wait *= 2
	}
	for ; quick || !connection.IsConnected(); quick = false {
		if connection.IsClosed() || !delivery.sleep(ctx, err) {
			return false
		}
	}
	deadline, _ := ctx.Deadline()
	inTime := delivery.open != nil || time.Until(deadline) > shortestPause
	return inTime && ctx.Err() == nil && time.Since(delivery.begun) < lastAttempt
}

// sleep pauses for the time that the sidecar asks for, or twice as long as before. Half
// of the pause is random, so that the clients of a sidecar that comes back do not all ask
// at the same moment.
func (delivery *delivery) sleep(ctx context.Context, err error) bool {
	delivery.pause = min(max(2*delivery.pause, shortestPause), longestPause)
	pause := max(delivery.pause/2+rand.N(delivery.pause/2+1), retryAfter(err))
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// conclude returns the error with which the call ends.
func (delivery *delivery) conclude(ctx context.Context, err error) error {
	settled := !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, subjects.ErrUnavailable)
	if delivery.open != nil && !settled {
		err = fmt.Errorf("%w; sent again: %w", delivery.open, err)
	}
	if reason := ctx.Err(); reason != nil && !errors.Is(err, reason) {
		err = fmt.Errorf("%w (%w)", err, reason)
	}
	return err
}

// isQuick reports whether the broker or the sidecar returned an error, so that the next
// attempt would follow at once.
func isQuick(err error) bool {
	_, refused := errors.AsType[*subjects.Error](err)
	silent := errors.Is(err, context.DeadlineExceeded)
	return errors.Is(err, nats.ErrNoResponders) || refused && !silent
}

// retryAfter returns how long the sidecar asks to wait, or 0.
func retryAfter(err error) time.Duration {
	refusal, refused := errors.AsType[*subjects.Error](err)
	if !refused {
		return 0
	}
	wait, _ := subjects.ParseWait(refusal.RetryAfter)
	return wait.Duration()
}
