// SPDX-License-Identifier: EUPL-1.2

package disk

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
	// written estimates the bytes in the write-ahead log since the last checkpoint.
	written int

	// passive takes as many pages as it can; truncate leaves the log empty.
	passive  *sqlite.Statement
	truncate *sqlite.Statement
}

func newCheckpoints(session *sqlite.Session) checkpoints {
	return checkpoints{
		passive:  session.Prepare(`PRAGMA wal_checkpoint(PASSIVE)`),
		truncate: session.Prepare(`PRAGMA wal_checkpoint(TRUNCATE)`),
	}
}

// Written takes note that a transaction has written about so many bytes.
func (disk *Disk) Written(bytes int) { disk.written += bytes }

// CheckpointIsDue reports whether the write-ahead log has become long under load.
func (disk *Disk) CheckpointIsDue() bool {
	return disk.written >= checkpointBytes
}

// Shorten keeps the write-ahead log short under load.
func (disk *Disk) Shorten() { disk.checkpoint(disk.passive) }

// EmptyWriteAheadLog makes an idle store one file.
func (disk *Disk) EmptyWriteAheadLog() {
	if disk.written > 0 {
		disk.checkpoint(disk.truncate)
	}
}

// checkpoint stops all writing if the disk fails: after a failed fsync the system takes the
// pages for clean, and the next one would succeed without them.
func (disk *Disk) checkpoint(kind *sqlite.Statement) {
	if !disk.Writes() {
		return
	}
	began, written := time.Now(), disk.written
	err := kind.Query(func(sqlite.Row) bool { return true })
	disk.written = 0
	switch {
	case err == nil:
		disk.config.Logger.Debug("checkpoint of the write-ahead log", slog.Int("estimated_bytes", written), slog.Duration("took", time.Since(began)))
		disk.Tried(workCheckpoint, nil)
	case sqlite.Code(err) == sqlitelib.SQLITE_IOERR && !sqlite.RefusedWrite(err) && disk.config.Synchronous == sqlite.SynchronousFull:
		disk.StopWriting(fmt.Errorf("checkpoint: %w", err))
	default:
		disk.written = checkpointBytes / 2
		disk.Tried(workCheckpoint, err)
	}
}
