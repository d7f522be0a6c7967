// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// A commit has three steps. seal makes the record of a batch. The log appends the record.
// install brings the database and memory to the record. Writes are answered after that. While
// records are under way in the log, the next batch stands on the newest of them.

// recordsUnderWay is how many records may be under way. With a log that is far away, each more
// hides a part of the way.
const recordsUnderWay = 8

// sealed is a batch whose record is handed to the log.
type sealed struct {
	batch  *batch
	writes []*write
	// at is when the batch was begun, and began when it was sealed.
	at    clock.Reading
	began time.Time
	// changes is the blob of the record with its sections by namespace.
	changes *changelog.Changes
	record  changelog.Record
	// place and end are the ends of the log and of the changes with the record.
	place recordPlace
	end   changelog.Position

	// verdict is what the log says, nil while it says nothing. appending tells that the log is
	// asked just now.
	verdict   atomic.Pointer[error]
	appending atomic.Bool
}

// isEmpty reports whether the batch changes nothing. It has no record then.
func (sealed *sealed) isEmpty() bool { return sealed.changes == nil }

// finish commits a batch and completes the writes that were applied to it.
func (committer *committer) finish(writes []*write, batch *batch) {
	next := committer.seal(writes, batch)
	committer.underway = append(committer.underway, next)
	if next.isEmpty() {
		next.verdict.Store(new(error))
	} else {
		next.appending.Store(true)
		committer.records.Append(&next.record, func(err error) { committer.acknowledge(next, err) })
		next.appending.Store(false)
	}
	committer.installAppended()
	if len(committer.underway) > 0 {
		committer.clock.Keep(next.at) // the next batch is not before this one
	}
}

// seal makes the record of a batch.
func (committer *committer) seal(writes []*write, batch *batch) *sealed {
	next := &sealed{batch: batch, writes: writes, at: committer.batchAt, began: time.Now()}
	next.place, next.end = committer.end()
	if len(batch.events) == 0 && batch.parts.empty() {
		return next
	}
	watermarksIn.table(committer.tables).moveIfDue(batch)
	next.changes = &changelog.Changes{}
	if len(batch.events) > 0 {
		next.changes = changelog.EncodeChanges(batch.sections)
	}
	next.record = changelog.Record{
		StoreID: committer.storeID, ID: next.place.id + 1, CommittedAt: batch.timestamp.UnixNano(), Previous: next.place.hash,
		Changes: next.changes.Blob, Sections: batch.parts.sections(),
	}
	next.goOn()
	return next
}

// goOn moves the ends behind the record.
func (sealed *sealed) goOn() {
	sealed.place.id, sealed.place.hash = sealed.record.ID, sealed.record.Hash()
	if sealed.changes.Count > 0 {
		sealed.end = sealed.end.Behind(sealed.changes)
		sealed.place.commitID = sealed.end.CommitID
	}
}

// end returns the ends of the log and of the changes, with the records that are under way.
func (committer *committer) end() (recordPlace, changelog.Position) {
	if last := len(committer.underway) - 1; last >= 0 {
		return committer.underway[last].place, committer.underway[last].end
	}
	return committer.database.end, committer.log.position()
}

// acknowledge takes the verdict of the log on a record, from any goroutine.
func (committer *committer) acknowledge(appended *sealed, err error) {
	if appended.verdict.CompareAndSwap(nil, &err) && !appended.appending.Load() {
		select {
		case committer.acknowledged <- struct{}{}:
		default: // the committer will look anyhow
		}
	}
}

// installAppended installs the records that the log has appended, in their order.
func (committer *committer) installAppended() {
	for len(committer.underway) > 0 {
		first := committer.underway[0]
		verdict := first.verdict.Load()
		if verdict == nil {
			return
		}
		err := *verdict
		if err == nil {
			err = committer.install(first)
		}
		committer.figures.batch(first.began, len(first.writes), err == nil && len(first.batch.events) > 0)
		if err != nil {
			committer.takeBack(err)
			continue
		}
		committer.underway = committer.underway[1:]
		if len(committer.underway) > 0 {
			committer.underway[0].batch.below = nil // the view has what it stood on
		}
		if len(first.batch.events) > 0 {
			committer.wrote(nil)
		}
		committer.complete(first.writes)
		committer.spare = reuse(first.batch)
	}
}

// takeBack drops the first record under way, and all that stand on it. If the record was refused
// as a whole, nothing was changed, and each of its writes is tried alone: the size of one of
// them may be at fault.
func (committer *committer) takeBack(err error) {
	first, behind := committer.underway[0], committer.underway[1:]
	committer.underway = nil
	unknown := errors.Is(err, kv.ErrOutcomeUnknown)
	if unknown && committer.broken.Load() == nil {
		committer.stopWriting(err)
	}
	if !unknown && len(first.writes) > 1 {
		for index := range first.writes {
			committer.commitBatch(first.writes[index : index+1])
		}
	} else {
		committer.fail(first, err)
	}
	for _, sealed := range behind {
		committer.fail(sealed, err)
	}
}

