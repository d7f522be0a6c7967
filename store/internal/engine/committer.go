// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/disk"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/mailbox"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
	"dappco.re/go/storebus/store/internal/state"
	"dappco.re/go/storebus/store/internal/upkeep"
	"dappco.re/go/storebus/store/internal/watermarks"
)

// The works of the committer that are tried again after a failure.
const (
	workExpiry     = "expiry"
	workNextExpiry = "reading the next expiry"
	workTally      = "counting what is due"
	workWatermarks = "saving watermarks"
)

// The bounds of one turn of the committer.
const (
	writesPerBatch = 4096
	readsPerTurn   = 256
	// readsPerHandOver bounds the answers that wait for the others of their turn: a page can
	// have a mebibyte.
	readsPerHandOver = 32
)

// Committer has the connection. One goroutine takes all waiting writes into one transaction,
// commits once, and completes all of them. Between two batches it answers reads, expires due
// keys and does chores, in slices. A caller that comes while nothing waits does the committer's
// part itself. Only its owner has a committer.
type Committer struct {
	engine *Engine
	disk   *disk.Disk

	view       *state.View
	tables     *batch.Tables
	watermarks *watermarks.Table
	log        *sqlitelog.Log
	// records is the log that decides, and log is the log in the database.
	records    changelog.Log
	rows       *upkeep.Rows
	trimming   *upkeep.Trimming
	clockWatch *upkeep.ClockWatch
	scrubbing  *upkeep.Scrubbing
	idleness   *upkeep.Idleness
	chores     *chores

	// batchAt is when the batch was begun that is carried out.
	batchAt clock.Reading
	// newest has the newest records in a file, so that a commit needs no transaction.
	newest newest
	// underway are the batches whose records are with the log, in order.
	underway []*sealed
	// lockTimer fires when a record under way is to be tried again that another process holds up.
	lockTimer *time.Timer
	// logEnded tells that the log is closed.
	logEnded bool
	// spare is memory for the next batch, nil if there is none.
	spare *batch.Batch

	outbox        mailbox.Outbox
	waitingWrites []*write
	waitingReads  []read
	deadlines     *upkeep.Deadlines
	expiries      expiries
	lastPurge     time.Time
	// recentCommits counts those since the last housekeeping.
	recentCommits int
}

// newCommitter prepares the statements and brings the tables up to the log.
func newCommitter(engine *Engine, session *sqlite.Session) (*Committer, error) {
	committer := &Committer{engine: engine, expiries: expiries{queue: newExpiryQueue()}}
	committer.prepare(session)
	if session.Err != nil {
		return nil, session.Err
	}
	return committer, committer.open(session)
}

// prepare makes the parts of the committer.
func (committer *Committer) prepare(session *sqlite.Session) {
	engine, config := committer.engine, &committer.engine.config
	committer.disk = disk.New(session, disk.Config{
		Path: config.Path, Synchronous: config.Synchronous, Logger: config.Logger, Fault: &engine.fault, Scarcity: &engine.scarcity, Places: engine.places, Syncs: &engine.figures.Syncs,
	})
	committer.view = state.NewView(session, engine.hot, func(namespace string) (revision uint64, found bool) {
		return committer.log.OldestDeferred(namespace)
	})
	committer.tables = config.Tables(session)
	committer.watermarks = watermarks.Of(committer.tables)
	committer.log = sqlitelog.New(session, sqlitelog.Config{
		Logger: config.Logger, Flush: committer.flushLog, Unsynced: committer.disk.Unsynced,
	})
	quotas := committer.tables.Quotas()
	committer.log.BoundBy(func(namespace string) int64 { return quotas.Of(namespace).MaxLogBytes })
	quotas.OnChange(committer.log.LookAtLimits)
	committer.disk.Around(committer.writeDeferred, committer.deferredWritten)
	committer.disk.OnSynced(func() {
		committer.newest.unsure = false
		committer.newest.restart(committer)
		committer.tellOnDisk()
	})
	committer.records = committer.log
	if config.OverLog != nil {
		committer.records = config.OverLog(committer.log)
	}
	committer.newest.wanted = !config.InMemory && config.OverLog == nil && config.Synchronous == sqlite.SynchronousFull
	committer.lockTimer = time.NewTimer(0)
	committer.deadlines = upkeep.NewDeadlines(committer.view, config.Clock)
	keeping := upkeep.Config{
		Disk: committer.disk, Clock: config.Clock, View: committer.view, Tables: committer.tables, Log: committer.log, Records: committer.records,
		Retention: config.Retention, PendingBytes: config.PendingBytes, InMemory: config.InMemory,
		Trimmed: func(namespace string, oldest uint64) { engine.followers.Trimmed(namespace, oldest) },
	}
	committer.idleness = upkeep.NewIdleness(config.InMemory)
	committer.rows = upkeep.NewRows(session, keeping, committer.idleness)
	committer.trimming = upkeep.NewTrimming(keeping, committer.rows)
	committer.scrubbing = upkeep.NewScrubbing(session, keeping)
	committer.clockWatch = upkeep.NewClockWatch(session, config.Clock, committer.disk, config.Logger)
	committer.chores = newChores(committer, keeping)
}

