// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"log/slog"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// checkpointBytes is how much is written to the write-ahead log between two
	// checkpoints while the store is busy: about a thousand pages.
	checkpointBytes = 1000 * sqlite.PageBytes
	// pagesPerTransaction is the number of pages that the smallest transaction writes.
	pagesPerTransaction = 3
)

// checkpoints bring committed pages from the write-ahead log into the database file. SQLite
// would do so itself within a COMMIT, and would not report a failure of the disk. Unsynced
// pages would then be taken for safe.
type checkpoints struct {
	*transactions
	*troubles
	// written estimates the bytes in the write-ahead log since the last checkpoint.
	written int

	// passive takes as many pages as it can; truncate leaves the log empty.
	passive  *sqlite.Statement
	truncate *sqlite.Statement
}

func newCheckpoints(transactions *transactions, troubles *troubles) *checkpoints {
	session := transactions.session
	return &checkpoints{
		transactions: transactions, troubles: troubles,
		passive:  session.Prepare(`PRAGMA wal_checkpoint(PASSIVE)`),
		truncate: session.Prepare(`PRAGMA wal_checkpoint(TRUNCATE)`),
	}
}

// areDue reports whether the write-ahead log has become long under load.
func (checkpoints *checkpoints) areDue() bool {
	return checkpoints.written >= checkpointBytes
}

// shorten keeps the write-ahead log short under load.
func (checkpoints *checkpoints) shorten() (more bool) {
	checkpoints.run(checkpoints.passive)
	return false
}

// emptyWriteAheadLog makes an idle store one file.
func (checkpoints *checkpoints) emptyWriteAheadLog() {
	if checkpoints.written > 0 {
		checkpoints.run(checkpoints.truncate)
	}
}

// run stops all writing if the disk fails: after a failed fsync the system takes the
// pages for clean, and the next one would succeed without them.
func (checkpoints *checkpoints) run(checkpoint *sqlite.Statement) {
	if checkpoints.engine.stopped() != nil {
		return
	}
	began, written := time.Now(), checkpoints.written
	err := checkpoint.Query(func(sqlite.Row) bool { return true })
	checkpoints.written = 0
	switch {
	case err == nil:
		checkpoints.engine.config.Logger.Debug("checkpoint of the write-ahead log", slog.Int("estimated_bytes", written), slog.Duration("took", time.Since(began)))
		checkpoints.tried(workCheckpoint, nil)
	case sqlite.Code(err) == sqlitelib.SQLITE_IOERR && !sqlite.RefusedWrite(err) && checkpoints.engine.config.Durability == DurabilityFull:
		checkpoints.stopWriting(fmt.Errorf("checkpoint: %w", err))
	default:
		checkpoints.written = checkpointBytes / 2
		checkpoints.tried(workCheckpoint, err)
	}
}