// fail completes the writes of a batch that is not in the log, or perhaps not.
func (committer *committer) fail(sealed *sealed, err error) {
	if !errors.Is(err, kv.ErrOutcomeUnknown) {
		err = writeFailure(err)
		committer.wrote(err)
	}
	failAll(sealed.writes, err)
	committer.complete(sealed.writes)
}

// install brings the database and memory to a record. The transaction also has the record
// itself, so the database is as durable as the log.
func (committer *committer) install(next *sealed) error {
	if next.isEmpty() {
		return nil
	}
	batch := next.batch
	row := logRow{place: next.end, committedAt: batch.timestamp, commit: next.changes, hash: next.place.hash}
	changes := batch.changes()
	var slices []*state.Slice
	if committer.log.deferred.takes() && batch.parts.empty() {
		committer.log.deferred.put(row)
	} else {
		slices = committer.slicesWith(row, changes)
		if err := committer.inTransaction(batch, func(transaction *sqlite.Transaction) { committer.write(transaction, next, row, slices) }); err != nil {
			return err
		}
	}
	committer.checkpoints.written += len(next.changes.Blob) + len(next.record.Sections)
	committer.checkpoints.written += committer.tables.saved(batch)
	committer.view.Committed(changes)
	committer.written(slices...)
	committer.recentCommits++
	committer.clock.Keep(next.at)
	committer.database.written(next)
	if row.commit.Count > 0 {
		committer.log.committed(row)
		committer.announce(batch, changelog.NewCommit(row.place, batch.timestamp, batch.events))
	}
	return nil
}

// inTransaction runs function in a transaction that waits for the disk as the batch asks for.
func (committer *committer) inTransaction(batch *batch, function func(transaction *sqlite.Transaction)) error {
	waits := waitsAsUsual
	if len(batch.events) == 0 {
		waits = batch.parts.waits()
	}
	switch waits {
	case waitsNot:
		return committer.unsynced(function)
	case waitsAlways:
		return committer.synced(function)
	default:
		return committer.transaction(function)
	}
}

// slicesWith returns the rows of the tables that are written with a record.
func (committer *committer) slicesWith(row logRow, changes *state.Slice) []*state.Slice {
	if row.commit.Count == 0 {
		return nil
	}
	// The deferred commits keep pace together with this one.
	deferred := &committer.log.deferred
	return committer.materialiser.Choose(changes, committer.logEnd(), deferred.events, deferred.bytes+len(row.commit.Blob))
}

// write writes a record, and what the tables have of it.
func (committer *committer) write(transaction *sqlite.Transaction, next *sealed, row logRow, slices []*state.Slice) {
	if row.commit.Count > 0 {
		committer.log.deferred.insert(transaction, row)
	}
	committer.database.write(transaction, next)
	committer.tables.save(transaction, next.batch)
	committer.materialiser.Write(transaction, slices...)
}

// follow installs a record that another store has made of its batch. It returns ErrDamaged for
// a record that does not come next.
func (committer *committer) follow(record *changelog.Record) error {
	place, end := committer.end()
	if record.StoreID != committer.storeID || record.ID != place.id+1 || record.Previous != place.hash {
		return fmt.Errorf("%w: record %d of store %s does not follow record %d of store %s", changelog.ErrDamaged,
			record.ID, record.StoreID, place.id, committer.storeID)
	}
	batch := newBatch(committer.view, committer.tables, time.Unix(0, record.CommittedAt).UTC())
	if err := batch.take(record); err != nil {
		return err
	}
	next := &sealed{
		batch: batch, at: committer.clock.At(record.CommittedAt), began: time.Now(), record: *record, place: place, end: end,
		changes: &changelog.Changes{Blob: record.Changes, Count: len(batch.events), Namespaces: batch.sections},
	}
	next.goOn()
	return committer.install(next)
}

// take applies a record to a batch.
func (batch *batch) take(record *changelog.Record) (err error) {
	if len(record.Changes) > 0 {
		err = changelog.ReadChanges(record.Changes, batch.timestamp, func(namespace changelog.NamespaceChanges) func(*Event) bool {
			batch.sections = append(batch.sections, &namespace)
			return func(event *Event) bool {
				batch.events = append(batch.events, *event)
				return true
			}
		})
	}
	if err == nil {
		err = batch.replay(batch.events)
	}
	if err == nil {
		err = batch.tables.read(batch, record.Sections)
	}
	return err
}
