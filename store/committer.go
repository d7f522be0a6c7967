// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
	"dappco.re/go/storebus/store/internal/state"
)

// The bounds of one turn of the committer.
const (
	writesPerBatch = 4096
	readsPerTurn   = 256
	// readsPerHandOver bounds the answers that wait for the others of their turn: a page can
	// have a mebibyte.
	readsPerHandOver = 32
	// housekeepingInterval is how soon after the last commit watermarks are saved.
	housekeepingInterval = time.Second
	// idleDelay is the time from the last commit to the writing of pending entries.
	idleDelay = 10 * time.Millisecond
	// idleDelayInMemory is the delay for a store in memory, whose files nothing depends on.
	idleDelayInMemory = time.Second
)

// write is a command on its way through the committer.
type write struct {
	command Command
	origin  batch.Origin
	// done is called by way of an outlet; written is closed by the committer, for a caller that
	// waits. All are nil for a write of the committer's owner.
	done    func(Outcome, error)
	outlet  *outlet
	written chan struct{}
	// then is called by the committer's owner, for a write of its own.
	then func(err error)

	// completed is set when the rest is.
	completed bool
	outcome   Outcome
	err       error
	events    []Event
}

// read is a question to the committer. It tells its caller, or leaves that to the outbox.
type read func(committer *committer)

// readOf is a question that has its committer already.
func readOf(question func()) read { return func(*committer) { question() } }

// committer has the connection. One goroutine takes all waiting writes into one transaction,
// commits once, and completes all of them. Between two batches it answers reads, expires due
// keys and trims the log, in slices. A caller that comes while nothing waits does the
// committer's part itself. Only its owner has a committer (see ownership).
type committer struct {
	*engine
	*transactions
	*troubles
	clockWatch *clockWatch

	view         *state.View
	tables       *batch.Tables
	log          *sqlitelog.Log
	materialiser *state.Materialiser
	// records is the log that decides, and log is the log in the database.
	records     changelog.Log
	checkpoints *checkpoints
	chores      [choresOfCommitter]chore

	// batchAt is when the batch was begun that is carried out.
	batchAt clock.Reading
	// underway are the batches whose records are with the log, in order.
	underway []*sealed
	// logEnded tells that the log is closed.
	logEnded bool
	// spare is memory for the next batch, nil if there is none.
	spare *batch.Batch

	outbox        outbox
	waitingWrites []*write
	waitingReads  []read
	// expiries has the realms with keys to expire, and the calls that wait for them.
	expiries *expiryQueue
	// expiring tells that a share of them is on its way to the log.
	expiring bool
	// nextExpiry is not after the time at which the next entry expires; zero: none does.
	nextExpiry time.Time
	// expiryFailure is why expiries could not be logged, and expiryPause until when they are not
	// tried again.
	expiryFailure error
	expiryPause   time.Time
	lastPurge     time.Time
	expiryTimer   *time.Timer
	// idleTimer fires when no batch was committed for idleDelay; idle is set then.
	idleTimer *time.Timer
	idle      bool
	// recentCommits counts those since the last housekeeping.
	recentCommits int
}

func newCommitter(engine *engine) *committer {
	return &committer{engine: engine, expiries: newExpiryQueue(), troubles: newTroubles(engine.config.Logger)}
}

