// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"sync/atomic"

	"dappco.re/go/storebus/internal/await"
	"dappco.re/go/storebus/store/internal/failure"
)

// A method Submit… takes a function done for its answer. Its twin waits for that answer.

// tell reports an answer to a caller that does not wait. A nil done wants no answer.
func tell[Answer any](done func(Answer, error), answer Answer, err error) {
	if done != nil {
		done(answer, err)
	}
}

// fail reports an error to a caller that does not wait.
func fail[Answer any](done func(Answer, error), err error) {
	var none Answer
	tell(done, none, err)
}

// wait calls submit, which calls done once from any goroutine, and waits for that answer.
func wait[Answer any](submit func(done func(Answer, error))) (Answer, error) {
	return await.Answer(context.Background(), submit)
}

// submitBackground does work in a goroutine that Close waits for.
func submitBackground[Answer any](store *Store, work func() (Answer, error), done func(Answer, error)) {
	if !store.opened() {
		fail(done, failure.ErrNeverOpened)
		return
	}
	started := store.background.start(func() {
		answer, err := work()
		tell(done, answer, err)
	})
	if !started {
		fail(done, failure.ErrClosed)
	}
}

// submitAlone is submitBackground for work of which the store does one at a time. It fails with
// busy while such work is under way. Done may submit the next.
func submitAlone[Answer any](store *Store, underway *atomic.Bool, busy error, work func() (Answer, error), done func(Answer, error)) {
	if !underway.CompareAndSwap(false, true) {
		fail(done, busy)
		return
	}
	submitBackground(store, work, func(answer Answer, err error) {
		underway.Store(false)
		tell(done, answer, err)
	})
}
