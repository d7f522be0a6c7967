// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// Status is the state of a store.
type Status struct {
	// Writable is false while writes are refused; Reason says why.
	Writable bool
	Reason   string
	// Backlog is the number of changes that the slowest registered consumer has not
	// acknowledged. OldestPendingAt is the commit time of the oldest of these.
	Backlog         uint64
	OldestPendingAt time.Time
	// OldestChangeAt is the time of the oldest change that can be replayed, or a little
	// earlier; zero if there is none.
	OldestChangeAt time.Time
	// PendingMaterialisation is the number of rows by which the tables are behind the log. A
	// deleted group whose rows are still being removed counts as one.
	PendingMaterialisation uint64
	// Namespaces counts the namespaces that were ever written, Entries all entries, and
	// UnscopedEntries the entries outside every namespace.
	Namespaces      uint64
	Entries         uint64
	UnscopedEntries uint64
	// Journal counts the entries of the journal, of every namespace and outside all.
	Journal JournalCounts
	// ClockAhead is the time by which the store's time is ahead of StoreConfig.Clock, after
	// that was set back; otherwise 0.
	ClockAhead time.Duration
	// Archiving is the number of entries that a running Compact has written.
	Archiving int64
	// BackedUpBytes is how much a Backup that is under way has copied.
	BackedUpBytes int64
}

// tallyForStatus counts a share of the due keys, so that the status leaves them out. The status
// waits for nothing.
func (committer *committer) tallyForStatus() {
	if !committer.somethingIsDue() {
		return
	}
	_, err := committer.tallyDue([]kv.Realm{kv.WholeStore})
	committer.tried(workTally, err)
}

func (committer *committer) status(view *state.View) (Status, error) {
	committer.tallyForStatus()
	slowest := watermarksIn.Table(committer.tables).slowest(committer.log.Position())
	counts := view.Counts()
	status := Status{
		Writable:   true,
		Backlog:    committer.log.Position().End.Since(slowest.End).Changes,
		Namespaces: counts.Namespaces,

		OldestChangeAt: committer.log.StartedAt(),

		PendingMaterialisation: uint64(view.Behind()),
		Entries:                counts.Entries,
		UnscopedEntries:        counts.Unscoped,
		ClockAhead:             committer.clock.Ahead(),
		Journal:                committer.journal.Totals().JournalCounts,
		Archiving:              committer.journal.Archiving.Load(),
		BackedUpBytes:          committer.backedUp.Load(),
	}
	if refusal := committer.refusal(); refusal != nil {
		status.Writable, status.Reason = false, refusal.Error()
	}
	var err error
	if status.Backlog > 0 {
		status.OldestPendingAt, err = committer.log.OldestAfter(slowest.CommitID)
	}
	return status, err
}