// open prepares the statements and brings the tables up to the log.
func (committer *committer) open(session *sqlite.Session) error {
	committer.transactions = newTransactions(committer.engine, session)
	committer.view = state.NewView(session, committer.hot, committer.flushLog)
	committer.tables = newTables(session, committer.engine)
	committer.log = sqlitelog.New(session, sqlitelog.Config{
		Logger: committer.config.Logger, Defers: committer.config.Durability == DurabilityMemory, Flush: committer.flushLog, Unsynced: committer.unsynced,
	})
	committer.materialiser = state.NewMaterialiser(session, committer.view, committer.config.PendingBytes, committer.config.Durability == DurabilityMemory)
	committer.begun, committer.committed = committer.log.WriteDeferred, committer.hasCommitted
	committer.records = committer.config.logOver(committer.log)
	committer.checkpoints = newCheckpoints(committer.transactions, committer.troubles)
	committer.chores = committer.newChores()
	committer.clockWatch = newClockWatch(committer.clock, committer.transactions, committer.troubles)
	selectStoreID := session.Prepare(`SELECT value FROM meta WHERE name = 'store_id'`)
	if session.Err != nil {
		return session.Err
	}
	if err := selectStoreID.Query(func(row sqlite.Row) bool {
		committer.storeID = row.Text(0)
		return false
	}); err != nil {
		return err
	}
	if err := committer.log.Load(committer.storeID); err != nil {
		return err
	}
	if err := errors.Join(committer.materialiser.Load(), committer.tables.Load(), committer.view.Load()); err != nil {
		return err
	}
	if err := committer.clockWatch.begin(committer.log.NewestAt(), journal.Of(committer.tables).NewestAt(), committer.tables.Answers().Newest()); err != nil {
		return err
	}
	if err := committer.replay(committer.materialiser.Through()); err != nil {
		return fmt.Errorf("replay the log after commit %d: %w", committer.materialiser.Through(), err)
	}
	committer.followers = follow.New(committer.source, committer.log.Position().CommitID, committer.stopping, committer.config.Logger)
	committer.expiryTimer = time.NewTimer(0)
	committer.idleTimer = time.NewTimer(committer.idleDelay())
	if err := committer.catchUp(); err != nil {
		return fmt.Errorf("catch up with the log: %w", err)
	}
	var err error
	committer.nextExpiry, err = committer.view.NextExpiry()
	return err
}

