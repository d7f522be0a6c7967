// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/engine"
)

// Status is the state of a store.
type Status struct {
	// Writable is false while writes are refused, or if the last one was; Reason says why.
	Writable bool
	Reason   string
	// BehindMark tells that the database is behind its mark, as an older copy is, or that the mark
	// is damaged. The store only reads, until RestoreDatabase or AcceptDatabase.
	BehindMark bool
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
	// CheckpointsHindered counts the checkpoints that another process, which uses the database
	// file, has kept from taking all of SQLite's write-ahead log. LogLeftSince is about when the
	// oldest page of that log was written that no checkpoint could take yet; zero if there is none.
	CheckpointsHindered uint64
	LogLeftSince        time.Time
	// DamagedEntries counts the entries that were found damaged since the store was opened, and
	// RepairedEntries those of them that the store took from the log again.
	DamagedEntries  uint64
	RepairedEntries uint64
	// Archiving is the number of entries that a running Compact has written.
	Archiving int64
	// BackedUpBytes is how much a Backup that is under way has copied.
	BackedUpBytes int64
}

// statusOf returns the state of a store. It waits for nothing.
func statusOf(store *Store, committer *engine.Committer) (Status, error) {
	health, err := committer.Health()
	counts := committer.View().Counts()
	status := Status{
		Writable:               health.Refusal == nil,
		BehindMark:             store.marked.isBehind(),
		Backlog:                health.Backlog,
		OldestPendingAt:        health.OldestPendingAt,
		OldestChangeAt:         health.OldestChangeAt,
		PendingMaterialisation: uint64(committer.View().Behind()),
		Namespaces:             counts.Namespaces,
		Entries:                counts.Entries,
		UnscopedEntries:        counts.Unscoped,
		Journal:                store.journal.Totals().JournalCounts,
		ClockAhead:             store.clock.Ahead(),
		CheckpointsHindered:    health.Hindered,
		LogLeftSince:           health.LeftSince,
		DamagedEntries:         committer.View().Damage().Found,
		RepairedEntries:        committer.View().Damage().Repaired,
		Archiving:              store.journal.Archiving.Load(),
		BackedUpBytes:          store.backedUp.Load(),
	}
	if health.Refusal != nil {
		status.Reason = health.Refusal.Error()
	}
	return status, err
}
