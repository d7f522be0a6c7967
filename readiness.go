// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"fmt"
	"time"

	"dappco.re/go/storebus/internal/await"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/web"
)

// maxBacklogAge is how old the oldest unpublished change of a ready sidecar may be.
const maxBacklogAge = time.Minute

// notReady gives the reasons why the sidecar is not ready, and waits for the store until
// ctx ends.
func (sidecar *Sidecar) notReady(ctx context.Context) (reasons []web.Reason) {
	if !sidecar.running.Load() {
		if sidecar.awaited.Load() {
			return []web.Reason{{Name: "broker", Message: "the broker is away: the sidecar waits for it"}}
		}
		return nil // the server itself says that it is starting
	}
	if err := sidecar.Err(); err != nil {
		reasons = append(reasons, web.Reason{Name: "stopped", Message: err.Error()})
	}
	switch joined := sidecar.bus.Load(); {
	case joined == nil || !joined.requests.IsConnected() || !joined.events.IsConnected():
		reasons = append(reasons, web.Reason{Name: "broker", Message: "a connection to the broker is away: requests and events wait until it is back"})
	case joined.hampered() != nil:
		reasons = append(reasons, web.Reason{Name: "broker", Message: joined.hampered().Error()})
	}
	// The disk may hang, and the store with it.
	status, err := await.Answer(ctx, sidecar.store.SubmitStatus)
	if err != nil {
		return append(reasons, web.Reason{Name: "store", Message: err.Error()})
	}
	if joined := sidecar.bus.Load(); joined != nil && joined.payload.check() != nil {
		status.Writable = true // the reason is the broker's, and not the disk's
	}
	return append(reasons, reasonsOf(&status, time.Now())...)
}

// reasonsOf returns the reasons in the status of the store.
func reasonsOf(status *store.Status, now time.Time) (reasons []web.Reason) {
	if !status.Writable {
		reasons = append(reasons, web.Reason{Name: "disk", Message: status.Reason})
	}
	if age := now.Sub(status.OldestPendingAt); status.Backlog > 0 && age > maxBacklogAge {
		reasons = append(reasons, web.Reason{Name: "backlog", Message: fmt.Sprintf("%d changes are not published, the oldest for %s, which is more than %s",
			status.Backlog, age.Round(time.Second), maxBacklogAge)})
	}
	return reasons
}
