// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"fmt"
	"time"

	"dappco.re/go/storebus/subjects"
)

const (
	// pollInterval is the time between two looks at what is left to do.
	pollInterval = time.Millisecond
	// drainTimeout bounds how long a store may take to finish what it has put off.
	drainTimeout = 2 * time.Minute
)

// drain waits until the sidecar has announced every change and brought its tables up
// to date.
func (sidecar *sidecar) drain(ctx context.Context) error {
	var last subjects.StatusReply
	return poll(ctx, func(ctx context.Context) (done bool, err error) {
		last, err = sidecar.client.Status(ctx)
		return err == nil && last.Backlog == 0 && last.PendingMaterialisation == 0, err
	}, func() string {
		return fmt.Sprintf("the sidecar still had %d changes to announce and %d to bring into its tables", last.Backlog, last.PendingMaterialisation)
	})
}

// poll asks until something is done. What it says when that takes too long is made by
// the last function.
func poll(ctx context.Context, done func(context.Context) (bool, error), late func() string) error {
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
