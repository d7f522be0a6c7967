// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// transaction runs function between BEGIN and COMMIT, after the deferred part of the log. An
// error other than ErrOutcomeUnknown means that nothing was changed. After ErrOutcomeUnknown
// nothing is written any more, whatever the transaction was for.
func (committer *committer) transaction(function func(transaction *sqlite.Transaction)) error {
	if err := errors.Join(committer.stopped(), committer.endReading()); err != nil {
		return err
	}
	if err := committer.begin.Execute(); err != nil {
		return err
	}
	transaction := &sqlite.Transaction{}
	committer.log.WriteDeferred(transaction)
	function(transaction)
	err := transaction.Err()
	if err != nil {
		undoErr := committer.undo()
		if undoErr != nil {
			// The transaction may still be open, and the next statement would be part of it.
			committer.stopWriting(undoErr)
		}
		return errors.Join(err, undoErr)
	}
	committing := time.Now()
	err = committer.commit.Execute()
	if err == nil {
		committer.figures.committed(committing, committer.syncs)
		committer.log.DeferredWritten()
		committer.checkpoints.written += pagesPerTransaction * sqlite.PageBytes
		return nil
	}
	if undoErr := committer.undo(); undoErr != nil || !sqlite.RefusedBeforeCommit(err) {
		err = fmt.Errorf("%w: commit: %w", kv.ErrOutcomeUnknown, errors.Join(err, undoErr))
		committer.stopWriting(err)
	}
	return err
}

// unsynced is transaction for rows that the log can make again. It does not wait for the disk.
// The fsync of the next commit covers it, and work lost in a crash is done again.
func (committer *committer) unsynced(function func(transaction *sqlite.Transaction)) error {
	return committer.synchronous(sqlite.SynchronousNormal, function)
}

// synced is transaction for rows that belong to files beside the database. They are on disk
// when synced returns, whatever the durability of the store.
func (committer *committer) synced(function func(transaction *sqlite.Transaction)) error {
	return committer.synchronous(sqlite.SynchronousFull, function)
}

func (committer *committer) synchronous(level sqlite.Synchronous, function func(transaction *sqlite.Transaction)) error {
	if err := committer.endReading(); err != nil {
		return err
	}
	if err := committer.session.Run(`PRAGMA synchronous = ` + string(level)); err != nil {
		return err
	}
	syncs := committer.syncs
	committer.syncs = level == sqlite.SynchronousFull
	err := committer.transaction(function)
	committer.syncs = syncs
	if levelErr := committer.session.Run(`PRAGMA synchronous = ` + string(synchronousOf(committer.config.Durability))); levelErr != nil {
		committer.stopWriting(levelErr)
		return errors.Join(err, levelErr)
	}
	return err
}

// beginReading has the statements that follow, up to endReading, read under one lock of the
// database: each by itself would take one and give it back. If it fails they do so.
func (committer *committer) beginReading() {
	committer.reading = committer.reading || committer.beginRead.Execute() == nil
}

func (committer *committer) endReading() error {
	if !committer.reading {
		return nil
	}
	committer.reading = false
	if err := committer.endRead.Execute(); err != nil {
		return errors.Join(err, committer.undo())
	}
	return nil
}

// undo rolls back. If SQLite has already done so, ROLLBACK says that there is no transaction,
// which is fine.
func (committer *committer) undo() error {
	if err := committer.rollback.Execute(); sqlite.Code(err) != sqlitelib.SQLITE_ERROR {
		return err
	}
	return nil
}

// stopped returns why nothing is written any more, or nil. The error does not wrap the error
// that stopped the writing, because the outcome of later writes is known.
func (engine *engine) stopped() error {
	if broken := engine.broken.Load(); broken != nil {
		return fmt.Errorf("%w: writes have stopped until the store is opened again: %s", kv.ErrUnavailable, (*broken).Error())
	}
	return nil
}

func (committer *committer) stopWriting(err error) {
	committer.broken.Store(&err)
	committer.config.Logger.Error("the disk failed: writes have stopped, reads go on; restart to check the store", slog.Any("error", err))
}

// writeFailure says whether a transaction that changed nothing may be tried again later.
func writeFailure(err error) error {
	code := sqlite.Code(err)
	switch {
	case code == sqlitelib.SQLITE_FULL:
		return fmt.Errorf("%w: disk is full: %w", kv.ErrUnavailable, err)
	case sqlite.RefusedWrite(err):
		return fmt.Errorf("%w: disk takes no more, as over a quota or a limit of file sizes: %w", kv.ErrUnavailable, err)
	case code == sqlitelib.SQLITE_READONLY:
		return fmt.Errorf("%w: database is read-only: %w", kv.ErrUnavailable, err)
	case code == sqlitelib.SQLITE_BUSY:
		return fmt.Errorf("%w: another process holds the database: %w", kv.ErrUnavailable, err)
	default:
		return err
	}
}
