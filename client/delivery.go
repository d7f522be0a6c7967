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
	// firstAttempt is how long the first attempt at a write waits for its reply at
	// most, and at most a quarter of the call's time. Each further one waits twice as
	// long, and the last for the rest.
	firstAttempt = time.Second
	// shortestPause and longestPause bound the pause after an attempt that failed at
	// once; the pauses double.
	shortestPause = 50 * time.Millisecond
	longestPause  = time.Second
	// lastAttempt is how long after the first one a write may be sent again: a long
	// way inside the time for which the sidecar remembers its message id, for a
	// message may be held up on its way.
	lastAttempt = subjects.RetryWindow / 2
)

// delivery is a request on its way: it is sent until there is an answer, or until
// there is no sense in sending it again.
type delivery struct {
	client  *Client
	call    *call
	message *nats.Msg
	begun   time.Time
	// wait is how long the next attempt waits for its reply.
	wait time.Duration
	// pause is how long the last one was, after an attempt that failed at once.
	pause time.Duration
	// open is why the outcome of a write is unknown since an earlier attempt, nil
	// while it is certain that none was executed.
	open error
}

func newDelivery(client *Client, call *call, message *nats.Msg) *delivery {
	return &delivery{client: client, call: call, message: message, begun: time.Now()}
}

// run sends the request and gives the body of a success reply.
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

// attempt sends the request once. A call that is not sent again has all the time
// there is, and so has the last attempt.
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

// mayRepeat reports whether an error leaves anything to be hoped for: that a sidecar
// is there in a moment, or that it tells what became of an earlier attempt.
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

// rest waits before the next attempt where the last one failed at once, and as long
// as the connection is away: what is sent then would be kept and come late. It
// reports false where there is no time for another: one that is cut short would make
// an outcome unknown that is not.
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

// sleep pauses: as long as the sidecar asks for, or twice as long as before. Half of
// the pause is left to chance, lest all the clients of a sidecar that comes back ask
// it at the same moment.
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

// conclude gives the error that the call ends with.
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

// isQuick reports whether an error came back from the broker or the sidecar, so that
// the next attempt would follow at once.
func isQuick(err error) bool {
	_, refused := errors.AsType[*subjects.Error](err)
	silent := errors.Is(err, context.DeadlineExceeded)
	return errors.Is(err, nats.ErrNoResponders) || refused && !silent
}

// retryAfter gives how long the sidecar asks to wait, 0 where it does not say.
func retryAfter(err error) time.Duration {
	refusal, refused := errors.AsType[*subjects.Error](err)
	if !refused {
		return 0
	}
	wait, _ := subjects.ParseWait(refusal.RetryAfter)
	return wait.Duration()
}
