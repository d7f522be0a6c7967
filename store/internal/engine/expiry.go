// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/kv"
)

// expiries are the keys that are to expire. They belong to the owner of the committer.
type expiries struct {
	// queue has the realms of the keys, and the calls that wait for them.
	queue *expiryQueue
	// wroteAt is the clock's elapsed time at the last write of a caller.
	wroteAt time.Duration
	// underway tells that a share is on its way to the log, behind that the last one left some over.
	underway, behind bool
	// failure is why expiries could not be logged, and pause until when they are not tried again.
	failure error
	pause   time.Time
}

// expireDue logs a share of the due expiries, releases the writes and questions that waited for
// them, and reports whether there is more to do.
func (committer *Committer) expireDue() (more bool) {
	queue := committer.expiries.queue
	if committer.expiries.underway {
		return false
	}
	if committer.deadlines.SomethingIsDue() {
		queue.join(kv.WholeStore)
		if committer.expiries.behind {
			committer.disk.Tried(workNextExpiry, committer.view.NextDueRealms(committer.Now(), queue.join))
		}
	}
	if queue.empty() {
		return false
	}
	if reason := committer.whyNotExpired(); reason != nil {
		committer.leaveOutDue(reason)
	} else {
		committer.expireShare()
	}
	return !queue.empty() && !committer.expiries.underway
}

// expireShare logs as many expiries as one batch does.
func (committer *Committer) expireShare() {
	command := &commands.Expire{Realms: committer.expiries.queue.realms, Beside: committer.engine.config.Clock.Tell().Elapsed - committer.expiries.wroteAt}
	before := committer.engine.figures.Expired.Load()
	committer.expiries.underway = true
	committer.Commit(command, func(err error) {
		committer.expiries.underway = false
		if expired := committer.engine.figures.Expired.Load() - before; expired > 0 {
			committer.engine.config.Logger.Debug("keys expired", slog.Int64("keys", expired))
		}
		committer.expired(command, err)
	})
}

// expired releases the writes and questions that waited for expiries, after a share of them.
func (committer *Committer) expired(command *commands.Expire, err error) {
	if err == nil {
		err = committer.rows.Refresh(command.Stale)
	}
	err = errors.Join(err, committer.deadlines.Find())
	committer.disk.Tried(workExpiry, err)
	if err != nil {
		committer.expiryFailed(err)
		return
	}
	committer.expiries.failure = nil
	committer.expiries.behind = slices.Contains(command.Realms[command.Finished:], kv.WholeStore)
	questions, writes := committer.expiries.queue.served(command.Finished)
	committer.answerAll(questions)
	committer.waitingWrites = append(writes, committer.waitingWrites...)
}

// expiryFailed takes note that expiries cannot be logged.
func (committer *Committer) expiryFailed(err error) {
	committer.expiries.failure, committer.expiries.pause = err, committer.Now().Add(housekeepingInterval)
	reason := committer.refusal()
	if reason == nil {
		reason = fmt.Errorf("%w: %w", &batch.ExpiryFirstError{}, err)
	}
	committer.leaveOutDue(reason)
}

// whyNotExpired is the error for a write that has waited for expiries that cannot be logged;
// the write has changed nothing. It is nil while expiries can be logged, or may be tried again:
// once a second, and for each waiting write.
func (committer *Committer) whyNotExpired() error {
	if refusal := committer.refusal(); refusal != nil {
		return refusal
	}
	if !committer.expiries.queue.hasWrites() && committer.Now().Before(committer.expiries.pause) {
		return committer.expiries.failure
	}
	return nil
}

// leaveOutDue releases the writes and questions that wait for expiries that cannot be logged.
// Writes fail. Questions are answered, without due keys, as soon as these are counted. If they
// cannot be counted, questions are answered all the same.
func (committer *Committer) leaveOutDue(reason error) {
	queue := committer.expiries.queue
	writes := queue.giveUpWrites()
	failAll(writes, reason)
	committer.complete(writes)
	finished, err := committer.deadlines.Tally(queue.realms)
	committer.disk.Tried(workTally, err)
	if err != nil {
		finished = len(queue.realms)
	}
	questions, _ := queue.served(finished)
	committer.answerAll(questions)
}

// Exactly answers a question about how many keys there are in a realm. If some are due, they
// must not count: it is answered right after they have expired or, while they cannot, after
// they were counted to be left out.
func (committer *Committer) Exactly(of kv.Realm, question func()) {
	if committer.deadlines.IsDueIn(of) {
		committer.expiries.queue.ask(of, func(*Committer) { question() })
		return
	}
	question()
}
