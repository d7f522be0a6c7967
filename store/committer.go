// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// The bounds of one turn of the committer.
const (
	writesPerBatch = 4096
	readsPerTurn   = 256
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
	origin  origin
	// done is called outside the committer; written is closed in it, for a caller that waits.
	// Both are nil for a write of the committer's owner.
	done    func(Outcome, error)
	written chan struct{}

	// completed is set when the rest is.
	completed bool
	outcome   Outcome
	err       error
	events    []Event
}

// read is a question to the view; the function that it returns, if any, is run
// afterwards, outside the committer.
type read func(view *state.View) (complete func())

// committer has the connection. One goroutine takes all waiting writes into one transaction,
// commits once, and completes all of them. Between two batches it answers reads, expires due
// keys and trims the log, in slices. A caller that comes while nothing waits does the
// committer's part itself (see owner).
type committer struct {
	// owner is held by the goroutine that uses the fields below. Configuration, clock,
	// mailboxes, hot entries, tail and watchers are for all goroutines.
	owner ownership

	config StoreConfig
	// limits are set by anybody, and hold for a batch as they are when it begins.
	limits  atomic.Pointer[kv.Limits]
	storeID string
	// suspended is the reason of Suspend, nil if there is none.
	suspended atomic.Pointer[string]
	// backedUp is how many bytes a backup that is under way has copied.
	backedUp    atomic.Int64
	clock       *clock.Clock
	clockWatch  *clockWatch
	hot         *state.Hot
	tail        *tail
	wakeups     *wakeups
	watchers    *watchers
	writes      *mailbox[*write]
	reads       *mailbox[read]
	completions *mailbox[func()]

	session      *sqlite.Session
	view         *state.View
	tables       *tables
	log          *changeLog
	materialiser *state.Materialiser
	consumers    *consumers
	begin        *sqlite.Statement
	beginRead    *sqlite.Statement
	endRead      *sqlite.Statement
	commit       *sqlite.Statement
	rollback     *sqlite.Statement
	checkpoints  checkpoints
	chores       [choresOfCommitter]chore

	// batchAt is when the batch was begun that is carried out.
	batchAt clock.Reading
	// spare is memory for the next batch, nil if there is none.
	spare *batch
	// figures has the measurements. syncs tells that a COMMIT syncs the log of SQLite.
	figures *figures
	syncs   bool

	// reading tells that the database is locked for reading.
	reading bool

	waitingWrites []*write
	waitingReads  []read
	// expiries has the realms with keys to expire, and the calls that wait for them.
	expiries *expiryQueue
	// nextExpiry is not after the time at which the next entry expires; zero: none does.
	nextExpiry time.Time
	// purges count the expiries that are logged; expiryFailure is why the last could not be,
	// expiryPause until when they are not tried again.
	purges        *purges
	expiryFailure error
	expiryPause   time.Time
	lastPurge     time.Time
	expiryTimer   *time.Timer
	// idleTimer fires when no batch was committed for idleDelay; idle is set then.
	idleTimer *time.Timer
	idle      bool
	// recentCommits counts those since the last housekeeping.
	recentCommits int
	// troubles has the logged state of failing work, and refusing the logged state of the disk.
	troubles troubles
	refusing logging.Condition
	// broken is why the store has stopped writing; nil while it writes.
	broken atomic.Pointer[error]
}

// open prepares the statements and brings the tables up to the log.
func (committer *committer) open(session *sqlite.Session) error {
	committer.session = session
	committer.view = state.NewView(session, committer.hot, committer.flushLog)
	committer.tables = newTables(session)
	committer.log = newChangeLog(session, committer.config.Logger)
	committer.log.deferred.puts = committer.config.Durability == DurabilityMemory
	committer.log.deferred.flush = committer.flushLog
	committer.materialiser = state.NewMaterialiser(session, committer.view, committer.config.PendingBytes, committer.config.Durability == DurabilityMemory)
	committer.consumers = newConsumers(session)
	committer.begin = session.Prepare(`BEGIN IMMEDIATE`)
	committer.beginRead = session.Prepare(`BEGIN`)
	committer.endRead = session.Prepare(`COMMIT`)
	committer.commit = session.Prepare(`COMMIT`)
	committer.rollback = session.Prepare(`ROLLBACK`)
	committer.checkpoints = newCheckpoints(session)
	committer.chores = committer.newChores()
	committer.clockWatch = newClockWatch(committer.clock, session, committer.config.Logger)
	selectStoreID := session.Prepare(`SELECT value FROM meta WHERE name = 'store_id'`)
	if session.Err != nil {
		return session.Err
	}
	if err := errors.Join(committer.log.load(), committer.consumers.load()); err != nil {
		return err
	}
	if err := selectStoreID.Query(func(row sqlite.Row) bool {
		committer.storeID = row.Text(0)
		return false
	}); err != nil {
		return err
	}
	if err := errors.Join(committer.materialiser.Load(), committer.tables.load(), committer.view.Load()); err != nil {
		return err
	}
	if err := committer.clockWatch.begin(committer.log.committedAt.UnixNano(), committer.tables.journal.last.committedAt, committer.tables.answers.newest()); err != nil {
		return err
	}
	if err := committer.replay(committer.materialiser.Through()); err != nil {
		return fmt.Errorf("replay the log after commit %d: %w", committer.materialiser.Through(), err)
	}
	committer.tail = newTail(committer.log.lastID)
	committer.wakeups = newWakeups(committer.tail)
	committer.watchers.tail = committer.tail
	committer.expiryTimer = time.NewTimer(0)
	committer.idleTimer = time.NewTimer(committer.idleDelay())
	var err error
	committer.nextExpiry, err = committer.view.NextExpiry()
	return err
}

