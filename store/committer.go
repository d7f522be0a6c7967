// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// The bounds of one turn of the committer.
const (
	writesPerBatch = 4096
	readsPerTurn   = 256
	// housekeepingInterval is how soon after the last commit watermarks are saved.
	housekeepingInterval = time.Second
	// idleDelay is how soon after the last commit what is pending is written.
	idleDelay = 10 * time.Millisecond
)

// write is a command on its way through the committer.
type write struct {
	command Command
	origin  origin
	// done is called outside the committer; written is closed in it, for a caller
	// that waits. One of them is nil.
	done    func(Outcome, error)
	written chan struct{}

	outcome Outcome
	err     error
	events  []Event
}

// read is a question to the view; the function that it returns, if any, is run
// afterwards, outside the committer.
type read func(view *view) (complete func())

// committer owns the connection. One goroutine takes every waiting write into one
// transaction, commits once, and completes them all; between two batches it
// answers reads, expires what is due and trims the log in slices.
type committer struct {
	config      StoreConfig
	limits      Limits
	storeID     string
	clock       *monotoneClock
	hot         *hotEntries
	tail        *tail
	watchers    *watchers
	writes      *mailbox[*write]
	reads       *mailbox[read]
	completions *mailbox[func()]

	session      *session
	view         *view
	log          *changeLog
	materialiser *materialiser
	consumers    *consumers
	begin        *statement
	beginRead    *statement
	endRead      *statement
	commit       *statement
	rollback     *statement
	checkpoints  checkpoints

	// reading tells that the database is locked for reading.
	reading bool

	waitingWrites []*write
	waitingReads  []read
	// counting are reads that wait until what is due has expired.
	counting []read
	// nextExpiry is not after the time at which the next entry expires; zero: none does.
	nextExpiry time.Time
	// expired counts the expiries that were logged; expiryFailure is why the last could not be.
	expired       atomic.Int64
	expiryFailure error
	nextPurge     time.Time
	expiryTimer   *time.Timer
	// idleTimer fires when no batch was committed for idleDelay; idle is set then.
	idleTimer *time.Timer
	idle      bool
	// recentCommits counts those since the last housekeeping.
	recentCommits int
	// broken is why the store has stopped writing; nil while it writes.
	broken atomic.Pointer[error]
}

// open prepares the statements and brings the tables up to the log.
func (committer *committer) open(session *session) error {
	committer.session = session
	committer.view = newView(session, committer.hot)
	committer.log = newChangeLog(session)
	committer.materialiser = newMaterialiser(session, committer.view, committer.config.PendingBytes)
	committer.consumers = newConsumers(session)
	committer.begin = session.prepare(`BEGIN IMMEDIATE`)
	committer.beginRead = session.prepare(`BEGIN`)
	committer.endRead = session.prepare(`COMMIT`)
	committer.commit = session.prepare(`COMMIT`)
	committer.rollback = session.prepare(`ROLLBACK`)
	committer.checkpoints = newCheckpoints(session)
	selectMaterialised := session.prepare(`SELECT value FROM meta WHERE name = 'materialised'`)
	selectStoreID := session.prepare(`SELECT value FROM meta WHERE name = 'store_id'`)
	if session.err != nil {
		return session.err
	}
	if err := errors.Join(committer.log.load(), committer.consumers.load()); err != nil {
		return err
	}
	if err := selectStoreID.query(func(row []driver.Value) bool {
		committer.storeID, _ = row[0].(string)
		return false
	}); err != nil {
		return err
	}
	materialised, _, err := selectMaterialised.integer()
	if err != nil {
		return err
	}
	committer.clock.committedAt(committer.log.committedAt)
	if err := committer.view.load(); err != nil {
		return err
	}
	committer.materialiser.through = uint64(materialised)
	if err := committer.replay(uint64(materialised)); err != nil {
		return fmt.Errorf("replay the log after commit %d: %w", materialised, err)
	}
	committer.tail = newTail(committer.log.lastID)
	committer.expiryTimer = time.NewTimer(0)
	committer.idleTimer = time.NewTimer(idleDelay)
	committer.nextExpiry, err = committer.view.nextExpiry()
	return err
}

