// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"cmp"
	"fmt"
	"time"

	sqlitedriver "modernc.org/sqlite"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/mailbox"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// View returns the entries as they are committed.
func (committer *Committer) View() *state.View { return committer.view }

// Tables returns the tables as they are committed.
func (committer *Committer) Tables() *batch.Tables { return committer.tables }

// Now returns the store's time.
func (committer *Committer) Now() time.Time { return committer.engine.config.Clock.Now() }

// Entry returns an entry whose time has not come, or NotFoundError.
func (committer *Committer) Entry(name kv.EntryName) (kv.Entry, error) {
	found, err := committer.view.Entry(name)
	if err != nil {
		return kv.Entry{}, err
	}
	return committer.engine.live(name, &found)
}

// SomethingIsDue reports whether there may be an entry whose time has come.
func (committer *Committer) SomethingIsDue() bool { return committer.deadlines.SomethingIsDue() }

// WriteOut writes pending entries to the tables early, if the database is in memory. It returns
// false if it has not done so.
func (committer *Committer) WriteOut(slice *state.Slice) bool {
	return committer.engine.config.InMemory && committer.rows.Write(slice) == nil
}

// Unsynced runs function in a transaction that does not wait for the disk, for a chore.
func (committer *Committer) Unsynced(function func(transaction *sqlite.Transaction)) error {
	return committer.disk.Unsynced(function)
}

// Written takes note that a chore has written about so many bytes.
func (committer *Committer) Written(bytes int) { committer.disk.Written(bytes) }

// Commit commits a command of the store's own, and calls then with its error. It does so although
// the writes of callers may be refused.
func (committer *Committer) Commit(command commands.Command, then func(err error)) {
	committer.commitBatch([]*write{{command: command, then: then}})
}

// Answer has an outlet tell a caller that its question is answered.
func (committer *Committer) Answer(outlet *mailbox.Outlet, tell func()) {
	committer.outbox.Add(outlet, mailbox.Answer(tell))
}

// Health tells how the writes and the log of a store are.
type Health struct {
	// Refusal is why no write can be taken, or why the last one was not; nil if it was.
	Refusal error
	// Hindered counts the checkpoints that another process has kept from taking all of the
	// write-ahead log. LeftSince is about when the oldest page was written that is left now.
	Hindered  uint64
	LeftSince time.Time
	// Backlog is the number of changes that the slowest registered consumer has not
	// acknowledged. OldestPendingAt is the commit time of the oldest of these.
	Backlog         uint64
	OldestPendingAt time.Time
	// OldestChangeAt is not after the commit time of the oldest change in the log.
	OldestChangeAt time.Time
}

// Health counts a share of the due keys, so that counts of the view leave them out. It waits for
// nothing.
func (committer *Committer) Health() (health Health, err error) {
	if committer.SomethingIsDue() {
		_, err := committer.deadlines.Tally([]kv.Realm{kv.WholeStore})
		committer.disk.Tried(workTally, err)
	}
	health = Health{Refusal: cmp.Or(committer.engine.fault.Reason(), committer.refusal(), committer.disk.Refusal()), Backlog: committer.trimming.Backlog().Changes, OldestChangeAt: committer.log.StartedAt()}
	health.Hindered, health.LeftSince = committer.disk.Hindered()
	if health.Backlog > 0 {
		health.OldestPendingAt, err = committer.log.OldestAfter(committer.trimming.Slowest().CommitID)
	}
	return health, err
}

// BeginBackup begins a copy of the database to a file that exists. The copy is made by steps, each
// of them a question.
func (committer *Committer) BeginBackup(path string) (*sqlitedriver.Backup, error) {
	source, ok := committer.disk.Session().Connection.(interface {
		NewBackup(dataSourceName string) (*sqlitedriver.Backup, error)
	})
	if !ok {
		return nil, fmt.Errorf("driver connection is a %T, which makes no backups", committer.disk.Session().Connection)
	}
	if err := committer.flushLog(); err != nil {
		return nil, sqlite.Refusal(err)
	}
	// A copy that is not finished is thrown away: it needs no journal to go back by.
	return source.NewBackup(sqlite.FileAddress(path) + "?_pragma=journal_mode(OFF)")
}

// LogBytes is the size of the changes of a namespace in the log.
func (committer *Committer) LogBytes(namespace string) int64 {
	return int64(committer.log.HeldBy(namespace))
}