// replay makes pending the changes of the log after a commit, which the tables do not have.
func (committer *committer) replay(materialised uint64) error {
	for {
		commits, err := committer.log.after(materialised)
		if err != nil || len(commits) == 0 {
			return err
		}
		batch := newBatch(committer.view, committer.tables, commits[0].committedAt)
		for _, commit := range commits {
			if commit.damaged {
				return fmt.Errorf("commit %d: %w", commit.ID, errDamagedLog)
			}
			if err := batch.replay(commit.Events); err != nil {
				return err
			}
			materialised = commit.ID
		}
		committer.view.Committed(batch.changes())
	}
}

// always is a channel that can be received from at any time.
var always = func() <-chan struct{} {
	closed := make(chan struct{})
	close(closed)
	return closed
}()

// run serves until both mailboxes are closed and everything taken from them is done.
func (committer *committer) run() {
	housekeeping := time.NewTicker(housekeepingInterval)
	defer housekeeping.Stop()
	defer committer.expiryTimer.Stop()
	defer committer.idleTimer.Stop()
	// again is ready while there is more to do. Other work gets its turn in between.
	var again <-chan struct{}
	for more, finished := false, false; !finished; {
		if again = nil; more {
			again = always
		}
		wake := func() {}
		select {
		case <-again:
		case <-committer.writes.ready:
		case <-committer.reads.ready:
		case <-committer.expiryTimer.C:
			wake = committer.waitForExpiry
		case <-committer.idleTimer.C:
			wake = func() { committer.idle = true }
		case <-housekeeping.C:
			wake = committer.keepHouse
		}
		more, finished = committer.attend(wake)
	}
	committer.owner.take()
	defer committer.owner.release()
	committer.shutDown()
}

// attend takes one turn. It begins with the work that woke the goroutine.
func (committer *committer) attend(wake func()) (more, finished bool) {
	committer.owner.take()
	defer committer.owner.release()
	wake()
	return committer.turn(), committer.finished()
}

func (committer *committer) finished() bool {
	return committer.writes.finished() && committer.reads.finished() &&
		len(committer.waitingWrites) == 0 && len(committer.waitingReads) == 0 && committer.expiries.empty()
}

// turn does a bounded share of everything that waits, and reports whether more does.
func (committer *committer) turn() (more bool) {
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
	return committer.idle && committer.materialiser.Through() != committer.log.lastID
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
	if err := committer.unsynced(func() error { return committer.materialiser.Write(next) }); err != nil {
		return err
	}
	committer.written(next)
	return nil
}

// logEnd is the end of the log for the materialiser.
func (committer *committer) logEnd() state.LogEnd {
	return state.LogEnd{CommitID: committer.log.lastID, Bytes: committer.log.end.bytes}
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
	for _, read := range reads {
		if complete := read(committer.view); complete != nil {
			committer.completions.put(complete)
		}
	}
}

// doneReading is endReading if nothing depends on it.
func (committer *committer) doneReading() {
	committer.tried(workReading, committer.endReading())
}

