// SPDX-License-Identifier: EUPL-1.2

package disk

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/internal/histogram"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Config is the surroundings of a disk.
type Config struct {
	// Path is the path of the database, empty for one in memory.
	Path string
	// Synchronous is how a commit waits for the disk.
	Synchronous sqlite.Synchronous
	Logger      *slog.Logger
	// Fault is told when the store stops writing.
	Fault *Fault
	// Scarcity is told when the reserve is given up, and when it is taken back.
	Scarcity *Scarcity
	// Places are where the files of the database are.
	Places sqlite.Places
	// Syncs has the times of COMMIT alone, if it waits for the disk.
	Syncs *histogram.Histogram
}

// Disk runs the transactions of the connection.
type Disk struct {
	config  Config
	session *sqlite.Session
	// begun writes the beginning of every transaction, and committed is told of its end.
	begun     func(transaction *sqlite.Transaction)
	committed func()
	// synced is told that a checkpoint has brought everything that is committed to the disk.
	synced func()

	begin, beginRead, endRead, commit, rollback sqlite.Control
	// syncs tells that a COMMIT syncs the log of SQLite, and reading that the database is locked
	// for reading.
	syncs, reading bool

	foreign
	checkpoints
	troubles
	reserve reserve
}

// New prepares the statements of a disk. From then on no statement waits for another process.
func New(session *sqlite.Session, config Config) *Disk {
	session.Err = errors.Join(session.Err, session.Run(`PRAGMA busy_timeout = 0`))
	return &Disk{
		config: config, session: session, syncs: config.Synchronous == sqlite.SynchronousFull,
		begun: func(*sqlite.Transaction) {}, committed: func() {}, synced: func() {},
		begin:       session.PrepareControl(`BEGIN IMMEDIATE`),
		beginRead:   session.PrepareControl(`BEGIN`),
		endRead:     session.PrepareControl(`COMMIT`),
		commit:      session.PrepareControl(`COMMIT`),
		rollback:    session.PrepareControl(`ROLLBACK`),
		checkpoints: newCheckpoints(session),
		troubles:    newTroubles(session),
		reserve:     newReserve(config.Path),
	}
}

// Around has each transaction begin with begun, and committed called after each COMMIT.
func (disk *Disk) Around(begun func(transaction *sqlite.Transaction), committed func()) {
	disk.begun, disk.committed = begun, committed
}

// OnSynced has synced called after each checkpoint that has brought everything that is committed to
// the disk.
func (disk *Disk) OnSynced(synced func()) { disk.synced = synced }

// Session returns the session of the connection.
func (disk *Disk) Session() *sqlite.Session { return disk.session }

// Transaction runs function between BEGIN and COMMIT, after the deferred part of the log. An
// error other than ErrOutcomeUnknown means that nothing was changed. After ErrOutcomeUnknown
// nothing is written any more.
func (disk *Disk) Transaction(function func(transaction *sqlite.Transaction)) error {
	if err := disk.config.Fault.Stopped(); err != nil {
		return err
	}
	return disk.transaction(function)
}

func (disk *Disk) transaction(function func(transaction *sqlite.Transaction)) error {
	if err := disk.endReading(); err != nil {
		return err
	}
	err := disk.begin.Execute()
	disk.met(err)
	if err != nil {
		return err
	}
	transaction := &sqlite.Transaction{}
	disk.begun(transaction)
	function(transaction)
	err = transaction.Err()
	if err != nil {
		undoErr := disk.undo()
		if undoErr != nil {
			// The transaction may still be open, and the next statement would be part of it.
			disk.StopWriting(undoErr)
		}
		return errors.Join(err, undoErr)
	}
	committing := time.Now()
	err = disk.commit.Execute()
	if err == nil {
		if disk.syncs {
			disk.config.Syncs.Record(int64(time.Since(committing)))
		}
		disk.written += pagesPerTransaction * sqlite.PageBytes
		disk.committed()
		return nil
	}
	if undoErr := disk.undo(); undoErr != nil || !sqlite.RefusedBeforeCommit(err) {
		err = fmt.Errorf("%w: commit: %w", failure.ErrOutcomeUnknown, errors.Join(err, undoErr))
		disk.StopWriting(err)
	}
	return err
}

// Unsynced is Transaction for rows that the log can make again. It does not wait for the disk.
// The fsync of the next commit covers it, and work lost in a crash is done again.
func (disk *Disk) Unsynced(function func(transaction *sqlite.Transaction)) error {
	if err := disk.config.Fault.Stopped(); err != nil {
		return err
	}
	return disk.synchronous(sqlite.SynchronousNormal, function)
}

// Flush writes the deferred part of the log. It is on disk in a file, and so it is written even if the
// store has stopped writing: the file keeps it until a transaction has waited for the disk.
func (disk *Disk) Flush() error {
	return disk.synchronous(sqlite.SynchronousNormal, func(*sqlite.Transaction) {})
}

// Synced is Transaction for rows that belong to files beside the database. They are on disk
// when Synced returns, even if the store is less durable.
func (disk *Disk) Synced(function func(transaction *sqlite.Transaction)) error {
	if disk.config.Synchronous == sqlite.SynchronousFull {
		return disk.Transaction(function)
	}
	if err := disk.config.Fault.Stopped(); err != nil {
		return err
	}
	return disk.synchronous(sqlite.SynchronousFull, function)
}

func (disk *Disk) synchronous(level sqlite.Synchronous, function func(transaction *sqlite.Transaction)) error {
	if err := disk.endReading(); err != nil {
		return err
	}
	if err := disk.session.Run(`PRAGMA synchronous = ` + string(level)); err != nil {
		return err
	}
	syncs := disk.syncs
	disk.syncs = level == sqlite.SynchronousFull
	err := disk.transaction(function)
	disk.syncs = syncs
	if levelErr := disk.session.Run(`PRAGMA synchronous = ` + string(disk.config.Synchronous)); levelErr != nil {
		disk.StopWriting(levelErr)
		return errors.Join(err, levelErr)
	}
	return err
}

// BeginReading has the statements that follow, up to DoneReading or a transaction, read under one
// lock of the database. Each by itself would take one and give it back. If BeginReading fails, they
// do so.
func (disk *Disk) BeginReading() {
	disk.reading = disk.reading || disk.beginRead.Execute() == nil
}

// DoneReading gives the lock back.
func (disk *Disk) DoneReading() { disk.Tried(workReading, disk.endReading()) }

func (disk *Disk) endReading() error {
	if !disk.reading {
		return nil
	}
	disk.reading = false
	if err := disk.endRead.Execute(); err != nil {
		return errors.Join(err, disk.undo())
	}
	return nil
}

// undo rolls back. If SQLite has already done so, ROLLBACK says that there is no transaction,
// which is fine.
func (disk *Disk) undo() error {
	if err := disk.rollback.Execute(); sqlite.Code(err) != sqlitelib.SQLITE_ERROR {
		return err
	}
	return nil
}

// Writes reports whether the store still writes.
func (disk *Disk) Writes() bool { return disk.config.Fault.Writes() }

// StopWriting ends all writing, because the state of the disk is unknown.
func (disk *Disk) StopWriting(err error) {
	disk.config.Fault.stop(err)
	disk.config.Logger.Error("the disk failed: writes have stopped, reads go on; restart to check the store", slog.Any("error", err))
}

// ReplaceCommit has another executor run COMMIT, and returns the one before. It is for tests of
// faults.
func (disk *Disk) ReplaceCommit(executor driver.StmtExecContext) (before driver.StmtExecContext) {
	return disk.commit.Replace(executor)
}
