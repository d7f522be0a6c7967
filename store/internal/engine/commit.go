// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
	"dappco.re/go/storebus/store/internal/state"
)

// A commit has three steps. seal makes the record of a batch. The log appends the record.
// install brings the database and memory to the record. Writes are answered after that. While
// records are under way in the log, the next batch stands on the newest of them.

// lockRetry is the time between two looks for a lock that another process has.
const lockRetry = 2 * time.Millisecond

// recordsUnderWay is how many records may be under way. With a log that is far away, each more
// hides a part of the way.
const recordsUnderWay = 8

// sealed is a batch whose record is handed to the log.
type sealed struct {
	batch  *batch.Batch
	writes []*write
	// at is when the batch was begun, and began when it was sealed.
	at    clock.Reading
	began time.Time
	// Entry is the record for the database. It has no changes if there is no record.
	sqlitelog.Entry

	// rows are the changes of the tables, nil until the record is to be installed. They are gathered
	// once, however often that is tried.
	rows *state.Slice
	// filed tells that the record is in the file of newest records.
	filed bool
	// grows tells that the record may need room that nothing else makes, and relieved that room was
	// made for it once.
	grows, relieved bool
	// verdict is the answer of the log, nil while there is none. appending tells that the log is
	// asked just now.
	verdict   atomic.Pointer[error]
	appending atomic.Bool
}

// size is the size of the record in bytes.
func (sealed *sealed) size() int {
	if sealed.Changes == nil {
		return 0
	}
	return len(sealed.Changes.Blob) + len(sealed.Record.Sections)
}

// isEmpty reports whether the batch changes nothing. It has no record then.
func (sealed *sealed) isEmpty() bool { return sealed.Changes == nil }

// commitBatch carries out writes in one transaction and completes them. If the database refuses
// the transaction as a whole, nothing was changed, and each write is tried alone. The size of
// one of them may be at fault.
func (committer *Committer) commitBatch(writes []*write) {
	if len(writes) > 1 {
		committer.disk.BeginReading()
		defer committer.disk.DoneReading()
	}
	batch := committer.nextBatch()
	committer.finish(committer.apply(writes, batch), batch)
}

