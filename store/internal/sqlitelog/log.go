// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"database/sql/driver"
	"errors"
	"log/slog"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Config is the surroundings of a log.
type Config struct {
	// Logger receives a line for each damaged place of the log.
	Logger *slog.Logger
	// Flush commits the deferred commits, in a transaction of its own.
	Flush func() error
	// Unsynced runs a function in a transaction that does not wait for the disk.
	Unsynced func(function func(transaction *sqlite.Transaction)) error
}

// Log is the log in the database. It is the log of a store that is alone.
type Log struct {
	changes *changeLog
	records *recordLog
}

var _ changelog.Log = (*Log)(nil)

// New prepares the statements of a log. Load comes next.
func New(session *sqlite.Session, config Config) *Log {
	changes := newChangeLog(session, config)
	return &Log{changes: changes, records: newRecordLog(session, changes, config.Unsynced)}
}

// Of calls use with the log of a database that no store has, to read it.
func Of(database *sqlite.Database, storeID string, use func(log *Log) error) error {
	return OfSession(database, storeID, func(_ *sqlite.Session, log *Log) error { return use(log) })
}

// OfSession is Of for a caller that also writes.
func OfSession(database *sqlite.Database, storeID string, use func(session *sqlite.Session, log *Log) error) error {
	return database.Use(func(session *sqlite.Session) error {
		log := New(session, Config{Logger: slog.New(slog.DiscardHandler), Flush: func() error { return nil }})
		err := session.Err
		if err == nil {
			err = log.Load(storeID)
		}
		if err == nil {
			err = use(session, log)
		}
		return errors.Join(err, session.Close())
	})
}

// Load reads where the log of a store begins and ends.
func (log *Log) Load(storeID string) error {
	if err := log.changes.load(); err != nil {
		return err
	}
	return log.records.load(storeID)
}

// Entry is a record on its way into the database. Place and End are the ends of the records and of
// the changes with it.
type Entry struct {
	Record  changelog.Record
	Changes *changelog.Changes
	Place   Place
	End     changelog.Position
}

func (entry *Entry) committedAt() time.Time { return time.Unix(0, entry.Record.CommittedAt).UTC() }

// Append lets the record go on to its installation, which writes it.
func (*Log) Append(_ *changelog.Record, acknowledged func(error)) { acknowledged(nil) }

// After returns whole records, and checks their chain.
func (log *Log) After(id uint64) ([]changelog.Record, error) { return log.records.after(id) }

// Trim removes the sections of records. Their changes stay for the readers of changes, as long
// as the retention says.
func (log *Log) Trim(through uint64) error { return log.records.trim(through) }

// End is the newest record of the database.
func (log *Log) End() (id uint64, hash changelog.Hash) {
	return log.records.end.ID, log.records.end.Hash
}

// Close does nothing: the database belongs to the store.
func (*Log) Close() error { return nil }

// Write writes an entry in the transaction of the caller.
func (log *Log) Write(transaction *sqlite.Transaction, entry *Entry) {
	if entry.Changes.Count > 0 {
		log.changes.deferred.insert(transaction, log.changes.rowOf(entry))
	}
	log.records.write(transaction, entry)
}

// Written records that an entry is committed, or deferred.
func (log *Log) Written(entry *Entry) {
	log.records.written(entry)
	if entry.Changes.Count > 0 {
		log.changes.written(entry)
	}
}

// Defer keeps an entry in memory, to be written later with others. It returns false if it must be
// written now: enough is deferred, or the entry has no changes.
func (log *Log) Defer(entry *Entry) bool {
	defers := entry.Changes.Count > 0 && log.changes.deferred.takes()
	if defers {
		log.Hold(entry)
	}
	return defers
}

// Hold keeps an entry with changes in memory, however many are deferred.
func (log *Log) Hold(entry *Entry) { log.changes.deferred.put(log.changes.rowOf(entry)) }

// OldestDeferred returns the first revision of a namespace in the deferred part.
func (log *Log) OldestDeferred(namespace string) (revision uint64, found bool) {
	return log.changes.deferred.oldest(namespace)
}

// HoldsMany reports whether so much is deferred that nothing more should be.
func (log *Log) HoldsMany() bool { return log.changes.deferred.bytes >= bytesHeld }

// Deferred is the part of the log that is deferred. Bytes are those of the log.
type Deferred struct{ Commits, Changes, Bytes int }

// Deferred returns how much is deferred.
func (log *Log) Deferred() Deferred {
	deferred := &log.changes.deferred
	return Deferred{Commits: len(deferred.rows), Changes: deferred.events, Bytes: deferred.bytes}
}

// WriteDeferred writes the deferred entries in the transaction of the caller.
func (log *Log) WriteDeferred(transaction *sqlite.Transaction) {
	log.changes.deferred.write(transaction)
	log.records.writeDeferred(transaction, log.changes.deferred.rows)
}

// DeferredWritten records that the deferred entries are committed.
func (log *Log) DeferredWritten() { log.changes.deferred.written() }