// replay makes pending the changes of the log after a commit, which the tables do not have.
func (committer *committer) replay(materialised uint64) error {
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

// catchUp installs the records that the log has and the database does not.
func (committer *committer) catchUp() error {
	for {
		records, err := committer.records.After(committer.log.Place().ID)
		if err != nil || len(records) == 0 {
			return err
		}
		for index := range records {
			if err := committer.follow(&records[index]); err != nil {
				return err
			}
		}
	}
}

// endLog closes the log, which says then how each record under way has ended.
func (committer *committer) endLog() {
	if committer.logEnded {
		return
	}
	committer.logEnded = true
	if err := committer.records.Close(); err != nil {
		committer.config.Logger.Error("the log did not close", slog.Any("error", err))
	}
	committer.installAppended()
}

func (committer *committer) finished() bool {
	return committer.callsFinished() && len(committer.underway) == 0
}

// callsFinished reports whether no call waits and none comes any more.
func (committer *committer) callsFinished() bool {
	return committer.writes.finished() && committer.reads.finished() &&
		len(committer.waitingWrites) == 0 && len(committer.waitingReads) == 0 && (committer.expiries.empty() || committer.expiring)
}

// turn does a bounded share of everything that waits, and reports whether more does.
func (committer *committer) turn() (more bool) {
	committer.installAppended()
	more = committer.answerReads()
	more = committer.expireDue() || more
	more = committer.commitWaiting() || more
	for index := range committer.chores {
		more = committer.attendTo(&committer.chores[index]) || more
	}
	return more
}

func (committer *committer) idleDelay() time.Duration {
	if committer.config.Durability == DurabilityMemory {
		return idleDelayInMemory
	}
	return idleDelay
}

// tablesAreBehind reports whether something is pending while there is nothing else to do.
func (committer *committer) tablesAreBehind() bool {
	return committer.idle && committer.materialiser.Through() != committer.log.Position().CommitID
}

// materialiseIdle writes a slice of what is pending.
func (committer *committer) materialiseIdle() (more bool) {
	err := committer.materialiseSlice()
	committer.tried(workTables, err)
	if err != nil {
		committer.idle = false
		committer.idleTimer.Reset(housekeepingInterval)
	}
	return committer.idle
}

func (committer *committer) materialiseSlice() error {
	next := committer.materialiser.NextSlice(committer.logEnd())
	if err := committer.unsynced(func(transaction *sqlite.Transaction) { committer.materialiser.Write(transaction, next) }); err != nil {
		return err
	}
	committer.written(next)
	return nil
}

// logEnd is the end of the log for the materialiser.
func (committer *committer) logEnd() state.LogEnd {
	end := committer.log.Position()
	return state.LogEnd{CommitID: end.CommitID, Bytes: end.End.Bytes}
}

func (committer *committer) answerReads() (more bool) {
	committer.waitingReads = append(committer.waitingReads, committer.reads.take()...)
	share := min(len(committer.waitingReads), readsPerTurn)
	if share > 1 {
		committer.beginReading()
		defer committer.doneReading()
	}
	committer.answerAll(committer.waitingReads[:share])
	committer.waitingReads = committer.waitingReads[share:]
	return len(committer.waitingReads) > 0
}

func (committer *committer) answerAll(reads []read) {
	for some := range slices.Chunk(reads, readsPerHandOver) {
		for _, read := range some {
			read(committer)
		}
		committer.outbox.handOver()
	}
}

// doneReading is endReading if nothing depends on it.
func (committer *committer) doneReading() {
	committer.tried(workReading, committer.endReading())
}

func (committer *committer) commitWaiting() (more bool) {
	committer.waitingWrites = append(committer.waitingWrites, committer.writes.take()...)
	if len(committer.underway) >= recordsUnderWay {
		return false // it goes on when the log has appended one
	}
	share := untilLending(committer.waitingWrites[:min(len(committer.waitingWrites), writesPerBatch)])
	if share == 0 {
		return false
	}
	writes := committer.waitingWrites[:share:share]
	committer.waitingWrites = committer.waitingWrites[share:]
	if refusal := committer.refusal(); refusal != nil {
		for _, write := range writes {
			write.err = refusal
		}
		committer.complete(writes)
	} else {
		committer.commitBatch(writes)
	}
	return len(committer.waitingWrites) > 0
}

// refusal returns why no write can be taken, nil if it can.
func (committer *committer) refusal() error {
	if err := committer.stopped(); err != nil {
		return err
	}
	if reason := committer.suspended.Load(); reason != nil {
		return fmt.Errorf("%w: %s", failure.ErrUnavailable, *reason)
	}
	return committer.backlogRefusal()
}

// commitBatch carries out writes in one transaction and completes them. If the database refuses
// the transaction as a whole, nothing was changed, and each write is tried alone. The size of
// one of them may be at fault.
func (committer *committer) commitBatch(writes []*write) {
	if len(writes) > 1 {
		committer.beginReading()
		defer committer.doneReading()
	}
	batch := committer.nextBatch()
	committer.finish(committer.apply(writes, batch), batch)
}

// commitOwn commits a command of the store's own, and calls then with its error. It does so
// although the writes of callers may be refused.
func (committer *committer) commitOwn(command Command, then func(err error)) {
	committer.commitBatch([]*write{{command: command, then: then}})
}

// nextBatch returns an empty batch.
func (committer *committer) nextBatch() *batch.Batch {
	empty := committer.spare
	if committer.spare = nil; empty == nil {
		empty = batch.Empty()
	}
	committer.batchAt = committer.clock.Tell()
	empty.On(committer.view, committer.tables, *committer.limits.Load(), committer.batchAt.UTC())
	_, after := committer.end()
	var below *batch.Batch
	if last := len(committer.underway) - 1; last >= 0 {
		below = committer.underway[last].batch
	}
	empty.Follows(after, below)
	return empty
}

// apply applies writes to a batch and returns them, except writes that must wait until keys
// have expired. Those are applied again later.
func (committer *committer) apply(writes []*write, batch *batch.Batch) (applied []*write) {
	applied = writes[:0]
	for _, write := range writes {
		if committer.expiries.hold(write) {
			continue
		}
		first := len(batch.Events())
		write.outcome, write.err = write.command.Apply(batch, write.origin)
		if realm, waits := write.waitsForExpiry(); waits {
			committer.expiries.postpone(write, realm)
			continue
		}
		write.events = batch.Events()[first:]
		applied = append(applied, write)
	}
	return applied
}

// hasCommitted is called after each COMMIT.
func (committer *committer) hasCommitted() {
	committer.log.DeferredWritten()
	committer.checkpoints.written += pagesPerTransaction * sqlite.PageBytes
}

// flushLog has the database hold all of the log.
func (committer *committer) flushLog() error {
	if changes, _ := committer.log.Deferred(); changes == 0 {
		return nil
	}
	return committer.transaction(func(*sqlite.Transaction) {})
}

// written takes note that slices are committed.
func (committer *committer) written(slices ...*state.Slice) {
	for _, slice := range slices {
		committer.checkpoints.written += slice.Rows() * sqlite.RowBytes
	}
	committer.materialiser.Written(slices...)
}

// announce tells the readers that follow the log of a commit.
func (committer *committer) announce(batch *batch.Batch, changes *state.Slice, commit Commit) {
	if err := committer.view.TallyCommitted(changes); err != nil {
		committer.tried(workTally, err) // it is counted again
	}
	committer.idle = false
	committer.idleTimer.Reset(committer.idleDelay())
	for index := range commit.Events {
		committer.noteExpiry(commit.Events[index].ExpiresAt)
		if commit.Events[index].Type == EventExpire {
			committer.purges.note(commit.Events[index].Group)
			committer.figures.expired.Add(1)
		}
	}
	committer.followers.Announce(commit, batch.Oldest)
}

func failAll(writes []*write, err error) {
	for _, write := range writes {
		write.outcome, write.events, write.err = Outcome{}, nil, err
	}
}

func (committer *committer) complete(writes []*write) {
	for _, write := range writes {
		write.completed = true
		if write.written != nil {
			close(write.written)
		}
		if write.then != nil {
			write.then(write.err)
		}
		if write.done != nil {
			committer.outbox.add(write.outlet, write)
		}
	}
	committer.outbox.handOver()
}

// keepHouse does the work that can wait for a quiet moment.
func (committer *committer) keepHouse() {
	quiet := committer.recentCommits == 0
	committer.recentCommits = 0
	if quiet {
		committer.saveWatermarks()
		committer.checkpoints.emptyWriteAheadLog()
	}
	committer.clockWatch.keep()
	now := committer.clock.Now()
	if now.Sub(committer.lastPurge).Abs() > committer.config.PurgeInterval {
		committer.lastPurge = now
		// A step of the clock can make keys due for which no timer is set.
		committer.tried(workNextExpiry, committer.findNextExpiry())
	}
	committer.tables.Answers().Forget(now)
	committer.log.LookAtAge(committer.config.Retention, now)
}

func (committer *committer) saveWatermarks() {
	if watermarksIn.Table(committer.tables).areAhead() && committer.broken.Load() == nil {
		committer.commitOwn(saveWatermarksCommand{}, func(err error) { committer.tried(workWatermarks, err) })
	}
}

func (committer *committer) shutDown() {
	for slice := 0; slice < removalsAtClose && committer.attendTo(&committer.chores[choreDeletions]); slice++ {
	}
	if committer.config.Durability != DurabilityMemory { // nobody opens that again
		committer.idle = true
		for committer.attendTo(&committer.chores[choreTables]) {
		}
		for committer.attendTo(&committer.chores[choreMarks]) {
		}
	}
	if !committer.logEnded {
		committer.saveWatermarks()
	}
	committer.endLog()
	committer.clockWatch.save()
	committer.checkpoints.emptyWriteAheadLog()
	committer.followers.EndReaders()
}
