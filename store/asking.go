// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/internal/await"
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/mailbox"
	"dappco.re/go/storebus/store/internal/state"
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

// submitRead hands a question to the committer; failed is called instead if the store is
// closed.
func submitRead(store *Store, question func(committer *engine.Committer), failed func(err error)) {
	err := failure.ErrNeverOpened
	if store.opened() {
		err = store.engine.Ask(question)
	}
	if err != nil {
		failed(err)
	}
}

// ask puts a question to the committer and waits for the answer.
func ask[Answer any](store *Store, question func(committer *engine.Committer) (Answer, error)) (Answer, error) {
	return wait(func(done func(Answer, error)) {
		submitRead(store, func(committer *engine.Committer) { done(question(committer)) }, func(err error) { fail(done, err) })
	})
}

// submitAsk is ask for a caller that does not wait.
func submitAsk[Answer any](store *Store, question func(committer *engine.Committer) (Answer, error), done func(Answer, error)) {
	submitRead(store, func(committer *engine.Committer) {
		answer, err := question(committer)
		answered(committer, store.outlet, done, answer, err)
	}, func(err error) { fail(done, err) })
}

// look is ask for a question that changes nothing, which the caller answers itself
// while the committer is free.
func look[Answer any](store *Store, question func(committer *engine.Committer) (Answer, error)) (Answer, error) {
	if store.opened() {
		if committer := store.engine.LendForRead(); committer != nil {
			defer store.engine.Return(committer)
			return question(committer)
		}
	}
	return ask(store, question)
}

// askExactly is ask for a question about how many keys there are in a realm.
func askExactly[Answer any](store *Store, of kv.Realm, question func(committer *engine.Committer) (Answer, error)) (Answer, error) {
	return wait(func(done func(Answer, error)) {
		submitRead(store, func(committer *engine.Committer) {
			committer.Exactly(of, func() { done(question(committer)) })
		}, func(err error) { fail(done, err) })
	})
}

// submitExactly is askExactly for a caller that does not wait.
func submitExactly[Answer any](store *Store, of kv.Realm, question func(committer *engine.Committer) (Answer, error), done func(Answer, error)) {
	submitRead(store, func(committer *engine.Committer) {
		committer.Exactly(of, func() {
			answer, err := question(committer)
			answered(committer, store.outlet, done, answer, err)
		})
	}, func(err error) { fail(done, err) })
}

// change carries out a command of the store's own, although the writes of callers may be
// refused, and waits.
func change(store *Store, command Command) error {
	_, err := wait(func(done func(struct{}, error)) {
		submitRead(store, func(committer *engine.Committer) {
			committer.Commit(command, func(err error) { done(struct{}{}, err) })
		}, func(err error) { fail(done, err) })
	})
	return err
}

// submitChange is change for a caller that does not wait.
func submitChange(store *Store, command Command, done func(error)) {
	submitRead(store, func(committer *engine.Committer) {
		committer.Commit(command, func(err error) {
			committer.Answer(store.outlet, func() { done(err) })
		})
	}, done)
}

// answered has the committer hand over the answer to a caller that does not wait.
func answered[Answer any](committer *engine.Committer, outlet *mailbox.Outlet, done func(Answer, error), answer Answer, err error) {
	if done != nil {
		committer.Answer(outlet, func() { done(answer, err) })
	}
}

// inView is a question that needs the view alone.
func inView[Answer any](question func(view *state.View) (Answer, error)) func(committer *engine.Committer) (Answer, error) {
	return func(committer *engine.Committer) (Answer, error) { return question(committer.View()) }
}

// atTime is a question that needs the view and the store's time.
func atTime[Answer any](question func(view *state.View, now time.Time) (Answer, error)) func(committer *engine.Committer) (Answer, error) {
	return func(committer *engine.Committer) (Answer, error) { return question(committer.View(), committer.Now()) }
}
