// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// waitsForExpiry returns the realm in which keys must expire before the write is applied again.
func (write *write) waitsForExpiry() (of kv.Realm, waits bool) { return batch.ExpiryFirst(write.err) }

// expireDue logs a share of the due expiries, releases the writes and questions that waited for
// them, and reports whether there is more to do.
func (committer *committer) expireDue() (more bool) {
	queue := committer.expiries
	if committer.expiring {
		return false
	}
	if committer.somethingIsDue() {
		queue.join(kv.WholeStore)
	}
	if queue.empty() {
		return false
	}
	if reason := committer.whyNotExpired(); reason != nil {
		committer.leaveOutDue(reason)
	} else {
		committer.expireShare()
	}
	return !queue.empty() && !committer.expiring
}

// expireShare logs as many expiries as one batch does.
func (committer *committer) expireShare() {
	command := &commands.Expire{Realms: committer.expiries.realms}
	before := committer.figures.expired.Load()
	committer.expiring = true
	committer.commitOwn(command, func(err error) {
		committer.expiring = false
		if expired := committer.figures.expired.Load() - before; expired > 0 {
			committer.config.Logger.Debug("keys expired", slog.Int64("keys", expired))
		}
		committer.expired(command, err)
	})
}

// expired releases the writes and questions that waited for expiries, after a share of them.
func (committer *committer) expired(command *commands.Expire, err error) {
	if err == nil {
		err = committer.refresh(command.Stale)
	}
	err = errors.Join(err, committer.findNextExpiry())
	committer.tried(workExpiry, err)
	if err != nil {
		committer.expiryFailed(err)
		return
	}
	committer.expiryFailure = nil
	questions, writes := committer.expiries.served(command.Finished)
	committer.answerAll(questions)
	committer.waitingWrites = append(writes, committer.waitingWrites...)
}

// expiryFailed takes note that expiries cannot be logged.
func (committer *committer) expiryFailed(err error) {
	committer.expiryFailure, committer.expiryPause = err, committer.clock.Now().Add(housekeepingInterval)
	reason := committer.refusal()
	if reason == nil {
		reason = fmt.Errorf("%w: %w", &batch.ExpiryFirstError{}, err)
	}
	committer.leaveOutDue(reason)
}

// whyNotExpired is the error for a write that has waited for expiries that cannot be logged;
// the write has changed nothing. It is nil while expiries can be logged, or may be tried again:
// once a second, and for each waiting write.
func (committer *committer) whyNotExpired() error {
	if refusal := committer.refusal(); refusal != nil {
		return refusal
	}
	if !committer.expiries.hasWrites() && committer.clock.Now().Before(committer.expiryPause) {
		return committer.expiryFailure
	}
	return nil
}

// leaveOutDue releases the writes and questions that wait for expiries that cannot be logged.
// Writes fail. Questions are answered, without due keys, as soon as these are counted. If they
// cannot be counted, questions are answered all the same.
func (committer *committer) leaveOutDue(reason error) {
	queue := committer.expiries
	writes := queue.giveUpWrites()
	failAll(writes, reason)
	committer.complete(writes)
	finished, err := committer.tallyDue(queue.realms)
	committer.tried(workTally, err)
	if err != nil {
		finished = len(queue.realms)
	}
	questions, _ := queue.served(finished)
	committer.answerAll(questions)
}

// tallyDue counts a share of the due keys in realms, one realm after the other. It returns the
// number of realms that are counted completely.
func (committer *committer) tallyDue(realms []kv.Realm) (finished int, err error) {
	looks, told := batch.DuePerBatch, committer.clock.Tell()
	for _, of := range realms {
		found, complete, err := committer.view.LeaveOutDue(of, told.UTC(), &looks)
		if found {
			committer.clock.Keep(told) // what was told to be absent stays so
		}
		if err != nil || !complete {
			return finished, err
		}
		finished++
	}
	return finished, nil
}

// refresh writes entries whose stored state is out of date.
func (committer *committer) refresh(names []kv.EntryName) error {
	slice := committer.materialiser.Refreshed(names)
	if slice.Rows() == 0 {
		return nil
	}
	err := committer.unsynced(func(transaction *sqlite.Transaction) { committer.materialiser.Write(transaction, slice) })
	if err == nil {
		committer.written(slice)
	}
	return err
}

// somethingIsDue reports whether there may be an entry whose time has come.
func (committer *committer) somethingIsDue() bool {
	return !committer.nextExpiry.IsZero() && !committer.nextExpiry.After(committer.clock.Now())
}

// findNextExpiry looks for the next expiry, without regard to the one known before.
func (committer *committer) findNextExpiry() error {
	next, err := committer.view.NextExpiry()
	if err == nil {
		committer.expireAt(next)
	}
	return err
}

// noteExpiry takes note of when an entry expires; the zero time is never.
func (committer *committer) noteExpiry(expiresAt time.Time) {
	if !expiresAt.IsZero() && (committer.nextExpiry.IsZero() || expiresAt.Before(committer.nextExpiry)) {
		committer.expireAt(expiresAt)
	}
}

func (committer *committer) expireAt(instant time.Time) {
	committer.nextExpiry = instant
	if !instant.IsZero() {
		committer.expiryTimer.Reset(max(0, instant.Sub(committer.clock.Now())))
	}
}

// waitForExpiry sets the timer again if it was early: the store's clock is slower than the
// timer's while it is ahead of the wall clock.
func (committer *committer) waitForExpiry() {
	if committer.nextExpiry.After(committer.clock.Now()) {
		committer.expireAt(committer.nextExpiry)
	}
}

// exactly answers a question about how many keys there are in a realm. If some are due, they
// must not count: it is answered right after they have expired or, while they cannot, after
// they were counted to be left out.
func (committer *committer) exactly(of kv.Realm, question func()) {
	if committer.isDueIn(of) {
		committer.expiries.ask(of, readOf(question))
		return
	}
	question()
}

// isDueIn is somethingIsDue for a realm.
func (committer *committer) isDueIn(of kv.Realm) bool {
	switch {
	case !committer.somethingIsDue():
		return false
	case of.Whole:
		return true
	}
	due, err := committer.view.IsDue(of, committer.clock.Now())
	return err != nil || due
}
