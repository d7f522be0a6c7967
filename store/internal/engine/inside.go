// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"database/sql/driver"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
)

// Inside is for tests of package store: it makes a committer busy, idle or faulty. Nothing else
// uses it.
type Inside struct {
	engine    *Engine
	committer *Committer
}

// Inside returns the inside of an engine, without the committer.
func (engine *Engine) Inside() Inside { return Inside{engine: engine} }

// Inside returns the inside of a committer, for its owner.
func (committer *Committer) Inside() Inside {
	return Inside{engine: committer.engine, committer: committer}
}

// AwaitWrites returns when so many writes wait for the committer, which is held.
func (inside Inside) AwaitWrites(writes int) {
	waiting := inside.engine.writes
	for waiting.Len() < writes {
		<-waiting.Ready
	}
	waiting.Signal()
}

// RefusesWrites reports whether Close has come to refuse writes.
func (inside Inside) RefusesWrites() bool {
	return inside.engine.writes.Closed()
}

// PurgesUnderway returns how many purges count expiries.
func (inside Inside) PurgesUnderway() int {
	return inside.engine.purges.Underway()
}

// Session returns the session of the connection.
func (inside Inside) Session() *sqlite.Session { return inside.committer.disk.Session() }

// Log returns the log in the database.
func (inside Inside) Log() *sqlitelog.Log { return inside.committer.log }

// Follow installs a record of another store.
func (inside Inside) Follow(record *changelog.Record) error {
	return inside.committer.follow(record, false)
}

// ReplaceCommit has another executor run COMMIT, and returns the one before.
func (inside Inside) ReplaceCommit(executor driver.StmtExecContext) driver.StmtExecContext {
	return inside.committer.disk.ReplaceCommit(executor)
}

// BeginNewest has the next record go into a file of newest records.
func (inside Inside) BeginNewest() { inside.committer.newest.commits = commitsBefore }

// BreakNewest has the file of newest records fail from now on.
func (inside Inside) BreakNewest() error { return inside.committer.newest.file.BreakForTest() }

// KeepHouse does the work of every second now.
func (inside Inside) KeepHouse() { inside.committer.keepHouse() }

// Settle does the work of a committer that is left alone, until there is no more.
func (inside Inside) Settle() {
	for inside.committer.expireDue() {
	}
	for inside.Attend(choreDeletions) {
	}
	inside.committer.idleness.Begin()
	inside.committer.chores.endIdle()
	for _, name := range []string{choreTrimming, choreScrubbing, choreRepairs} {
		for inside.Attend(name) {
		}
	}
}

// Attend does a slice of a chore if it is due.
func (inside Inside) Attend(name string) (more bool) {
	return inside.committer.chores.attend(inside.committer.chores.named(name))
}

// HoldDeletions keeps the committer from carrying out deletions, until release is called by its
// owner.
func (inside Inside) HoldDeletions() (release func()) {
	held := inside.committer.chores.named(choreDeletions)
	slice := held.slice
	held.slice = func() (more bool) { return false }
	return func() { held.slice = slice }
}

// RemoveSections removes a slice of the oldest sections, even if they are few.
func (inside Inside) RemoveSections() { inside.committer.trimming.RemoveSections() }
