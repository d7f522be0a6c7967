// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"fmt"
	"time"
)

const (
	// pollInterval is the time between two calls of done.
	pollInterval = time.Millisecond
	// drainTimeout bounds the time in which a store must finish its deferred work, and an
	// event must arrive.
	drainTimeout = 2 * time.Minute
)

// Poll calls done until it reports true or fails. If that takes too long, the error has the
// text of late.
func Poll(ctx context.Context, done func(context.Context) (bool, error), late func() string) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for began := time.Now(); ; {
		finished, err := done(ctx)
		if err != nil || finished {
			return err
		}
		if time.Since(began) > drainTimeout {
			return fmt.Errorf("after %s %s", drainTimeout, late())
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// awaited waits until done is closed. If that takes longer than drainTimeout, the error has
// the formatted text.
func awaited(ctx context.Context, done <-chan struct{}, format string, values ...any) error {
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf(format+" within %s", append(values, drainTimeout)...)
	}
}

// pause lets a time pass.
func pause(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