// replay makes pending what the log holds after a commit and the tables do not.
func (committer *committer) replay(materialised uint64) error {
	for {
		commits, err := committer.log.after(materialised)
		if err != nil || len(commits) == 0 {
			return err
		}
		batch := newBatch(committer.view, Limits{}, commits[0].committedAt)
		for _, commit := range commits {
			if err := batch.replay(commit.Events); err != nil {
				return err
			}
			materialised = commit.ID
		}
		committer.view.committed(batch, batch.changes())
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
	// again is ready while there is more to do, and what else there is gets its turn.
	var again <-chan struct{}
	for !committer.finished() {
		select {
		case <-again:
		case <-committer.writes.ready:
		case <-committer.reads.ready:
		case <-committer.expiryTimer.C:
		case <-committer.idleTimer.C:
			committer.idle = true
		case <-housekeeping.C:
			committer.keepHouse()
		}
		if again = nil; committer.turn() {
			again = always
		}
	}
	committer.shutDown()
}

func (committer *committer) finished() bool {
	return committer.writes.finished() && committer.reads.finished() &&
		len(committer.waitingWrites) == 0 && len(committer.waitingReads) == 0 && len(committer.counting) == 0
}

// turn does a bounded share of everything that waits, and reports whether more does.
func (committer *committer) turn() (more bool) {
	more = committer.answerReads()
	if committer.expireDue() {
		more = true
	} else {
		more = committer.answerCounting() || more
	}
	more = committer.commitWaiting() || more
	more = committer.materialiseIdle() || more
	more = committer.carryOut() || more
	more = committer.trim() || more
	committer.checkpointIfDue()
	return more
}

// materialiseIdle writes a slice of what is pending while there is nothing else to do.
func (committer *committer) materialiseIdle() (more bool) {
	if !committer.idle || committer.broken.Load() != nil || committer.materialiser.through == committer.log.lastID {
		return false
	}
	if err := committer.materialiseSlice(); err != nil {
		committer.config.Logger.Error("bringing the tables up to the log failed; it is tried again", slog.Any("error", err))
		committer.idle = false
		committer.idleTimer.Reset(housekeepingInterval)
	}
	return committer.idle
}

func (committer *committer) materialiseSlice() error {
	next := committer.materialiser.nextSlice(rowsPerSlice, committer.log.lastID, committer.log.end)
	if err := committer.unsynced(func() error { return committer.materialiser.write(next) }); err != nil {
		return err
	}
	committer.written(next)
	return nil
}

func (committer *committer) answerReads() (more bool) {
	committer.waitingReads = append(committer.waitingReads, committer.reads.take()...)
	share := min(len(committer.waitingReads), readsPerTurn)
	if share > 1 {
		committer.beginReading()
		defer committer.doneReading()
	}
	for _, read := range committer.waitingReads[:share] {
		committer.answer(read)
	}
	committer.waitingReads = committer.waitingReads[share:]
	return len(committer.waitingReads) > 0
}

func (committer *committer) answer(read read) {
	if complete := read(committer.view); complete != nil {
		committer.completions.put(complete)
	}
}

// doneReading is endReading where nothing depends on it.
func (committer *committer) doneReading() {
	if err := committer.endReading(); err != nil {
		committer.config.Logger.Error("giving back the lock of the database failed", slog.Any("error", err))
	}
}

func (committer *committer) commitWaiting() (more bool) {
	committer.waitingWrites = append(committer.waitingWrites, committer.writes.take()...)
	share := min(len(committer.waitingWrites), writesPerBatch)
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

// refusal returns why no write can be taken, nil where it can.
func (committer *committer) refusal() error {
	if err := committer.stopped(); err != nil {
		return err
	}
	return committer.backlogRefusal()
}

// commitBatch carries out writes in one transaction and completes them. Where the
// database refuses the transaction as a whole, each is tried alone: nothing was
// changed, and what is at fault may be the size of one of them.
func (committer *committer) commitBatch(writes []*write) {
	if len(writes) > 1 {
		committer.beginReading()
		defer committer.doneReading()
	}
	batch := newBatch(committer.view, committer.limits, committer.clock.now())
	for _, write := range writes {
		first := len(batch.events)
		write.outcome, write.err = write.command.apply(batch, write.origin)
		write.events = batch.events[first:]
	}
	writes = committer.postpone(writes)
	err := committer.persist(batch)
	switch {
	case err == nil:
	case errors.Is(err, ErrOutcomeUnknown):
		failAll(writes, err)
	case len(writes) > 1:
		for index := range writes {
			committer.commitBatch(writes[index : index+1])
		}
		return
	default:
		failAll(writes, writeFailure(err))
	}
	committer.complete(writes)
}

// postpone puts the writes that must wait for expiries back to where they were, and
// returns the others. Where nothing expires, waiting is of no use.
func (committer *committer) postpone(writes []*write) (others []*write) {
	waits := func(write *write) bool { return errors.Is(write.err, errExpiryFirst) }
	if !slices.ContainsFunc(writes, waits) {
		return writes
	}
	var postponed []*write
	for _, write := range writes {
		switch {
		case !waits(write):
			others = append(others, write)
		case committer.expiryFailure != nil:
			write.err = fmt.Errorf("%w: %w", errExpiryFirst, committer.expiryFailure)
			others = append(others, write)
		default:
			postponed = append(postponed, write)
		}
	}
	committer.waitingWrites = append(postponed, committer.waitingWrites...)
	return others
}

// persist commits a batch and tells everybody who follows the log.
func (committer *committer) persist(batch *batch) error {
	if len(batch.events) == 0 {
		return nil
	}
	encoded, changes := encodeCommit(batch.sections), batch.changes()
	slices := committer.materialiser.choose(changes, committer.log.lastID+1, committer.log.end, len(encoded.blob))
	moved := committer.consumers.due(batch.timestamp)
	err := committer.transaction(func() error {
		// One after the other: a statement that fails may have ended the transaction,
		// and what is executed then is committed by itself.
		if err := committer.log.append(encoded, batch.timestamp); err != nil {
			return err
		}
		if err := committer.materialiser.write(slices...); err != nil {
			return err
		}
		return committer.consumers.save(moved)
	})
	if err != nil {
		return err
	}
	committer.checkpoints.written += len(encoded.blob)
	committer.consumers.committed(moved, batch.timestamp)
	committer.view.committed(batch, changes)
	committer.written(slices...)
	committer.announce(batch, committer.log.committed(encoded, batch.events, batch.timestamp))
	return nil
}

// written takes note that slices are committed.
func (committer *committer) written(slices ...*slice) {
	for _, slice := range slices {
		committer.checkpoints.written += slice.rows() * rowBytes
	}
	committer.materialiser.written(slices...)
}

// announce tells those who follow the log of a commit.
func (committer *committer) announce(batch *batch, commit Commit) {
	committer.clock.committedAt(commit.committedAt)
	committer.recentCommits++
	committer.idle = false
	committer.idleTimer.Reset(idleDelay)
	for index := range commit.Events {
		committer.noteExpiry(commit.Events[index].ExpiresAt)
		if commit.Events[index].Type == EventExpire {
			committer.expired.Add(1)
		}
	}
	committer.watchers.notify(commit.Events)
	woken := committer.tail.append(commit, func(namespace string) uint64 { return batch.namespaces[namespace].oldest })
	for _, reader := range woken {
		committer.completions.put(reader.read)
	}
}

func (committer *committer) noteExpiry(expiresAt time.Time) {
	if !expiresAt.IsZero() && (committer.nextExpiry.IsZero() || expiresAt.Before(committer.nextExpiry)) {
		committer.nextExpiry = expiresAt
		committer.expiryTimer.Reset(max(0, expiresAt.Sub(committer.clock.now())))
	}
}

func failAll(writes []*write, err error) {
	for _, write := range writes {
		write.outcome, write.events, write.err = Outcome{}, nil, err
	}
}

func (committer *committer) complete(writes []*write) {
	submitted := false
	for _, write := range writes {
		if write.written != nil {
			close(write.written)
		} else {
			submitted = true
		}
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

// keepHouse does what can wait for a quiet moment.
func (committer *committer) keepHouse() {
	quiet := committer.recentCommits == 0
	committer.recentCommits = 0
	if quiet {
		committer.saveWatermarks()
		committer.emptyWriteAheadLog()
	}
	now := committer.clock.now()
	if now.After(committer.nextPurge) {
		committer.nextPurge = now.Add(committer.config.PurgeInterval)
		committer.findExpiries()
	}
	committer.log.startIsOld = now.Sub(committer.log.startedAt) > committer.config.Retention.Age
}

func (committer *committer) saveWatermarks() {
	moved := committer.consumers.unsaved()
	if len(moved) == 0 || committer.broken.Load() != nil {
		return
	}
	if err := committer.unsynced(func() error { return committer.consumers.save(moved) }); err != nil {
		committer.config.Logger.Error("saving watermarks failed; it is tried again", slog.Any("error", err))
		return
	}
	committer.consumers.committed(moved, committer.clock.now())
}

func (committer *committer) shutDown() {
	for slice := 0; slice < removalsAtClose && committer.carryOut(); slice++ {
	}
	committer.idle = true
	for committer.materialiseIdle() {
	}
	committer.saveWatermarks()
	committer.emptyWriteAheadLog()
	for _, reader := range committer.tail.close() {
		committer.completions.put(func() { reader.finish(ChangesPage{}, ErrClosed) })
	}
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
	consumer := &Consumer{store: store, name: name, cursor: at, acknowledged: at}
	if !known {
		starts := map[*Consumer]position{consumer: at}
		if err := committer.transaction(func() error { return committer.consumers.save(starts) }); err != nil {
			return nil, err
		}
	}
	consumer.saved = at
	delete(committer.consumers.absent, name)
	committer.consumers.registered = append(committer.consumers.registered, consumer)
	return consumer, nil
}

// serve owns the connection until the store is closed. opened is told when reads
// and writes are taken, or why they will not be.
func (committer *committer) serve(database *database, opened chan<- error) {
	err := database.use(func(session *session) error {
		if err := committer.open(session); err != nil {
			return errors.Join(err, session.close())
		}
		opened <- nil
		committer.run()
		return session.close()
	})
	if err != nil {
		opened <- err
	}
}

// runCompletions runs what the committer hands out, in order.
func runCompletions(completions *mailbox[func()]) {
	for !completions.finished() {
		<-completions.ready
		for _, complete := range completions.take() {
			complete()
		}
	}
}
