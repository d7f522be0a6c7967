// SPDX-License-Identifier: EUPL-1.2

package disk

import (
	"fmt"
	"log/slog"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// checkpointBytes is how much is written to the write-ahead log between two
	// checkpoints while the store is busy: about a thousand pages.
	checkpointBytes = 1000 * sqlite.PageBytes
	// longBytes is the length of a write-ahead log that the operator is told of.
	longBytes = 4 * checkpointBytes
	// pagesPerTransaction is the number of pages that the smallest transaction writes.
	pagesPerTransaction = 3
)

// The states of the write-ahead log that the operator is told of.
const (
	logTaken    = ""
	logHindered = "hindered"
	logLong     = "long"
)

// checkpoints bring committed pages from the write-ahead log into the database file. SQLite
// would do so itself within a COMMIT, and would not report a failure of the disk. Unsynced
// pages would then be taken for safe.
//
// Another process may read the database, and then pages stay in the write-ahead log. A checkpoint
// takes the others and goes on: it never waits.
type checkpoints struct {
	// written estimates the bytes in the write-ahead log since the last checkpoint.
	written int

	// passive takes as many pages as it can; truncate leaves the log empty.
	passive  *sqlite.Statement
	truncate *sqlite.Statement
	// pages reads the number of pages that the database has after a whole checkpoint, and unused how
	// many of them hold nothing.
	pages, unused *sqlite.Statement

	left leftPages
	// hindered is the number of checkpoints that have left pages, and state is in the log.
	hindered uint64
	state    logging.Condition
}

// leftPages are the pages in the write-ahead log that no checkpoint could take.
type leftPages struct {
	// some tells that there are such pages, or that the log could not be emptied.
	some bool
	// through is the length of the log, in pages, at the first checkpoint that left the oldest
	// page. since is when that page was in the log at the latest, zero if there is none.
	through int64
	since   time.Time
}

func newCheckpoints(session *sqlite.Session) checkpoints {
	return checkpoints{
		passive:  session.Prepare(`PRAGMA wal_checkpoint(PASSIVE)`),
		truncate: session.Prepare(`PRAGMA wal_checkpoint(TRUNCATE)`),
		pages:    session.Prepare(`PRAGMA page_count`),
		unused:   session.Prepare(`PRAGMA freelist_count`),
	}
}

// Written takes note that a transaction has written about so many bytes.
func (disk *Disk) Written(bytes int) { disk.written += bytes }

// CheckpointIsDue reports whether the write-ahead log has become long under load.
func (disk *Disk) CheckpointIsDue() bool {
	// What a checkpoint adds to the database must find room in the reserve.
	return disk.written >= checkpointBytes || disk.reserve.target > 0 && int64(disk.written) >= disk.reserve.target/2
}

// Shorten keeps the write-ahead log short under load.
func (disk *Disk) Shorten() { disk.checkpoint(disk.passive) }

// EmptyWriteAheadLog makes an idle store one file.
func (disk *Disk) EmptyWriteAheadLog() {
	if disk.written > 0 || disk.left.some {
		disk.checkpoint(disk.truncate)
	}
}

// Hindered returns how many checkpoints have left pages in the write-ahead log because of another
// process. since is when the oldest of the pages was written that are there now, or a little later;
// it is zero if there are none.
func (disk *Disk) Hindered() (checkpoints uint64, since time.Time) {
	return disk.hindered, disk.left.since
}

// checkpoint stops all writing if the disk fails: after a failed fsync the system takes the
// pages for clean, and the next one would succeed without them.
func (disk *Disk) checkpoint(kind *sqlite.Statement) {
	disk.DoneReading() // SQLite takes no checkpoint within a transaction
	if disk.LookAtFiles(); !disk.Writes() || !disk.fits() {
		return
	}
	began, written := time.Now(), disk.written
	// SQLite tells of another process in the row. Its numbers are -1 if it could not look.
	busy, pages, taken := false, int64(-1), int64(-1)
	err := kind.Query(func(row sqlite.Row) bool {
		busy, pages, taken = row.Signed(0) != 0, row.Signed(1), row.Signed(2)
		return true
	})
	disk.written = 0
	switch {
	case err == nil:
		disk.config.Logger.Debug("checkpoint of the write-ahead log", slog.Int("estimated_bytes", written), slog.Duration("took", time.Since(began)),
			slog.Bool("hindered", busy), slog.Int64("pages", pages), slog.Int64("taken", taken))
		disk.tookPages(busy, pages, taken)
		disk.Tried(workCheckpoint, nil)
		if !busy && taken == pages {
			disk.synced()
		}
	case sqlite.Code(err) == sqlitelib.SQLITE_IOERR && !sqlite.RefusedWrite(err) && disk.config.Synchronous == sqlite.SynchronousFull:
		disk.StopWriting(fmt.Errorf("checkpoint: %w", err))
	default:
		disk.written = checkpointBytes / 2
		disk.Tried(workCheckpoint, err)
	}
}

// tookPages takes note of how far a checkpoint has come. The log has a line when another process
// first hinders one, a line when the write-ahead log has become long, and a line at the end.
func (disk *Disk) tookPages(busy bool, pages, taken int64) {
	left, now := &disk.left, time.Now()
	if left.some = busy || taken < pages; !left.some {
		*left = leftPages{}
		if leftOut, changed := disk.state.Becomes(logTaken); changed {
			disk.config.Logger.Info("checkpoints take all of the write-ahead log again", slog.Uint64("left_out", leftOut))
		}
		return
	}
	disk.hindered++
	switch {
	case pages < 0: // nothing is known of the pages
	case taken >= pages:
		left.through, left.since = 0, time.Time{}
	case left.since.IsZero() || taken >= left.through:
		left.through, left.since = pages, now
	}
	if bytes := pages * sqlite.PageBytes; bytes >= longBytes {
		if _, changed := disk.state.Becomes(logLong); changed {
			disk.config.Logger.Warn("the write-ahead log is long: another process has read the database for long, and no checkpoint can take the rest",
				slog.Int64("bytes", bytes), slog.Time("since", left.since))
		}
	} else if !disk.state.Holds() {
		disk.state.Becomes(logHindered)
		disk.config.Logger.Warn("another process uses the database: a checkpoint has left a part of the write-ahead log, and is tried again",
			slog.Int64("pages", pages), slog.Int64("taken", taken))
	}
}