// open reads the database, and brings the tables up to the log.
func (committer *Committer) open(session *sqlite.Session) error {
	engine, rows := committer.engine, committer.rows
	if err := session.Prepare(`SELECT value FROM meta WHERE name = 'store_id'`).Query(func(row sqlite.Row) bool {
		engine.storeID = row.Text(0)
		return false
	}); err != nil {
		return err
	}
	if err := committer.log.Load(engine.storeID); err != nil {
		return err
	}
	if err := committer.newest.read(committer); err != nil {
		return fmt.Errorf("read the newest commits: %w", err)
	}
	if err := committer.check(); err != nil {
		return err
	}
	if err := errors.Join(rows.Load(), committer.tables.Load(), committer.view.Load()); err != nil {
		return err
	}
	if err := committer.clockWatch.Begin(committer.log.NewestAt(), engine.config.Newest(committer.tables), committer.tables.Answers().Newest()); err != nil {
		return err
	}
	if err := committer.replay(rows.Through()); err != nil {
		return fmt.Errorf("replay the log after commit %d: %w", rows.Through(), err)
	}
	if err := committer.log.LoadHoldings(committer.view.RevisionOfNamespace); err != nil {
		return err
	}
	engine.followers = follow.New(logSource{engine}, committer.log.Position().CommitID, engine.config.Stopping, engine.config.Logger)
	committer.idleness.End()
	if err := committer.catchUp(); err != nil {
		return fmt.Errorf("catch up with the log: %w", err)
	}
	if err := errors.Join(committer.deadlines.Find(), committer.scrubbing.Load()); err != nil {
		return err
	}
	return committer.newest.goOn(committer)
}

// check finds out whether the store may write.
func (committer *Committer) check() error {
	engine := committer.engine
	if engine.config.Check == nil {
		return nil
	}
	refusal, reason, err := engine.config.Check(engine.storeID, &committer.newest.end)
	if reason != nil {
		engine.fault.Forbid(refusal, reason)
	}
	return err
}

// tellOnDisk tells that everything that is committed is on disk. A store that may not write tells
// nothing: it may not be the newest one.
func (committer *Committer) tellOnDisk() {
	if engine := committer.engine; engine.config.OnDisk != nil && engine.fault.Writes() {
		engine.config.OnDisk(engine.storeID, committer.log.Place())
	}
}

// replay makes pending the changes of the log after a commit, which the tables do not have.
func (committer *Committer) replay(materialised uint64) error {
	for {
		commits, err := committer.log.Commits(materialised)
		if err != nil || len(commits) == 0 {
			return err
		}
		batch := batch.New(committer.view, committer.tables, changelog.CommittedAt(&commits[0]))
		for _, commit := range commits {
			if changelog.Damaged(&commit) {
				return fmt.Errorf("commit %d: %w", commit.ID, changelog.ErrDamaged)
			}
			if err := batch.Replay(commit.Events); err != nil {
				return err
			}
			materialised = commit.ID
		}
		committer.view.Committed(batch.Changes())
	}
}

// catchUp installs the records that the file or the log has and the database does not.
func (committer *Committer) catchUp() error {
	for index := range committer.newest.end.Records {
		if err := committer.follow(&committer.newest.end.Records[index], true); err != nil {
			return err
		}
	}
	for committer.engine.config.OverLog != nil { // the log of the database has nothing more
		records, err := committer.records.After(committer.log.Place().ID)
		if err != nil || len(records) == 0 {
			return err
		}
		for index := range records {
			if err := committer.follow(&records[index], false); err != nil {
				return err
			}
		}
	}
	return nil
}

// flushLog has the database hold all of the log.
func (committer *Committer) flushLog() error {
	if committer.log.Deferred().Commits == 0 {
		return nil
	}
	return committer.disk.Flush()
}

// isFree reports whether nothing waits for the committer, so that a write may be carried out at
// once.
func (committer *Committer) isFree() bool {
	return len(committer.underway) == 0 && len(committer.waitingWrites) == 0 && committer.engine.writes.Quiet() && committer.noReadWaits()
}

func (committer *Committer) noReadWaits() bool {
	return len(committer.waitingReads) == 0 && committer.engine.reads.Quiet()
}

// hasWork reports whether a turn of the committer would do something now.
func (committer *Committer) hasWork() bool {
	return !committer.expiries.queue.empty() || committer.chores.areDue()
}

