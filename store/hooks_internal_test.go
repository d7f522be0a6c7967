// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	sqlitedriver "modernc.org/sqlite"

	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// What stands in this file is all that the tests of package store_test know of the
// inside of a store: that a committer takes turns, has one connection, and keeps
// house; that the newest part of the log is in memory; and what a row of the log says.

// connections are those that the driver has opened, by their data source names.
var connections sync.Map

func init() {
	sqlitedriver.RegisterConnectionHook(func(connection sqlitedriver.ExecQuerierContext, dataSourceName string) error {
		connections.Store(dataSourceName, connection)
		return nil
	})
}

func connectionOf(store *Store) sqlitedriver.ExecQuerierContext {
	connection, _ := connections.Load(sqlite.DataSourceName(store.config.DatabasePath, synchronousOf(store.config.Durability)))
	opened, _ := connection.(sqlitedriver.ExecQuerierContext)
	return opened
}

// OnCommitter runs function in the committer's goroutine, between two batches.
func OnCommitter(store *Store, function func() error) error {
	_, err := ask(store, func(committer *engine.Committer) (struct{}, error) { return struct{}{}, function() })
	return err
}

// onCommitter is OnCommitter for a function that uses the committer.
func onCommitter(store *Store, function func(committer *engine.Committer) error) error {
	_, err := ask(store, func(committer *engine.Committer) (struct{}, error) { return struct{}{}, function(committer) })
	return err
}

// heldCommitters are the committers of stores that Hold has stopped.
var heldCommitters sync.Map

// Hold stops the committer until release is called: what is submitted in between
// becomes one batch.
func Hold(store *Store) (release func()) {
	held, released := make(chan struct{}), make(chan struct{})
	submitRead(store, func(committer *engine.Committer) {
		heldCommitters.Store(store, committer)
		defer heldCommitters.Delete(store)
		close(held)
		<-released
	}, func(error) { close(held) })
	<-held
	return func() { close(released) }
}

// WaitForWrite returns when a write waits for the committer, which is held.
func WaitForWrite(store *Store) { WaitForWrites(store, 1) }

// WaitForWrites returns when so many writes wait for the committer, which is held.
func WaitForWrites(store *Store, writes int) {
	store.engine.Inside().AwaitWrites(writes)
}

// Closing reports whether Close has begun.
func Closing(store *Store) bool { return store.closing.Load() }

// RefusesWrites reports whether Close has come to refuse writes.
func RefusesWrites(store *Store) bool { return store.engine.Inside().RefusesWrites() }

// KeepHouse does now what the committer does every second, and returns after the
// first slice of trimming that follows from it.
func KeepHouse(store *Store) error {
	err := onCommitter(store, func(committer *engine.Committer) error {
		committer.Inside().KeepHouse()
		return nil
	})
	if err != nil {
		return err
	}
	return onCommitter(store, func(committer *engine.Committer) error { return nil })
}

// Settle does now what the committer does when it is left alone: what is due
// expires, the tables are brought up to the log, and the log is trimmed.
func Settle(store *Store) error {
	return onCommitter(store, func(committer *engine.Committer) error {
		committer.Inside().Settle()
		return nil
	})
}

// BeginNewest has the next commit go into a file of newest commits.
func BeginNewest(store *Store) error {
	return onCommitter(store, func(committer *engine.Committer) error {
		committer.Inside().BeginNewest()
		return nil
	})
}

// BreakNewest has the file of newest commits fail from now on, as its disk would.
func BreakNewest(store *Store) error {
	return onCommitter(store, func(committer *engine.Committer) error { return committer.Inside().BreakNewest() })
}

// Execute runs a statement on the connection of a store that has a database file.
func Execute(store *Store, statement string) error {
	return OnCommitter(store, func() error {
		_, err := connectionOf(store).ExecContext(context.Background(), statement, nil)
		return err
	})
}

