// SPDX-License-Identifier: EUPL-1.2

package clock

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// slower is the part of the elapsed time that the store's clock leaves out while it is
	// ahead of the wall clock: one in slower. So it falls back, and no deadline is early.
	slower = 100
	// slack is how far the wall clock may run from the elapsed time in a moment.
	slack = 10 * time.Millisecond
)

// Clock is the time of the store. It is the wall clock, unless that is behind the last
// commit plus the time that has elapsed since. Then the store's clock goes on with the elapsed
// time, a hundredth slower, until the wall clock has caught up.
type Clock struct {
	// read returns the wall clock's time.
	read  func() Reading
	floor atomic.Pointer[Reading]
}

// Reading has the values of the clocks at one moment.
type Reading struct {
	// Time is in Unix nanoseconds.
	Time int64
	// Elapsed is the time since some fixed moment.
	Elapsed time.Duration
}

// New returns the clock of a store without commits. A nil wall is the machine's wall clock. A nil
// elapsed is the machine's too, but beside a given wall it is how far that moves forward.
func New(wall func() time.Time, elapsed func() time.Duration) *Clock {
	clock := &Clock{read: reader(wall, elapsed)}
	clock.floor.Store(&Reading{Time: math.MinInt64})
	return clock
}

func reader(wall func() time.Time, elapsed func() time.Duration) func() Reading {
	switch {
	case wall != nil && elapsed == nil:
		return (&forwardClock{wall: wall}).read
	case wall == nil && elapsed == nil:
		begun := time.Now()
		return func() Reading {
			now := time.Now()
			return Reading{Time: now.UnixNano(), Elapsed: now.Sub(begun)}
		}
	case wall == nil:
		wall = time.Now
	}
	return func() Reading { return Reading{Time: wall().UnixNano(), Elapsed: elapsed()} }
}

// forwardClock counts the forward moves of a wall clock as the elapsed time.
type forwardClock struct {
	wall func() time.Time

	mutex sync.Mutex
	last  Reading
}

func (clock *forwardClock) read() Reading {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	now := clock.wall().UnixNano()
	if before := clock.last.Time; before != 0 && now > before {
		clock.last.Elapsed += time.Duration(now - before)
	}
	clock.last.Time = now
	return clock.last
}

// after is the earliest time of a clock that runs on from a reading.
func (reading Reading) after(elapsed time.Duration) int64 {
	passed := max(0, elapsed-reading.Elapsed)
	if later := reading.Time + int64(passed-passed/slower); later >= reading.Time {
		return later
	}
	return reading.Time // it would be beyond what nanoseconds can tell
}

// covers reports whether a clock that runs on from one reading is never before a clock that
// runs on from the other.
func (reading Reading) covers(other Reading) bool {
	latest := max(reading.Elapsed, other.Elapsed)
	return reading.after(latest) >= other.after(latest)
}

// Now returns the store's time.
func (clock *Clock) Now() time.Time { return clock.Tell().UTC() }

// Tell is Now as a reading, for Keep.
func (clock *Clock) Tell() Reading {
	told, _ := clock.Compare()
	return told
}

// Ahead returns by how much the store's clock is ahead of the wall clock.
func (clock *Clock) Ahead() time.Duration {
	told, wall := clock.Compare()
	return time.Duration(told.Time - wall.Time)
}

// Compare returns the readings of the store's clock and of the wall clock. The second is not later.
func (clock *Clock) Compare() (told, wall Reading) {
	for {
		wall, floor := clock.read(), clock.floor.Load()
		running := floor.after(wall.Elapsed)
		if wall.Time <= running {
			return Reading{Time: running, Elapsed: wall.Elapsed}, wall
		}
		// Expiries are whole milliseconds, so a finer floor would only cost its many readers.
		whole := Reading{Time: wall.Time - wall.Time%int64(time.Millisecond), Elapsed: wall.Elapsed}
		if whole.Time < running || !floor.leads(whole) || clock.replace(floor, whole) {
			return wall, wall
		}
	}
}

// leads reports whether the wall clock has moved from a floor no further than the elapsed
// time permits. If it has, it is the floor from now on. A wall clock that was set forward
// may be set back: it becomes the floor only with a commit.
func (reading Reading) leads(wall Reading) bool {
	passed, moved := max(0, wall.Elapsed-reading.Elapsed), wall.Time-reading.Time
	return moved > 0 && moved <= int64(passed+passed/slower+slack)
}

// Keep makes a time of Tell the floor: something was committed at that time, or a key was
// seen to have expired. The store's time is not earlier from now on.
func (clock *Clock) Keep(told Reading) {
	for floor := clock.floor.Load(); !floor.covers(told); floor = clock.floor.Load() {
		if clock.replace(floor, told) {
			return
		}
	}
}

func (clock *Clock) replace(floor *Reading, told Reading) bool {
	return clock.floor.CompareAndSwap(floor, &told)
}

// KeepTime is Keep for a time that was committed before the store was opened. The clock runs on
// from there.
func (clock *Clock) KeepTime(nanoseconds int64) {
	clock.Keep(clock.At(nanoseconds))
}

// At returns the reading at which the clock would show a time, in Unix nanoseconds, just now.
func (clock *Clock) At(nanoseconds int64) Reading {
	return Reading{Time: nanoseconds, Elapsed: clock.read().Elapsed}
}

// UTC returns the time of a reading.
func (reading Reading) UTC() time.Time { return time.Unix(0, reading.Time).UTC() }
