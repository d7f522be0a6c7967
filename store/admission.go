// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"runtime"
	"time"

	"dappco.re/go/storebus/store/internal/limiter"
)

// maxQueryWait is the longest time that a query waits for its turn. The caller has gone by
// then.
const maxQueryWait = 30 * time.Second

// newNamespaceLimiter admits a number of pieces of work at once, at most half of them for one
// namespace. A wait of 0 has no end but the end of the store.
func newNamespaceLimiter(total int, wait time.Duration, stopped <-chan struct{}) *limiter.Limiter[string] {
	return limiter.New[string](limiter.Limits{Total: total, Each: max(1, total/2), Wait: wait, What: "queries", Closed: stopped})
}

// newRenderLimiter bounds the templates that run at once, because each holds a copy of a group.
func newRenderLimiter(closed <-chan struct{}) *limiter.Limiter[struct{}] {
	return limiter.New[struct{}](limiter.Limits{Total: max(1, runtime.GOMAXPROCS(0)/2), Closed: closed})
}
