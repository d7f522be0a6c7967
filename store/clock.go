// SPDX-License-Identifier: EUPL-1.2

package store

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

// storeClock is the time of the store. It is the wall clock, unless that is behind the last
// commit plus the time that has elapsed since. Then the store's clock goes on with the elapsed
// time, a hundredth slower, until the wall clock has caught up.
type storeClock struct {
	// read returns the wall clock's time.
	read  func() reading
	floor atomic.Pointer[reading]
}

// reading has the values of the clocks at one moment: a time in Unix nanoseconds, and the
// elapsed time.
type reading struct {
	time    int64
	elapsed time.Duration
}

func newStoreClock(config *StoreConfig) *storeClock {
	clock := &storeClock{read: config.clocks()}
	clock.floor.Store(&reading{time: math.MinInt64})
	return clock
}

// clocks returns a function that reads the clocks of a configuration.
func (config *StoreConfig) clocks() func() reading {
	wall, elapsed := config.Clock, config.Elapsed
	switch {
	case wall != nil && elapsed == nil:
		return (&forwardClock{wall: wall}).read
	case wall == nil && elapsed == nil:
		begun := time.Now()
		return func() reading {
			now := time.Now()
			return reading{time: now.UnixNano(), elapsed: now.Sub(begun)}
		}
	case wall == nil:
		wall = time.Now
	}
	return func() reading { return reading{time: wall().UnixNano(), elapsed: elapsed()} }
}

// forwardClock takes for elapsed how far a wall clock moves forward.
type forwardClock struct {
	wall func() time.Time

	mutex sync.Mutex
	last  reading
}

func (clock *forwardClock) read() reading {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	now := clock.wall().UnixNano()
	if before := clock.last.time; before != 0 && now > before {
		clock.last.elapsed += time.Duration(now - before)
	}
	clock.last.time = now
	return clock.last
}

// after is where a clock is at least that runs on from a reading.
func (reading reading) after(elapsed time.Duration) int64 {
	passed := max(0, elapsed-reading.elapsed)
	if later := reading.time + int64(passed-passed/slower); later >= reading.time {
		return later
	}
	return reading.time // it would be beyond what nanoseconds can tell
}

// covers reports whether a clock that runs on from one reading is never before a clock that
// runs on from the other.
func (reading reading) covers(other reading) bool {
	latest := max(reading.elapsed, other.elapsed)
	return reading.after(latest) >= other.after(latest)
}

// now is the store's time.
func (clock *storeClock) now() time.Time { return clock.tell().utc() }

// tell is now as a floor for what comes after it.
func (clock *storeClock) tell() reading {
	told, _ := clock.compare()
	return told
}

// ahead is by how much the store's clock is before the wall clock.
func (clock *storeClock) ahead() time.Duration {
	told, wall := clock.compare()
	return time.Duration(told.time - wall.time)
}

// compare returns the store's time and that of the wall clock, which is not later.
func (clock *storeClock) compare() (told, wall reading) {
	for {
		wall, floor := clock.read(), clock.floor.Load()
		running := floor.after(wall.elapsed)
		if wall.time <= running {
			return reading{time: running, elapsed: wall.elapsed}, wall
		}
		// Expiries are whole milliseconds, so a finer floor would only cost its many readers.
		whole := reading{time: wall.time - wall.time%int64(time.Millisecond), elapsed: wall.elapsed}
		if whole.time < running || !floor.leads(whole) || clock.replace(floor, whole) {
			return wall, wall
		}
	}
}

// leads reports whether the wall clock has come from a floor to where it is in the time
// that has elapsed, so that it is the floor from now on. One that was set forward has not:
// it may be set back, and is the floor as soon as something is committed.
func (reading reading) leads(wall reading) bool {
	passed, moved := max(0, wall.elapsed-reading.elapsed), wall.time-reading.time
	return moved > 0 && moved <= int64(passed+passed/slower+slack)
}

// keep makes a time that was told the floor: something was committed at it, or a key was
// seen to have expired. Nothing is at an earlier time from now on.
func (clock *storeClock) keep(told reading) {
	for floor := clock.floor.Load(); !floor.covers(told); floor = clock.floor.Load() {
		if clock.replace(floor, told) {
			return
		}
	}
}

func (clock *storeClock) replace(floor *reading, told reading) bool {
	return clock.floor.CompareAndSwap(floor, &told)
}

// keepTime is keep for a time of before, from which the clock runs on.
func (clock *storeClock) keepTime(nanoseconds int64) {
	clock.keep(reading{time: nanoseconds, elapsed: clock.read().elapsed})
}

func (reading reading) utc() time.Time { return time.Unix(0, reading.time).UTC() }