// LeaveRoom lets the database of a store grow by so many pages and no more, as on a
// disk that is full; a negative number lifts that.
func LeaveRoom(store *Store, pages int) error {
	if pages < 0 {
		return Execute(store, "PRAGMA max_page_count = 1000000000")
	}
	var size int64
	err := OnCommitter(store, func() error {
		rows, err := connectionOf(store).QueryContext(context.Background(), "PRAGMA page_count", nil)
		if err != nil {
			return err
		}
		row := make(sqlite.Row, 1)
		err = rows.Next(row)
		size = row.Signed(0)
		return errors.Join(err, rows.Close())
	})
	if err != nil {
		return err
	}
	return Execute(store, fmt.Sprintf("PRAGMA max_page_count = %d", size+int64(pages)))
}

// OnCommit has function carry out each COMMIT of a store from now on, or fail to;
// it is given the real one.
func OnCommit(store *Store, function func(commit func() error) error) error {
	return onCommitter(store, func(committer *engine.Committer) error {
		replaced := &replacedCommit{function: function}
		replaced.StmtExecContext = committer.Inside().ReplaceCommit(replaced)
		if before, ok := replaced.StmtExecContext.(*replacedCommit); ok {
			replaced.StmtExecContext = before.StmtExecContext
		}
		return nil
	})
}

// errHeld is the failure of a statement that a test holds.
var errHeld = errors.New("a test holds this statement")

// HeldRemovals is a store that cannot remove the rows of deleted groups.
type HeldRemovals struct {
	store   *Store
	release func()
}

// HoldRemovals keeps a store from removing the rows of deleted groups, until Release
// is called or the store is closed.
func HoldRemovals(store *Store) (*HeldRemovals, error) {
	held := &HeldRemovals{store: store}
	return held, onCommitter(store, func(committer *engine.Committer) error {
		held.release = committer.Inside().HoldDeletions()
		return nil
	})
}

// Release lets the rows be removed, and returns when they are.
func (held *HeldRemovals) Release() error {
	return onCommitter(held.store, func(committer *engine.Committer) error {
		held.release()
		for committer.Inside().Attend(choreDeletions) {
		}
		return nil
	})
}

// CarryOut removes so many slices of rows, if there are as many, and calls each
// after every one.
func (held *HeldRemovals) CarryOut(slices int, each func() error) error {
	return onCommitter(held.store, func(committer *engine.Committer) (err error) {
		held.release()
		for more := true; more && err == nil && slices > 0; slices-- {
			more = committer.Inside().Attend(choreDeletions)
			err = each()
		}
		held.release = committer.Inside().HoldDeletions()
		return err
	})
}

// The chores of the engine that tests begin by hand.
const (
	choreAnswers   = "answers"
	choreDeletions = "deletions"
)

type failingStatement struct{}

func (failingStatement) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	return nil, errHeld
}

// FailExpiries has a store that is held fail to expire anything, until restore is called.
func FailExpiries(store *Store) (restore func() error) {
	held, _ := heldCommitters.Load(store)
	committer, _ := held.(*engine.Committer)
	log := committer.Inside().Log()
	original := log.ReplaceInsert(failingStatement{})
	return func() error {
		return OnCommitter(store, func() error {
			log.ReplaceInsert(original)
			return nil
		})
	}
}

// DeleteTooManyGroups returns what becomes of deleting more groups than may be
// deleted at once.
func DeleteTooManyGroups(store *Store, prefix string) error {
	return onCommitter(store, func(committer *engine.Committer) error {
		full := batch.New(committer.View(), committer.Tables(), committer.Now())
		events := make([]Event, MaxGroupsPerDelete)
		for index := range events {
			events[index] = Event{Type: EventSet, Created: true, Group: fmt.Sprint(prefix, index), Key: "key", Revision: uint64(index + 1)}
			changelog.SetCounters(&events[index], 0, 0)
		}
		err := full.Replay(events)
		if err == nil {
			_, err = DeletePrefixCommand{Prefix: prefix}.Apply(full, batch.Origin{})
		}
		return errors.Join(err, batchError(full))
	})
}

