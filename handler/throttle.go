// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"sync/atomic"
	"time"
)

// logInterval is the time between two lines about the same trouble, which may
// come with every request.
const logInterval = 10 * time.Second

// throttle lets one caller through in each logInterval, and tells it how many
// were held back. Its zero value is ready.
type throttle struct {
	last atomic.Int64
	held atomic.Uint64
}

// allow reports whether to speak now, and how many callers were silent since it
// last did.
func (throttle *throttle) allow() (silent uint64, ok bool) {
	now, last := time.Now().UnixNano(), throttle.last.Load()
	if last != 0 && now-last < int64(logInterval) || !throttle.last.CompareAndSwap(last, now) {
		throttle.held.Add(1)
		return 0, false
	}
	return throttle.held.Swap(0), true
}
