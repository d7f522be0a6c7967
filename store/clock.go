// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"sync/atomic"
	"time"
)

// monotoneClock never runs backwards, a restart included: it is not before the
// last commit.
type monotoneClock struct {
	source func() time.Time
	// floor is the time of the last commit in Unix nanoseconds.
	floor atomic.Int64
}

func (clock *monotoneClock) now() time.Time {
	now := clock.source().Round(0).UTC()
	if floor := clock.floor.Load(); now.UnixNano() < floor {
		return time.Unix(0, floor).UTC()
	}
	return now
}

// committedAt raises the floor.
func (clock *monotoneClock) committedAt(instant time.Time) {
	clock.floor.Store(max(clock.floor.Load(), instant.UnixNano()))
}