func (committer *committer) commitWaiting() (more bool) {
	committer.waitingWrites = append(committer.waitingWrites, committer.writes.take()...)
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
		return fmt.Errorf("%w: %s", kv.ErrUnavailable, *reason)
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

// commitAlone carries out a command at once, for the owner of the committer.
func (committer *committer) commitAlone(command Command) error {
	own := &write{command: command}
	committer.commitBatch([]*write{own})
	return own.err
}

// finish commits a batch and completes the writes that were applied to it.
func (committer *committer) finish(writes []*write, batch *batch) {
	defer func() { committer.spare = reuse(batch) }()
	began := time.Now()
	err := committer.persist(batch)
	committer.figures.batch(began, len(writes), err == nil && len(batch.events) > 0)
	switch {
	case err == nil:
		if len(batch.events) > 0 {
			committer.wrote(nil)
		}
	case errors.Is(err, kv.ErrOutcomeUnknown):
		failAll(writes, err)
	case len(writes) > 1:
		for index := range writes {
			committer.commitBatch(writes[index : index+1])
		}
		return
	default:
		err = writeFailure(err)
		committer.wrote(err)
		failAll(writes, err)
	}
	committer.complete(writes)
}

// nextBatch returns an empty batch.
func (committer *committer) nextBatch() *batch {
	empty := committer.spare
	if committer.spare = nil; empty == nil {
		empty = emptyBatch()
	}
	committer.batchAt = committer.clock.Tell()
	return empty.on(committer.view, committer.tables, *committer.limits.Load(), committer.batchAt.UTC())
}

// apply applies writes to a batch and returns them, except writes that must wait until keys
// have expired. Those are applied again later.
func (committer *committer) apply(writes []*write, batch *batch) (applied []*write) {
	applied = writes[:0]
	for _, write := range writes {
		if committer.expiries.hold(write) {
			continue
		}
		first := len(batch.events)
		write.outcome, write.err = write.command.apply(batch, write.origin)
		if realm, waits := expiryFirst(write.err); waits {
			committer.expiries.postpone(write, realm)
			continue
		}
		write.events = batch.events[first:]
		applied = append(applied, write)
	}
	return applied
}

// persist commits a batch and tells all readers that follow the log.
func (committer *committer) persist(batch *batch) error {
	if len(batch.events) == 0 {
		return committer.persistUnlogged(batch)
	}
	next := committer.prepare(batch)
	if next.deferred {
		committer.log.deferred.put(committer.log.row(next.encoded, batch.timestamp))
	} else if err := committer.transaction(func() error { return committer.write(next) }); err != nil {
		return err
	}
	committer.checkpoints.written += len(next.encoded.blob)
	committer.checkpoints.written += committer.tables.saved(batch)
	committer.consumers.committed(next.moved, batch.timestamp)
	committer.view.Committed(next.changes)
	committer.written(next.slices...)
	committer.announce(batch, committer.log.committed(next.encoded, batch.events, batch.timestamp))
	return nil
}

// nextCommit is all that the transaction of a batch writes.
type nextCommit struct {
	batch   *batch
	encoded *encodedCommit
	changes *state.Slice
	slices  []*state.Slice
	// moved are the watermarks that are saved with it.
	moved map[*Consumer]position
	// deferred tells that the commit is put off: it writes nothing but its part of the log.
	deferred bool
}

func (committer *committer) prepare(batch *batch) nextCommit {
	next := nextCommit{batch: batch, encoded: encodeCommit(batch.sections), changes: batch.changes(), moved: committer.consumers.due(batch.timestamp)}
	deferred := &committer.log.deferred
	if next.deferred = deferred.takes() && len(next.moved) == 0 && batch.parts.empty(); next.deferred {
		return next
	}
	// The deferred commits keep pace together with this commit.
	next.slices = committer.materialiser.Choose(next.changes, committer.logEnd(), deferred.events, deferred.bytes+len(next.encoded.blob))
	return next
}

// write stops at the first error. A failed statement may have ended the transaction, and the
// next statement would be committed alone.
func (committer *committer) write(next nextCommit) error {
	if err := committer.log.append(next.encoded, next.batch.timestamp); err != nil {
		return err
	}
	if err := committer.tables.save(next.batch); err != nil {
		return err
	}
	if err := committer.materialiser.Write(next.slices...); err != nil {
		return err
	}
	return committer.consumers.save(next.moved)
}

// flushLog has the database hold all of the log.
func (committer *committer) flushLog() error {
	if len(committer.log.deferred.rows) == 0 {
		return nil
	}
	return committer.transaction(func() error { return nil })
}

// persistUnlogged commits a batch that changes only data beside the log.
func (committer *committer) persistUnlogged(batch *batch) error {
	if batch.parts.empty() {
		return nil
	}
	err := committer.transaction(func() error { return committer.tables.save(batch) })
	if err == nil {
		committer.clock.Keep(committer.batchAt)
		committer.recentCommits++
		committer.checkpoints.written += committer.tables.saved(batch)
	}
	return err
}

// written takes note that slices are committed.
func (committer *committer) written(slices ...*state.Slice) {
	for _, slice := range slices {
		committer.checkpoints.written += slice.Rows() * rowBytes
	}
	committer.materialiser.Written(slices...)
}

// announce tells the readers that follow the log of a commit.
func (committer *committer) announce(batch *batch, commit Commit) {
	committer.clock.Keep(committer.batchAt)
	if err := committer.view.TallyCommitted(&batch.changed); err != nil {
		committer.tried(workTally, err) // it is counted again
	}
	committer.recentCommits++
	committer.idle = false
	committer.idleTimer.Reset(committer.idleDelay())
	for index := range commit.Events {
		committer.noteExpiry(commit.Events[index].ExpiresAt)
		if commit.Events[index].Type == EventExpire {
			committer.purges.note(commit.Events[index].Group)
			committer.figures.expired.Add(1)
		}
	}
	woken := committer.tail.append(commit, func(namespace string) uint64 { return batch.namespaces[namespace].Oldest })
	committer.watchers.notify(commit)
	committer.wakeups.put(woken)
}

func failAll(writes []*write, err error) {
	for _, write := range writes {
		write.outcome, write.events, write.err = Outcome{}, nil, err
	}
}

func (committer *committer) complete(writes []*write) {
	submitted := false
	for _, write := range writes {
		write.completed = true
		if write.written != nil {
			close(write.written)
		}
		submitted = submitted || write.done != nil
	}
	if submitted {
		committer.completions.put(func() { callDone(writes) })
	}
}

func callDone(writes []*write) {
	for _, write := range writes {
		if write.done != nil {
			write.done(write.outcome, write.err)
		}
	}
}

// keepHouse does the work that can wait for a quiet moment.
func (committer *committer) keepHouse() {
	quiet := committer.recentCommits == 0
	committer.recentCommits = 0
	if quiet {
		committer.saveWatermarks()
		committer.emptyWriteAheadLog()
	}
	committer.watchClock()
	now := committer.clock.Now()
	if now.Sub(committer.lastPurge).Abs() > committer.config.PurgeInterval {
		committer.lastPurge = now
		// A step of the clock can make keys due for which no timer is set.
		committer.tried(workNextExpiry, committer.findNextExpiry())
	}
	committer.tables.answers.forget(now)
	committer.log.startIsOld = now.Sub(committer.log.startedAt) > committer.config.Retention.Age
}

func (committer *committer) saveWatermarks() {
	moved := committer.consumers.unsaved()
	if len(moved) == 0 || committer.broken.Load() != nil {
		return
	}
	err := committer.unsynced(func() error { return committer.consumers.save(moved) })
	committer.tried(workWatermarks, err)
	if err != nil {
		return
	}
	committer.consumers.committed(moved, committer.clock.Now())
}

func (committer *committer) shutDown() {
	for slice := 0; slice < removalsAtClose && committer.attendTo(&committer.chores[choreDeletions]); slice++ {
	}
	if committer.config.Durability != DurabilityMemory { // nobody opens that again
		committer.idle = true
		for committer.attendTo(&committer.chores[choreTables]) {
		}
	}
	committer.saveWatermarks()
	committer.saveClock()
	committer.emptyWriteAheadLog()
	committer.wakeups.put(committer.tail.close())
	committer.wakeups.close()
	committer.completions.close()
}

// register returns the consumer of a name.
func (committer *committer) register(store *Store, name string) (*Consumer, error) {
	if consumer := committer.consumers.find(name); consumer != nil {
		return consumer, nil
	}
	at, known := committer.consumers.absent[name]
	if !known {
		at = committer.log.position()
	}
	consumer := &Consumer{store: store, name: name, cursor: at, acknowledged: at, gone: make(chan struct{})}
	if !known {
		starts := map[*Consumer]position{consumer: at}
		if err := committer.transaction(func() error { return committer.consumers.save(starts) }); err != nil {
			return nil, writeFailure(err)
		}
	}
	consumer.saved = at
	delete(committer.consumers.absent, name)
	committer.consumers.registered = append(committer.consumers.registered, consumer)
	return consumer, nil
}

// unregister forgets the consumer of a name.
func (committer *committer) unregister(name string) error {
	if _, absent := committer.consumers.absent[name]; !absent && committer.consumers.find(name) == nil {
		return kv.ErrNotFound
	}
	if err := committer.transaction(func() error { return committer.consumers.deleteConsumer.Execute(name) }); err != nil {
		return writeFailure(err)
	}
	committer.consumers.forget(name)
	return nil
}

// serve owns the connection until the store is closed. opened is told when reads
// and writes are taken, or why they will not be.
func (committer *committer) serve(database *sqlite.Database, opened chan<- error) {
	err := database.Use(func(session *sqlite.Session) error {
		if err := committer.open(session); err != nil {
			return errors.Join(err, session.Close())
		}
		opened <- nil
		committer.run()
		return session.Close()
	})
	if err != nil {
		opened <- err
	}
}

// runCompletions runs the completions of the committer, in order.
func runCompletions(completions *mailbox[func()]) {
	for !completions.finished() {
		<-completions.ready
		for _, complete := range completions.take() {
			complete()
		}
	}
}