// Place returns the place behind the newest record.
func (log *Log) Place() Place { return log.records.end }

// Start returns the id of the record behind which all records are whole.
func (log *Log) Start() uint64 { return log.records.start.ID }

// HashOf returns the hash of a record up to Place. It returns false for a record that the log no
// longer tells of.
func (log *Log) HashOf(id uint64) (hash changelog.Hash, known bool, err error) {
	return log.records.hashOf(id)
}

// Position returns the position behind the newest commit, which may be deferred.
func (log *Log) Position() changelog.Position { return log.changes.position() }

// FirstCommit returns the id of the oldest commit.
func (log *Log) FirstCommit() uint64 { return log.changes.firstID }

// StartedAt returns the commit time of the oldest commit.
func (log *Log) StartedAt() time.Time { return log.changes.startedAt }

// NewestAt returns the time of the newest record, in Unix nanoseconds.
func (log *Log) NewestAt() int64 {
	return max(log.changes.committedAt.UnixNano(), log.records.newest)
}

// Commits returns the commits after one, bounded by number and bytes.
func (log *Log) Commits(after uint64) ([]changelog.Commit, error) { return log.changes.after(after) }

// Changes gives the commits of a namespace behind a revision to take, bounded by number and bytes,
// while take wants more. An error of take is damage, which ends the reading and is logged.
func (log *Log) Changes(namespace string, after uint64, take func(blob []byte, committedAt time.Time) (more bool, err error)) error {
	return log.changes.changes(namespace, after, take)
}

// Hole returns a CompactedError for a reader behind a revision whose next changes the database has
// lost. The namespace ends at revision. The reader continues behind the hole, as behind trimmed
// changes.
func (log *Log) Hole(namespace string, after, revision uint64) error {
	return log.changes.hole(namespace, after, revision)
}

// OldestAfter returns when the oldest commit after one was committed, zero if there is none.
func (log *Log) OldestAfter(id uint64) (time.Time, error) { return log.changes.oldestAfter(id) }

// IsOver reports whether a bound of the retention is passed, and commits up to last may go. The age is
// as LookAtAge has found it.
func (log *Log) IsOver(retention Retention, last uint64) bool {
	return last >= log.FirstCommit() && log.changes.isOver(retention, last)
}

// LookAtAge finds out whether the log is older than the retention allows.
func (log *Log) LookAtAge(retention Retention, now time.Time) { log.changes.lookAtAge(retention, now) }

// Trimmable returns some of the changes that a bound no longer covers. The newest commit stays, and
// each commit behind last.
func (log *Log) Trimmable(retention Retention, now time.Time, last uint64) (Slice, error) {
	slice, err := log.changes.trimmable(retention, now, last)
	if err != nil || slice.IsEmpty() {
		return Slice{}, err
	}
	slice.records, err = log.records.trimmedWith(slice.last())
	return slice, err
}

// Remove removes a slice that is not empty in the transaction of the caller.
func (log *Log) Remove(transaction *sqlite.Transaction, slice *Slice) {
	log.records.remove(transaction, slice.records)
	log.changes.remove(transaction, slice)
}

// Removed records that a slice is removed.
func (log *Log) Removed(slice *Slice) error {
	log.records.removed(slice.records)
	return log.changes.removed(slice)
}

// LoadHoldings reads how much each namespace holds of the log, when the tables are up to the log.
// revisionOf returns the revision of a namespace.
func (log *Log) LoadHoldings(revisionOf func(namespace string) (uint64, error)) error {
	return log.changes.holdings.load(revisionOf)
}

// BoundBy has the changes of each namespace bounded by a number of bytes, which limit returns, 0 for no
// limit. The bound holds beside the retention.
func (log *Log) BoundBy(limit func(namespace string) int64) { log.changes.holdings.limit = limit }

// LookAtLimits finds out which namespaces have more than their limits, after a limit has changed.
func (log *Log) LookAtLimits() { log.changes.holdings.lookAtLimits() }

// HeldBy returns the size of the changes of a namespace.
func (log *Log) HeldBy(namespace string) (bytes uint64) {
	if held := log.changes.holdings.byNamespace[namespace]; held != nil {
		bytes = held.bytes
	}
	return bytes
}

// Reread reads again how much a namespace holds.
func (log *Log) Reread(namespace string, revisionOf func(namespace string) (uint64, error)) error {
	return log.changes.holdings.reload(namespace, revisionOf)
}

// SectionsAreMany reports whether old sections of records are to be removed.
func (log *Log) SectionsAreMany() bool { return log.records.sectionsAreMany() }

// OldestSections returns the last record of a slice of the oldest sections, for Trim.
func (log *Log) OldestSections() (through uint64, err error) { return log.records.oldestSections() }

// ReplaceInsert has another executor write commits one by one, and returns the one before. It is
// for tests of faults.
func (log *Log) ReplaceInsert(executor driver.StmtExecContext) (before driver.StmtExecContext) {
	return log.changes.deferred.insertCommit.Replace(executor)
}