// isIdle reports whether no commit was made for a while, and none is under way.
func (committer *Committer) isIdle() bool {
	return committer.idleness.Idle() && !committer.logEnded && len(committer.underway) == 0
}

func (committer *Committer) finished() bool {
	return committer.callsFinished() && len(committer.underway) == 0
}

// callsFinished reports whether no call waits and none comes any more.
func (committer *Committer) callsFinished() bool {
	return committer.engine.writes.Finished() && committer.engine.reads.Finished() &&
		len(committer.waitingWrites) == 0 && len(committer.waitingReads) == 0 && (committer.expiries.queue.empty() || committer.expiries.underway)
}

// turn does a bounded share of everything that waits, and reports whether more does.
func (committer *Committer) turn() (more bool) {
	committer.installAppended()
	more = committer.answerReads()
	more = committer.expireDue() || more
	more = committer.commitWaiting() || more
	return committer.chores.attendToAll() || more
}

func (committer *Committer) answerReads() (more bool) {
	committer.waitingReads = append(committer.waitingReads, committer.engine.reads.Take()...)
	share := min(len(committer.waitingReads), readsPerTurn)
	if share > 1 {
		committer.disk.BeginReading()
		defer committer.disk.DoneReading()
	}
	committer.answerAll(committer.waitingReads[:share])
	committer.waitingReads = committer.waitingReads[share:]
	return len(committer.waitingReads) > 0
}

func (committer *Committer) answerAll(reads []read) {
	for some := range slices.Chunk(reads, readsPerHandOver) {
		for _, read := range some {
			read(committer)
		}
		committer.outbox.HandOver()
	}
}

func (committer *Committer) commitWaiting() (more bool) {
	committer.waitingWrites = append(committer.waitingWrites, committer.engine.writes.Take()...)
	if committer.isFull() {
		return false // it goes on when the log has appended one
	}
	share := untilLending(committer.waitingWrites[:min(len(committer.waitingWrites), writesPerBatch)])
	if share == 0 {
		return false
	}
	writes := committer.waitingWrites[:share:share]
	committer.waitingWrites = committer.waitingWrites[share:]
	if refusal := committer.refusal(); refusal != nil {
		failAll(writes, refusal)
		committer.complete(writes)
	} else {
		committer.commitBatch(writes)
		committer.expiries.wroteAt = committer.batchAt.Elapsed
	}
	return len(committer.waitingWrites) > 0
}

// refusal returns why no write can be taken, nil if it can.
func (committer *Committer) refusal() error {
	if err := committer.engine.Stopped(); err != nil {
		return err
	}
	if reason := committer.engine.suspended.Load(); reason != nil {
		return fmt.Errorf("%w: %s", failure.ErrUnavailable, *reason)
	}
	return committer.trimming.Refusal()
}

// keepHouse does the work that can wait for a quiet moment.
func (committer *Committer) keepHouse() {
	committer.disk.LookAtFiles()
	committer.newest.lookAtPlace(committer)
	quiet := committer.recentCommits == 0
	committer.recentCommits = 0
	if quiet {
		committer.saveWatermarks()
		committer.disk.EmptyWriteAheadLog()
	}
	committer.disk.KeepReserve()
	committer.disk.LookAgain()
	committer.clockWatch.Keep()
	committer.scrubbing.Allow()
	now := committer.Now()
	if now.Sub(committer.lastPurge).Abs() > committer.engine.config.PurgeInterval {
		committer.lastPurge = now
		// A step of the clock can make keys due for which no timer is set.
		committer.disk.Tried(workNextExpiry, committer.deadlines.Find())
	}
	committer.tables.Answers().Forget(now)
	committer.log.LookAtAge(committer.engine.config.Retention, now)
}

func (committer *Committer) saveWatermarks() {
	if committer.watermarks.AreAhead() && committer.disk.Writes() {
		committer.Commit(watermarks.Save(), func(err error) { committer.disk.Tried(workWatermarks, err) })
	}
}

// endLog closes the log, which says then how each record under way has ended.
func (committer *Committer) endLog() {
	if committer.logEnded {
		return
	}
	committer.logEnded = true
	if err := committer.records.Close(); err != nil {
		committer.engine.config.Logger.Error("the log did not close", slog.Any("error", err))
	}
	committer.installAppended()
}

func (committer *Committer) shutDown() {
	committer.chores.endDeletions()
	if !committer.engine.config.InMemory { // nobody opens that again
		committer.idleness.Begin()
		committer.chores.endIdle()
	}
	if !committer.logEnded {
		committer.saveWatermarks()
	}
	committer.endLog()
	for len(committer.underway) > 0 { // no longer than another process is waited for
		<-committer.lockTimer.C
		committer.installAppended()
	}
	committer.clockWatch.Save()
	committer.disk.EmptyWriteAheadLog()
	committer.endFile()
	committer.engine.followers.EndReaders()
}
