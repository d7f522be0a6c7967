// SPDX-License-Identifier: EUPL-1.2

package upkeep

import "time"

const (
	// idleDelay is the time from the last commit to the writing of pending entries.
	idleDelay = 10 * time.Millisecond
	// idleDelayInMemory is the delay for a store in memory, whose files nothing depends on.
	idleDelayInMemory = time.Second
	// pause is how long work waits that has failed.
	pause = time.Second
)

// Idleness tells that no batch was committed for a while.
type Idleness struct {
	delay time.Duration
	timer *time.Timer
	idle  bool
}

// NewIdleness returns the idleness of a store.
func NewIdleness(inMemory bool) *Idleness {
	delay := idleDelay
	if inMemory {
		delay = idleDelayInMemory
	}
	return &Idleness{delay: delay, timer: time.NewTimer(delay)}
}

// Timer fires when Begin is to be called.
func (idleness *Idleness) Timer() *time.Timer { return idleness.timer }

// Begin says that there was no commit for a while.
func (idleness *Idleness) Begin() { idleness.idle = true }

// End takes note of a commit.
func (idleness *Idleness) End() { idleness.wait(idleness.delay) }

// Pause has work wait that has failed.
func (idleness *Idleness) Pause() { idleness.wait(pause) }

func (idleness *Idleness) wait(delay time.Duration) {
	idleness.idle = false
	idleness.timer.Reset(delay)
}

// Idle reports whether no batch was committed for a while.
func (idleness *Idleness) Idle() bool { return idleness.idle }
