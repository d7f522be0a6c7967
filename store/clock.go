// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"sync/atomic"
	"time"
)

// monotoneClock never runs backwards: it is not before the last commit, a restart
// included, and not before a time that it has told, but for part of a millisecond.
// A key whose time has come stays away whatever becomes of the system's clock.
type monotoneClock struct {
	source func() time.Time
	// floor is the time behind which the clock does not go, in Unix nanoseconds.
	floor atomic.Int64
}

func (clock *monotoneClock) now() time.Time {
	now := clock.source().Round(0).UTC()
	nanoseconds := now.UnixNano()
	floor := clock.floor.Load()
	if nanoseconds < floor {
		return time.Unix(0, floor).UTC()
	}
	// Expiries are whole milliseconds: to remember those spares the many readers of
	// the floor most of its changes.
	if millisecond := nanoseconds - nanoseconds%int64(time.Millisecond); millisecond > floor {
		clock.raise(millisecond)
	}
	return now
}

// committedAt takes note of the time of a commit.
func (clock *monotoneClock) committedAt(instant time.Time) { clock.raise(instant.UnixNano()) }

func (clock *monotoneClock) raise(nanoseconds int64) {
	for floor := clock.floor.Load(); nanoseconds > floor; floor = clock.floor.Load() {
		if clock.floor.CompareAndSwap(floor, nanoseconds) {
			return
		}
	}
}
