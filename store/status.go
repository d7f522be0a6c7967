// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"time"
)

// Status is how a store is.
type Status struct {
	// Writable is false while writes are refused; Reason says why.
	Writable bool
	Reason   string
	// Backlog is how many changes the slowest registered consumer has not
	// acknowledged, OldestPendingAt the commit time of the oldest of them.
	Backlog         uint64
	OldestPendingAt time.Time
	// OldestChangeAt is not after the time of the oldest change that can be replayed; zero
	// if there is none.
	OldestChangeAt time.Time
	// PendingMaterialisation is how many rows of the tables are behind the log; a
	// deleted group whose rows are still being removed is one more.
	PendingMaterialisation uint64
	// Namespaces counts those that were ever written, Entries all entries,
	// UnscopedEntries those outside every namespace.
	Namespaces      uint64
	Entries         uint64
	UnscopedEntries uint64
	// Journal counts the journal's entries, those of every namespace and of none.
	Journal JournalCounts
	// ClockAhead is by how much the store's time is ahead of StoreConfig.Clock, which was
	// set back: 0 where it is that.
	ClockAhead time.Duration
	// Archiving is how many entries a Compact that is under way has written.
	Archiving int64
}

// Status returns how the store is.
//
//	status, err := store.Status()
func (store *Store) Status() (Status, error) {
	status, err := ask(store, func(view *view) (Status, error) { return store.committer.status(view) })
	if err != nil {
		return status, fmt.Errorf("store.Status: %w", err)
	}
	return status, nil
}

// SubmitStatus is Status for a caller that does not wait: done is called once,
// before SubmitStatus returns or later from a goroutine of the store, and may not block.
func (store *Store) SubmitStatus(done func(Status, error)) {
	submitAsk(store, func(view *view) (Status, error) { return store.committer.status(view) }, done)
}

// tallyForStatus counts a share of what is due, so that it is left out of the status,
// which waits for nothing.
func (committer *committer) tallyForStatus() {
	if !committer.somethingIsDue() {
		return
	}
	_, err := committer.tallyDue([]realm{wholeStore})
	committer.tried(workTally, err)
}

func (committer *committer) status(view *view) (Status, error) {
	committer.tallyForStatus()
	slowest := committer.consumers.slowest(committer.log.position())
	due := view.tallies.total(wholeStore)
	status := Status{
		Writable:   true,
		Backlog:    committer.log.end.since(slowest.end).changes,
		Namespaces: view.totals.namespaces,

		OldestChangeAt: committer.log.startedAt,

		PendingMaterialisation: uint64(view.pending.rows() + view.deletions.groups.Len()),
		Entries:                view.totals.entries - uint64(due.keys),
		UnscopedEntries:        view.totals.unscoped - uint64(view.tallies.namespace(wholeStore, "").keys),
		ClockAhead:             committer.clock.ahead(),
		Journal:                view.journal.total,
		Archiving:              view.journal.archives.written.Load(),
	}
	if refusal := committer.refusal(); refusal != nil {
		status.Writable, status.Reason = false, refusal.Error()
	}
	var err error
	if status.Backlog > 0 {
		status.OldestPendingAt, err = committer.log.oldestAfter(slowest.commitID)
	}
	return status, err
}
