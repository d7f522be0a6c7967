// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// deadlines know when the next key expires, and which keys are due. They belong to the owner of
// the committer.
type deadlines struct {
	view  *state.View
	clock *clock.Clock
	// timer fires at the next deadline.
	timer *time.Timer
	// next is not after the time at which the next entry expires; zero: none does.
	next time.Time
}

// somethingIsDue reports whether there may be an entry whose time has come.
func (deadlines *deadlines) somethingIsDue() bool {
	return !deadlines.next.IsZero() && !deadlines.next.After(deadlines.clock.Now())
}

// isDueIn is somethingIsDue for a realm.
func (deadlines *deadlines) isDueIn(of kv.Realm) bool {
	switch {
	case !deadlines.somethingIsDue():
		return false
	case of.Whole:
		return true
	}
	due, err := deadlines.view.IsDue(of, deadlines.clock.Now())
	return err != nil || due
}

// find looks for the next deadline, without regard to the one known before.
func (deadlines *deadlines) find() error {
	next, err := deadlines.view.NextExpiry()
	if err == nil {
		deadlines.set(next)
	}
	return err
}

// note takes note of when an entry expires; the zero time is never.
func (deadlines *deadlines) note(expiresAt time.Time) {
	if !expiresAt.IsZero() && (deadlines.next.IsZero() || expiresAt.Before(deadlines.next)) {
		deadlines.set(expiresAt)
	}
}

func (deadlines *deadlines) set(next time.Time) {
	deadlines.next = next
	if !next.IsZero() {
		deadlines.timer.Reset(max(0, next.Sub(deadlines.clock.Now())))
	}
}

// fired sets the timer again if it was early: the store's clock is slower than the timer's while
// it is ahead of the wall clock.
func (deadlines *deadlines) fired() {
	if deadlines.next.After(deadlines.clock.Now()) {
		deadlines.set(deadlines.next)
	}
}

// tally counts a share of the due keys in realms, one realm after the other. It returns the
// number of realms that are counted completely.
func (deadlines *deadlines) tally(realms []kv.Realm) (finished int, err error) {
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
