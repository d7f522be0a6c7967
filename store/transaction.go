// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// transactions runs the transactions of the connection. It belongs to the owner of the
// committer.
type transactions struct {
	engine  *engine
	session *sqlite.Session
	// begun writes what comes first in every transaction, and committed is told of its end.
	begun     func(transaction *sqlite.Transaction)
	committed func()

	begin, beginRead, endRead, commit, rollback sqlite.Control
	// syncs tells that a COMMIT syncs the log of SQLite, and reading that the database is locked
	// for reading.
	syncs, reading bool
}

func newTransactions(engine *engine, session *sqlite.Session) *transactions {
	return &transactions{
		engine: engine, session: session, syncs: engine.config.Durability == DurabilityFull,
		begin:     session.PrepareControl(`BEGIN IMMEDIATE`),
		beginRead: session.PrepareControl(`BEGIN`),
		endRead:   session.PrepareControl(`COMMIT`),
		commit:    session.PrepareControl(`COMMIT`),
		rollback:  session.PrepareControl(`ROLLBACK`),
	}
}

// transaction runs function between BEGIN and COMMIT, after the deferred part of the log. An
// error other than ErrOutcomeUnknown means that nothing was changed. After ErrOutcomeUnknown
// nothing is written any more, whatever the transaction was for.
func (transactions *transactions) transaction(function func(transaction *sqlite.Transaction)) error {
	if err := errors.Join(transactions.engine.stopped(), transactions.endReading()); err != nil {
		return err
	}
	if err := transactions.begin.Execute(); err != nil {
		return err
	}
	transaction := &sqlite.Transaction{}
	transactions.begun(transaction)
	function(transaction)
	err := transaction.Err()
	if err != nil {
		undoErr := transactions.undo()
		if undoErr != nil {
			// The transaction may still be open, and the next statement would be part of it.
			transactions.stopWriting(undoErr)
		}
		return errors.Join(err, undoErr)
	}
	committing := time.Now()
	err = transactions.commit.Execute()
	if err == nil {
		transactions.engine.figures.committed(committing, transactions.syncs)
		transactions.committed()
		return nil
	}
	if undoErr := transactions.undo(); undoErr != nil || !sqlite.RefusedBeforeCommit(err) {
		err = fmt.Errorf("%w: commit: %w", failure.ErrOutcomeUnknown, errors.Join(err, undoErr))
		transactions.stopWriting(err)
	}
	return err
}

// unsynced is transaction for rows that the log can make again. It does not wait for the disk.
// The fsync of the next commit covers it, and work lost in a crash is done again.
func (transactions *transactions) unsynced(function func(transaction *sqlite.Transaction)) error {
	return transactions.synchronous(sqlite.SynchronousNormal, function)
}

// synced is transaction for rows that belong to files beside the database. They are on disk
// when synced returns, whatever the durability of the store.
func (transactions *transactions) synced(function func(transaction *sqlite.Transaction)) error {
	return transactions.synchronous(sqlite.SynchronousFull, function)
}

func (transactions *transactions) synchronous(level sqlite.Synchronous, function func(transaction *sqlite.Transaction)) error {
	if err := transactions.endReading(); err != nil {
		return err
	}
	if err := transactions.session.Run(`PRAGMA synchronous = ` + string(level)); err != nil {
		return err
	}
	syncs := transactions.syncs
	transactions.syncs = level == sqlite.SynchronousFull
	err := transactions.transaction(function)
	transactions.syncs = syncs
	if levelErr := transactions.session.Run(`PRAGMA synchronous = ` + string(synchronousOf(transactions.engine.config.Durability))); levelErr != nil {
		transactions.stopWriting(levelErr)
		return errors.Join(err, levelErr)
	}
	return err
}

// beginReading has the statements that follow, up to endReading, read under one lock of the
// database: each by itself would take one and give it back. If it fails they do so.
func (transactions *transactions) beginReading() {
	transactions.reading = transactions.reading || transactions.beginRead.Execute() == nil
}

func (transactions *transactions) endReading() error {
	if !transactions.reading {
		return nil
	}
	transactions.reading = false
	if err := transactions.endRead.Execute(); err != nil {
		return errors.Join(err, transactions.undo())
	}
	return nil
}

// undo rolls back. If SQLite has already done so, ROLLBACK says that there is no transaction,
// which is fine.
func (transactions *transactions) undo() error {
	if err := transactions.rollback.Execute(); sqlite.Code(err) != sqlitelib.SQLITE_ERROR {
		return err
	}
	return nil
}

func (transactions *transactions) stopWriting(err error) {
	transactions.engine.broken.Store(&err)
	transactions.engine.config.Logger.Error("the disk failed: writes have stopped, reads go on; restart to check the store", slog.Any("error", err))
}

// stopped returns why nothing is written any more, or nil. The error does not wrap the error
// that stopped the writing, because the outcome of later writes is known.
func (engine *engine) stopped() error {
	if broken := engine.broken.Load(); broken != nil {
		return fmt.Errorf("%w: writes have stopped until the store is opened again: %s", failure.ErrUnavailable, (*broken).Error())
	}
	return nil
}