// batchError tells of a batch that was changed.
func batchError(batch *batch.Batch) error {
	if len(batch.Events()) > 0 {
		return fmt.Errorf("the batch has %d events", len(batch.Events()))
	}
	return nil
}

// Deletions returns how many deleted groups have rows that are to be removed.
func Deletions(store *Store) (count int, err error) {
	err = onCommitter(store, func(committer *engine.Committer) error {
		count = committer.View().DeletionsWaiting()
		return nil
	})
	return count, err
}

// replacedCommit is a COMMIT that a test has got hold of.
type replacedCommit struct {
	driver.StmtExecContext
	function func(commit func() error) error
}

func (replaced *replacedCommit) ExecContext(ctx context.Context, arguments []driver.NamedValue) (driver.Result, error) {
	return nil, replaced.function(func() error {
		_, err := replaced.StmtExecContext.ExecContext(ctx, arguments)
		return err
	})
}

// Evict makes the store forget all but the newest commit of what it holds in memory of the log.
func Evict(store *Store) {
	store.followers.Keep(0)
	store.followers.Keep(follow.Bytes)
}

// WaitingReaders returns how many readers wait for a change.
func WaitingReaders(store *Store) int {
	return store.followers.Waiting()
}

// DecodeLog returns the changes of a row of the log.
func DecodeLog(blob []byte) ([]Event, error) {
	commit, err := changelog.DecodeCommit(changelog.Position{}, time.Time{}, blob)
	return commit.Events, err
}

// RememberedAnswers returns how many answers the database and the memory of a store hold.
func RememberedAnswers(store *Store) (rows, known int, err error) {
	err = onCommitter(store, func(committer *engine.Committer) error {
		session := committer.Inside().Session()
		count := session.Prepare("SELECT count(*) FROM retries")
		stored, _, err := count.Integer()
		rows = int(stored)
		known = committer.Tables().Answers().Known()
		return errors.Join(session.Err, err)
	})
	return rows, known, err
}

// ClearRetries forgets what is too old to be repeated, and returns how many
// transactions that takes.
func ClearRetries(store *Store) (slices int, err error) {
	err = onCommitter(store, func(committer *engine.Committer) error {
		committer.Tables().Answers().Forget(committer.Now())
		slices = 1
		for committer.Inside().Attend(choreAnswers) {
			slices++
		}
		return nil
	})
	return slices, err
}

// How the tables are asked for what is due in the whole store and in one realm.
const (
	DueQuery        = state.SelectDue
	DueOfRealmQuery = state.SelectDueOfRealm
	NextRealmQuery  = state.SelectNextRealm
)

// FailCompactions has function called at each step of Compact.
func FailCompactions(store *Store, function func(step string)) error {
	return onCommitter(store, func(committer *engine.Committer) error {
		store.journal.Failpoint = function
		return nil
	})
}

// BoundArchives sets how many times an archive may leave something out, how many bytes
// each of its bytes stands for, and how many there are in any case.
func BoundArchives(store *Store, spans int, ratio, bytes int64) {
	store.compactor.Bounds = archivefile.Bounds{Spans: spans, Ratio: ratio, Bytes: bytes}
}

// VerifyArchiveWithin verifies an archive of which each byte stands for so many at most,
// where that is more than bytes.
func VerifyArchiveWithin(path string, ratio, bytes int64) error {
	format := archivefile.Zstd
	if strings.HasSuffix(path, ".gz") {
		format = archivefile.Gzip
	}
	_, err := archivefile.Verify(path, format, archivefile.Bounds{Ratio: ratio, Bytes: bytes}, func() error { return nil })
	return err
}

// JournalRowCount returns how many rows the journal's table has, those to be removed included.
func JournalRowCount(store *Store) (rows int64, err error) {
	err = onCommitter(store, func(committer *engine.Committer) error {
		session := committer.Inside().Session()
		count := session.Prepare("SELECT count(*) FROM journal_entries")
		rows, _, err = count.Integer()
		return errors.Join(session.Err, err)
	})
	return rows, err
}

