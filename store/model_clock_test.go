// SPDX-License-Identifier: EUPL-1.2

package store_test

import "time"

// modelClock is the time that a store ought to go by: the clock, unless that is behind a
// time that stands fast and 99 hundredths of what has elapsed since.
type modelClock struct {
	*testClock
	fast    time.Time
	elapsed time.Duration
	// committed is the newest time of a commit, and saved that of a store which was
	// closed while it was ahead: a store that is opened begins there. unlogged tells of a
	// newer time that a restart may forget.
	committed, saved time.Time
	unlogged         bool
}

func (clock *modelClock) passed() time.Duration { return clock.Elapsed() - clock.elapsed }

// running is when it is at least.
func (clock *modelClock) running() time.Time {
	return clock.fast.Add(clock.passed() - clock.passed()/100)
}

func (clock *modelClock) time() time.Time {
	if now := clock.Now(); now.After(clock.running()) {
		return now
	}
	return clock.running()
}

func (clock *modelClock) ahead() time.Duration { return clock.time().Sub(clock.Now()) }

// see has the time stand fast, in whole milliseconds, if the clock has come to it with
// the time that has elapsed and was not set forward.
func (clock *modelClock) see() {
	now := clock.Now().Truncate(time.Millisecond)
	most := clock.passed() + clock.passed()/100 + 10*time.Millisecond
	if !now.Before(clock.running()) && now.After(clock.fast) && now.Sub(clock.fast) <= most {
		clock.fast, clock.elapsed = now, clock.Elapsed()
	}
}

// keep has the time of a commit stand fast.
func (clock *modelClock) keep() {
	clock.keepUnlogged()
	clock.committed, clock.unlogged = clock.time(), false
}

// keepUnlogged is keep for what is no change.
func (clock *modelClock) keepUnlogged() {
	clock.unlogged = true
	if now := clock.time(); now.After(clock.running()) {
		clock.fast, clock.elapsed = now, clock.Elapsed()
	}
}

func (clock *modelClock) save() {
	if clock.ahead() > 0 {
		clock.saved = clock.time()
	}
}

// restart goes on from the newest time that is in the database.
func (clock *modelClock) restart(journal modelJournal) {
	clock.fast, clock.elapsed = clock.committed, clock.Elapsed()
	if clock.saved.After(clock.fast) {
		clock.fast = clock.saved
	}
	if last := len(journal) - 1; last >= 0 && journal[last].CommittedAt.After(clock.fast) {
		clock.fast = journal[last].CommittedAt
	}
}
