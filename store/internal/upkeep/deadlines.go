// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// Deadlines know when the next key expires, and which keys are due. They belong to the owner of
// the committer.
type Deadlines struct {
	view  *state.View
	clock *clock.Clock
	// Timer fires at the next deadline.
	Timer *time.Timer
	// next is not after the time at which the next entry expires; zero: none does.
	next time.Time
}

// NewDeadlines returns deadlines of which none is known. Find comes next.
func NewDeadlines(view *state.View, clock *clock.Clock) *Deadlines {
	return &Deadlines{view: view, clock: clock, Timer: time.NewTimer(0)}
}

// SomethingIsDue reports whether there may be an entry whose time has come.
func (deadlines *Deadlines) SomethingIsDue() bool {
	return !deadlines.next.IsZero() && !deadlines.next.After(deadlines.clock.Now())
}

// IsDueIn is SomethingIsDue for a realm.
func (deadlines *Deadlines) IsDueIn(of kv.Realm) bool {
	switch {
	case !deadlines.SomethingIsDue():
		return false
	case of.Whole:
		return true
	}
	due, err := deadlines.view.IsDue(of, deadlines.clock.Now())
	return err != nil || due
}

// Find looks for the next deadline, without regard to the one known before.
func (deadlines *Deadlines) Find() error {
	next, err := deadlines.view.NextExpiry()
	if err == nil {
		deadlines.set(next)
	}
	return err
}

// Note takes note of when an entry expires; the zero time is never.
func (deadlines *Deadlines) Note(expiresAt time.Time) {
	if !expiresAt.IsZero() && (deadlines.next.IsZero() || expiresAt.Before(deadlines.next)) {
		deadlines.set(expiresAt)
	}
}

func (deadlines *Deadlines) set(next time.Time) {
	deadlines.next = next
	if !next.IsZero() {
		deadlines.Timer.Reset(max(0, next.Sub(deadlines.clock.Now())))
	}
}

// Fired sets the timer again if it was early: the store's clock is slower than the timer's while
// it is ahead of the wall clock.
func (deadlines *Deadlines) Fired() {
	if deadlines.next.After(deadlines.clock.Now()) {
		deadlines.set(deadlines.next)
	}
}

// Tally counts a share of the due keys in realms, one realm after the other. It returns the
// number of realms that are counted completely.
func (deadlines *Deadlines) Tally(realms []kv.Realm) (finished int, err error) {
	looks, told := batch.DuePerBatch, deadlines.clock.Tell()
	for _, of := range realms {
		found, complete, err := deadlines.view.LeaveOutDue(of, told.UTC(), &looks)
		if found {
			deadlines.clock.Keep(told) // the keys that were told to be absent stay so
		}
		if err != nil || !complete {
			return finished, err
		}
		finished++
	}
	return finished, nil
}