// BoundJournalQueries sets how long a query of the journal may run, and how many bytes it
// may hold.
func BoundJournalQueries(store *Store, duration time.Duration, bytes int) {
	store.journalQueries.Time, store.journalQueries.Bytes = duration, bytes
}

// BoundJournalQueryWait sets how long a query of the journal waits for its turn.
func BoundJournalQueryWait(store *Store, duration time.Duration) {
	store.journalQueries.Turns = newNamespaceLimiter(journalQueriesAtOnce, duration, store.stopped)
}

// SubmitPurge is ScopedStore.PurgeExpired for a caller that does not wait.
func SubmitPurge(scoped *ScopedStore, done func(expired int64, err error)) {
	scoped.store.submitPurge(kv.Realm{Name: scoped.namespace}, done)
}

// PurgesUnderway returns how many purges count expiries.
func PurgesUnderway(store *Store) int {
	return store.engine.Inside().PurgesUnderway()
}

// HoldJournalQueries keeps queries of the journal from beginning until release is called.
func HoldJournalQueries(store *Store) (release func()) {
	first, firstErr := store.journalQueries.Turns.Enter("first")
	second, secondErr := store.journalQueries.Turns.Enter("second")
	if err := errors.Join(firstErr, secondErr); err != nil {
		panic(err)
	}
	return func() {
		first()
		second()
	}
}

// JournalSlices returns the ids of the entries that a query of the journal reads, as it
// is given them turn by turn.
func JournalSlices(store *Store, namespace, measurement string, descending bool) (slices [][]int64, err error) {
	scan := journal.Scan{Namespace: namespace, Measurement: measurement, High: math.MaxInt64, Descending: descending}
	for more := true; more && err == nil; {
		err = onCommitter(store, func(committer *engine.Committer) error {
			slice, err := journal.Of(committer.Tables()).Slice(scan)
			ids := []int64{}
			for index := range slice.Rows {
				ids = append(ids, slice.Rows[index].EntryID())
			}
			slices = append(slices, ids)
			more, scan = slice.More, slice.Rest
			return err
		})
	}
	return slices, err
}

// How the journal is read by queries.
const (
	JournalScanAll          = journal.SelectScan
	JournalScanOfANamespace = journal.SelectScanOfNamespace
)

// MeasuresMemory tells whether a query is stopped for the memory that it takes.
func MeasuresMemory() bool {
	_, measured := sqlite.ResidentBytes()
	return measured
}

// RecordsAfter returns all records behind an id.
func RecordsAfter(store *Store, id uint64) (records []changelog.Record, err error) {
	for {
		var some []changelog.Record
		err := onCommitter(store, func(committer *engine.Committer) (err error) {
			some, err = committer.Inside().Log().After(id)
			return err
		})
		if err != nil || len(some) == 0 {
			return records, err
		}
		records, id = append(records, some...), some[len(some)-1].ID
	}
}

// Follow installs a record of another store.
func Follow(store *Store, record changelog.Record) error {
	return onCommitter(store, func(committer *engine.Committer) error { return committer.Inside().Follow(&record) })
}

// OverLog puts a log before the one in the database.
func OverLog(config StoreConfig, over func(database changelog.Log) changelog.Log) StoreConfig {
	config.overLog = over
	return config
}

// RemoveArchived removes the rows that are in an archive.
func RemoveArchived(store *Store) error {
	return onCommitter(store, func(committer *engine.Committer) error {
		for committer.Inside().Attend(choreArchives) {
		}
		return nil
	})
}

// RemoveSections removes a slice of the oldest sections, whatever their number.
func RemoveSections(store *Store) error {
	return onCommitter(store, func(committer *engine.Committer) error {
		committer.Inside().RemoveSections()
		return nil
	})
}
