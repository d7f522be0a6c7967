// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// expiredPerBatch bounds how many keys expire in one batch, so that a million
// expiring at once do not hold up everybody else.
const expiredPerBatch = 512

// errExpiryFirst is returned by a command that must not count keys whose time has
// come, where more of them wait than fit its batch. The committer applies the command
// again when they have expired.
var errExpiryFirst = errors.New("keys whose time has come must expire first")

// dueIn returns the entries of a range of groups whose time has come and is not
// logged, or errExpiryFirst.
func (batch *batch) dueIn(names nameRange) (due []*target, err error) {
	all, more, err := batch.view.expired(batch.timestamp, expiredPerBatch)
	if err != nil {
		return nil, err
	}
	if more {
		return nil, errExpiryFirst
	}
	for _, name := range all {
		if !names.holds(name.group) {
			continue
		}
		target, err := batch.target(name.group, name.key)
		if err != nil {
			return nil, err
		}
		due = append(due, target)
	}
	return due, nil
}

// expireCommand logs the expiry of entries whose time has come.
type expireCommand struct {
	names []entryName
	// stale are those that have got another state since, which the tables or the
	// pending set do not have: they would be found again and again.
	stale []entryName
}

func (command *expireCommand) apply(batch *batch, _ origin) (Outcome, error) {
	var due []*target
	for _, name := range command.names {
		target, err := batch.target(name.group, name.key)
		if err != nil {
			return Outcome{}, err
		}
		if target.entry.expired(batch.timestamp) {
			due = append(due, target)
		} else {
			command.stale = append(command.stale, name)
		}
	}
	for _, target := range due {
		batch.expireIfDue(target)
	}
	return Outcome{}, nil
}

// expireDue logs a share of the expiries whose time has come, and reports whether
// that time has come for more.
func (committer *committer) expireDue() (more bool) {
	now := committer.clock.now()
	if committer.nextExpiry.IsZero() || committer.refusal() != nil {
		return false
	}
	if committer.nextExpiry.After(now) {
		committer.expiryTimer.Reset(committer.nextExpiry.Sub(now))
		return false
	}
	next, err := committer.expireSlice(now)
	if err != nil {
		committer.config.Logger.Error("expiry failed; it is tried again", slog.Any("error", err))
		next = now.Add(housekeepingInterval)
	}
	committer.expiryFailure, committer.nextExpiry = err, next
	if next.IsZero() || !next.After(now) {
		return !next.IsZero()
	}
	committer.expiryTimer.Reset(next.Sub(now))
	return false
}

// expireSlice logs a share of the expiries and returns when the next one is due.
func (committer *committer) expireSlice(now time.Time) (next time.Time, err error) {
	names, _, err := committer.view.expired(now, expiredPerBatch)
	if err != nil {
		return next, err
	}
	command := &expireCommand{names: names}
	expiry := &write{command: command, written: make(chan struct{})}
	committer.commitBatch([]*write{expiry})
	if expiry.err != nil {
		return next, expiry.err
	}
	if err := committer.refresh(command.stale); err != nil {
		return next, err
	}
	return committer.view.nextExpiry()
}

// refresh writes entries whose stored state is out of date.
func (committer *committer) refresh(names []entryName) error {
	slice := committer.materialiser.refreshed(names)
	if slice.rows() == 0 {
		return nil
	}
	err := committer.unsynced(func() error { return committer.materialiser.write(slice) })
	if err == nil {
		committer.written(slice)
	}
	return err
}

// findExpiries looks for those that no timer stands for, such as after a step of the clock.
func (committer *committer) findExpiries() {
	next, err := committer.view.nextExpiry()
	if err != nil {
		committer.config.Logger.Error("reading the next expiry failed", slog.Any("error", err))
		return
	}
	committer.nextExpiry = next
}

// exactly answers a question about how many keys there are. Where some are due, they
// must not count: it is answered once they have expired. While nothing can be
// written they do count.
func (committer *committer) exactly(question read) (complete func()) {
	due := !committer.nextExpiry.IsZero() && !committer.nextExpiry.After(committer.clock.now())
	if !due || committer.refusal() != nil {
		return question(committer.view)
	}
	committer.counting = append(committer.counting, question)
	return nil
}

// answerCounting answers what waits for expiry, right after nothing was due any more.
func (committer *committer) answerCounting() (more bool) {
	share := min(len(committer.counting), readsPerTurn)
	for _, question := range committer.counting[:share] {
		committer.answer(question)
	}
	committer.counting = committer.counting[share:]
	return len(committer.counting) > 0
}

// PurgeExpired expires every key whose time has come, and returns how many were
// expired from the call to its end. The store does the same by itself as soon as a
// key is due; after PurgeExpired it is done.
//
//	expired, err := store.PurgeExpired()
func (store *Store) PurgeExpired() (int64, error) {
	answers := make(chan result[int64], 1)
	store.SubmitPurge(func(expired int64, err error) { answers <- result[int64]{expired, err} })
	expired, err := (<-answers).unwrap()
	if err != nil {
		return expired, fmt.Errorf("store.PurgeExpired: %w", err)
	}
	return expired, nil
}

// SubmitPurge is PurgeExpired for a caller that does not wait: done is called once,
// before SubmitPurge returns or later from a goroutine of the store, and may not block.
func (store *Store) SubmitPurge(done func(expired int64, err error)) {
	committer := store.committer
	before := committer.expired.Load()
	store.submitRead(func(*view) func() {
		committer.findExpiries()
		return committer.exactly(func(*view) func() {
			expired, err := committer.expired.Load()-before, errors.Join(committer.refusal(), committer.expiryFailure)
			return func() { done(expired, err) }
		})
	}, func(err error) { done(0, err) })
}