// nextBatch returns an empty batch.
func (committer *Committer) nextBatch() *batch.Batch {
	empty := committer.spare
	if committer.spare = nil; empty == nil {
		empty = batch.Empty()
	}
	committer.batchAt = committer.engine.config.Clock.Tell()
	empty.On(committer.view, committer.tables, *committer.engine.limits.Load(), committer.batchAt.UTC())
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
func (committer *Committer) apply(writes []*write, into *batch.Batch) (applied []*write) {
	applied = writes[:0]
	into.Expect(len(writes))
	for _, write := range writes {
		if committer.expiries.queue.hold(write) {
			continue
		}
		if write.err = committer.scarcity(write.command); write.err != nil {
			write.outcome = commands.Outcome{}
			applied = append(applied, write)
			continue
		}
		first := len(into.Events())
		write.outcome, write.err = write.command.Apply(into, write.origin)
		if realm, waits := batch.ExpiryFirst(write.err); waits {
			committer.expiries.queue.postpone(write, realm)
			continue
		}
		write.events = into.Events()[first:]
		applied = append(applied, write)
	}
	return applied
}

// scarcity returns why a command is refused that grows while the reserve of the disk is given up. It
// is nil for others: with them, callers make room.
func (committer *Committer) scarcity(command commands.Command) error {
	if !committer.disk.Scarce() || !commands.Grows(command) {
		return nil
	}
	return cmp.Or(committer.disk.Refusal(), sqlite.Refusal(sqlite.ErrNoRoom))
}

// announce tells the readers that follow the log of a commit.
func (committer *Committer) announce(batch *batch.Batch, changes *state.Slice, commit changelog.Commit) {
	if err := committer.view.TallyCommitted(changes); err != nil {
		committer.disk.Tried(workTally, err) // it is counted again
	}
	committer.idleness.End()
	for index := range commit.Events {
		committer.deadlines.Note(commit.Events[index].ExpiresAt)
		if commit.Events[index].Type == changelog.EventExpire {
			committer.engine.purges.Note(commit.Events[index].Group)
			committer.engine.figures.Expired.Add(1)
		}
	}
	committer.engine.followers.Announce(commit, batch.Oldest)
}

func (committer *Committer) complete(writes []*write) {
	for _, write := range writes {
		write.completed = true
		if write.written != nil {
			close(write.written)
		}
		if write.then != nil {
			write.then(write.err)
		}
		if write.done != nil {
			committer.outbox.Add(write.outlet, write)
		}
	}
	committer.outbox.HandOver()
}

// finish commits a batch and completes the writes that were applied to it.
func (committer *Committer) finish(writes []*write, batch *batch.Batch) {
	next := committer.seal(writes, batch)
	committer.underway = append(committer.underway, next)
	if stopped := committer.engine.Stopped(); next.isEmpty() {
		next.verdict.Store(new(error))
	} else if stopped != nil {
		next.verdict.Store(&stopped) // the log would have a record that the database cannot have
	} else {
		next.appending.Store(true)
		committer.appendRecord(next)
		next.appending.Store(false)
	}
	committer.installAppended()
	if len(committer.underway) > 0 {
		committer.engine.config.Clock.Keep(next.at) // the next batch is not before this one
	}
}

// seal makes the record of a batch.
func (committer *Committer) seal(writes []*write, batch *batch.Batch) *sealed {
	next := &sealed{batch: batch, writes: writes, at: committer.batchAt, began: time.Now()}
	next.Place, next.End = committer.end()
	next.grows = slices.ContainsFunc(writes, func(write *write) bool { return write.err == nil && commands.Grows(write.command) })
	if batch.IsEmpty() {
		return next
	}
	committer.watermarks.MoveIfDue(batch)
	next.Changes = batch.Encode()
	committedAt := batch.Timestamp().UnixNano()
	if waitsNot(batch) {
		// Nobody has seen its time. So a wall clock that was set forward may still be set back.
		committedAt = committer.newestAt()
		next.at = committer.engine.config.Clock.At(committedAt)
	}
	next.Record = changelog.Record{
		StoreID: committer.engine.storeID, ID: next.Place.ID + 1, CommittedAt: committedAt, Previous: next.Place.Hash,
		Changes: next.Changes.Blob, Sections: batch.Sections(),
	}
	next.goOn()
	return next
}

// waitsNot reports whether no caller relies on the changes of a batch: they are made again after a
// crash.
func waitsNot(changes *batch.Batch) bool { return changes.Waits() == batch.WaitsNot }

// newestAt returns the time of the newest record, in Unix nanoseconds.
func (committer *Committer) newestAt() int64 {
	newest := committer.log.NewestAt()
	for _, sealed := range committer.underway {
		newest = max(newest, sealed.Record.CommittedAt)
	}
	return newest
}

// goOn moves the ends behind the record.
func (sealed *sealed) goOn() {
	sealed.Place.ID, sealed.Place.Hash = sealed.Record.ID, sealed.Record.Hash()
	if sealed.Changes.Count > 0 {
		sealed.End = sealed.End.Behind(sealed.Changes)
		sealed.Place.CommitID = sealed.End.CommitID
	}
}

// end returns the ends of the log and of the changes, with the records that are under way.
func (committer *Committer) end() (sqlitelog.Place, changelog.Position) {
	if last := len(committer.underway) - 1; last >= 0 {
		return committer.underway[last].Place, committer.underway[last].End
	}
	return committer.log.Place(), committer.log.Position()
}

// acknowledge takes the verdict of the log on a record, from any goroutine.
func (committer *Committer) acknowledge(appended *sealed, err error) {
	if appended.verdict.CompareAndSwap(nil, &err) && !appended.appending.Load() {
		select {
		case committer.engine.acknowledged <- struct{}{}:
		default: // the committer will look anyhow
		}
	}
}

// installAppended installs the records that the log has appended, in their order.
func (committer *Committer) installAppended() {
	for len(committer.underway) > 0 {
		first := committer.underway[0]
		verdict := first.verdict.Load()
		if verdict == nil {
			return
		}
		err := *verdict
		if err == nil {
			err = committer.installLogged(first)
			for sqlite.IsFull(err) && !errors.Is(err, failure.ErrOutcomeUnknown) && committer.makeRoom(first) {
				err = committer.installLogged(first)
			}
			if err != nil && first.filed {
				committer.hold(first, err)
				err = nil
			}
		}
		if committer.disk.MayWait(err) {
			// Another process has the lock of the database. Reads go on meanwhile.
			committer.lockTimer.Reset(lockRetry)
			return
		}
		committer.engine.figures.batch(first.began, len(first.writes), err == nil && len(first.batch.Events()) > 0)
		if err != nil {
			committer.takeBack(err)
			continue
		}
		committer.underway = committer.underway[1:]
		if len(committer.underway) > 0 {
			committer.underway[0].batch.Landed()
		}
		if len(first.batch.Events()) > 0 && !first.filed {
			committer.disk.Took(first.grows, first.size())
		}
		committer.complete(first.writes)
		committer.spare = batch.Reuse(first.batch)
	}
}

// installLogged installs a record that the log has appended. If the log has the record for good and
// the database does not take it, the next start installs it.
func (committer *Committer) installLogged(next *sealed) error {
	err := committer.install(next)
	if err == nil || next.filed || errors.Is(err, failure.ErrOutcomeUnknown) {
		return err
	}
	if id, _ := committer.records.End(); id >= next.Record.ID {
		return fmt.Errorf("%w: the log has the record and the database does not: %w", failure.ErrOutcomeUnknown, err)
	}
	return err
}

// makeRoom makes room for a record that a full disk has refused, and reports whether to try again.
func (committer *Committer) makeRoom(refused *sealed) bool {
	if !refused.relieved {
		refused.relieved = true
		if committer.disk.Relieve() {
			return true
		}
	}
	return !refused.grows && committer.disk.GiveUpReserve()
}

// takeBack drops the first record under way, and the records behind it. If the first was refused as a
// whole, nothing was changed, and each of its writes is tried alone: the size of one of them may be at
// fault. If a record behind it was written nowhere, its writes are applied again.
func (committer *Committer) takeBack(err error) {
	first, behind := committer.underway[0], committer.underway[1:]
	committer.underway = nil
	unknown := errors.Is(err, failure.ErrOutcomeUnknown)
	if unknown && committer.disk.Writes() {
		committer.disk.StopWriting(err)
	}
	if !unknown && len(first.writes) > 1 && !sqlite.IsLocked(err) {
		for index := range first.writes {
			committer.commitBatch(first.writes[index : index+1])
		}
	} else {
		committer.fail(first, err)
	}
	for index := len(behind) - 1; index >= 0; index-- {
		sealed := behind[index]
		if isNowhere := committer.engine.config.OverLog == nil && !sealed.filed; isNowhere && !slices.ContainsFunc(sealed.writes, (*write).lends) {
			// Nothing of it was written, and the fault is not its own.
			committer.waitingWrites = slices.Concat(sealed.writes, committer.waitingWrites)
		} else {
			committer.fail(sealed, err)
		}
	}
}

// fail completes the writes of a batch that is not in the log, or perhaps not.
func (committer *Committer) fail(sealed *sealed, err error) {
	if !errors.Is(err, failure.ErrOutcomeUnknown) {
		err = sqlite.Refusal(err)
		committer.disk.Wrote(err, sealed.size())
	}
	failAll(sealed.writes, err)
	committer.complete(sealed.writes)
}

// install brings the database and memory to a record. The transaction also has the record
// itself, so the database is as durable as the log.
func (committer *Committer) install(next *sealed) error {
	if next.isEmpty() {
		return nil
	}
	if next.grows && !next.filed && !committer.disk.HasRoom(next.size()) {
		return sqlite.ErrNoRoom
	}
	if next.rows == nil {
		next.rows = next.batch.Changes()
	}
	var slices []*state.Slice
	if !committer.defers(next) {
		slices = committer.rows.Choose(&next.Entry, next.rows)
		err := committer.inTransaction(committer.waits(next), func(transaction *sqlite.Transaction) { committer.write(transaction, next, slices) })
		if err != nil {
			return err
		}
	}
	committer.installed(next, slices)
	return nil
}

// hold installs a record that is on disk in the file, and that the database refuses. It gets the record
// later, with others.
func (committer *Committer) hold(next *sealed, refusal error) {
	if !committer.disk.MayWait(refusal) {
		committer.disk.Wrote(sqlite.Refusal(refusal), next.size())
	}
	committer.log.Hold(&next.Entry)
	committer.tables.Answers().PutOff(next.batch)
	committer.installed(next, nil)
}

// installed brings memory to a record that the database has, or that the log has deferred.
func (committer *Committer) installed(next *sealed, slices []*state.Slice) {
	batch, changes := next.batch, next.rows
	committer.disk.Written(len(next.Changes.Blob) + len(next.Record.Sections) + committer.tables.Saved(batch))
	committer.view.Committed(changes)
	committer.rows.Written(slices...)
	committer.recentCommits++
	committer.engine.config.Clock.Keep(next.at)
	committer.log.Written(&next.Entry)
	if committer.isOnDisk(next) {
		committer.tellOnDisk()
	}
	if next.Changes.Count > 0 {
		committer.announce(batch, changes, changelog.NewCommit(next.End, batch.Timestamp(), batch.Events()))
	}
}

// inTransaction runs function in a transaction that waits for the disk as it is told.
func (committer *Committer) inTransaction(waits batch.Waiting, function func(transaction *sqlite.Transaction)) error {
	switch waits {
	case batch.WaitsNot:
		return committer.disk.Unsynced(function)
	case batch.WaitsAlways:
		return committer.disk.Synced(function)
	default:
		return committer.disk.Transaction(function)
	}
}

// isOnDisk reports whether a record that was installed is on disk, and with it all before it. If the
// database has it, the file begins again.
func (committer *Committer) isOnDisk(next *sealed) bool {
	waits := next.batch.Waits()
	if !next.filed {
		waits = committer.waits(next)
	}
	synced := waits == batch.WaitsAlways || waits != batch.WaitsNot && committer.engine.config.Synchronous == sqlite.SynchronousFull
	switch {
	case next.filed:
	case synced:
		committer.newest.restart(committer)
	default:
		committer.newest.begins = false
	}
	return synced
}

// write writes a record, and its part of the tables.
func (committer *Committer) write(transaction *sqlite.Transaction, next *sealed, slices []*state.Slice) {
	committer.log.Write(transaction, &next.Entry)
	committer.tables.Save(transaction, next.batch)
	committer.rows.Save(transaction, slices)
}

// follow installs a record that an earlier store has made of its batch, which is in the file if filed
// is set. It returns ErrDamaged for a record that does not come next.
func (committer *Committer) follow(record *changelog.Record, filed bool) error {
	place, end := committer.end()
	if record.StoreID != committer.engine.storeID || record.ID != place.ID+1 || record.Previous != place.Hash {
		return fmt.Errorf("%w: record %d of store %s does not follow record %d of store %s", changelog.ErrDamaged,
			record.ID, record.StoreID, place.ID, committer.engine.storeID)
	}
	batch := batch.New(committer.view, committer.tables, time.Unix(0, record.CommittedAt).UTC())
	changes, err := batch.Take(record)
	if err != nil {
		return err
	}
	next := &sealed{
		batch: batch, at: committer.engine.config.Clock.At(record.CommittedAt), began: time.Now(), filed: filed,
		Entry: sqlitelog.Entry{
			Record: *record, Place: place, End: end,
			Changes: changes,
		},
	}
	next.goOn()
	if err = committer.install(next); err != nil && filed {
		committer.hold(next, err)
		err = nil
	}
	return err
}
