// SPDX-License-Identifier: EUPL-1.2

package disk

import (
	"errors"
	"log/slog"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The works of this package.
const (
	workCheckpoint = "checkpoint"
	workLog        = "writing the newest commits"
	workReading    = "giving back the lock of the database"
)

// largestProbe bounds the row that is written to find out whether a full disk has room again.
const largestProbe = 1 << 20

// troubles are the works that do not succeed.
type troubles struct {
	// failed are the works that have failed at some time, and refusing is the state of the disk.
	failed   map[string]*logging.Condition
	refusing logging.Condition
	// refusal is why the last write was refused, nil if it was taken. refused is its size in bytes.
	refusal error
	refused int

	// probe writes a row of a size, and unprobe removes it.
	probe, unprobe *sqlite.Statement
}

func newTroubles(session *sqlite.Session) troubles {
	return troubles{
		failed:  map[string]*logging.Condition{},
		probe:   session.Prepare(`INSERT OR REPLACE INTO meta (name, value) VALUES ('probe', zeroblob(?))`),
		unprobe: session.Prepare(`DELETE FROM meta WHERE name = 'probe'`),
	}
}

// Takes reports whether the last write was taken.
func (disk *Disk) Takes() bool { return disk.refusal == nil }

// The states of the disk in the log.
const (
	stateTaking   = ""
	stateFull     = "full"
	stateReadOnly = "read-only"
	stateLocked   = "locked"
)

func stateOf(refusal error) string {
	switch {
	case sqlite.IsFull(refusal):
		return stateFull
	case sqlite.IsLocked(refusal):
		return stateLocked
	default:
		return stateReadOnly
	}
}

// Refusal returns why the last write was refused, nil if it was taken.
func (disk *Disk) Refusal() error { return disk.refusal }

// LookAgain finds out whether the disk takes writes again, although nobody writes. It writes as much
// as was refused, so that it does not tell that there is room when there is little. If nobody writes
// as much any more, less is enough.
func (disk *Disk) LookAgain() {
	if disk.refusal == nil || !disk.Writes() || disk.Scarce() {
		return
	}
	if !sqlite.IsLocked(disk.refusal) {
		size := min(disk.refused, largestProbe)
		if sqlite.IsFull(disk.refusal) && !disk.HasRoom(size) || disk.Unsynced(func(transaction *sqlite.Transaction) { transaction.Execute(disk.probe, int64(size)) }) != nil {
			disk.refused /= 2
			return
		}
		disk.Written(size)
	}
	if disk.Unsynced(func(transaction *sqlite.Transaction) { transaction.Execute(disk.unprobe) }) == nil {
		disk.Wrote(nil, 0)
	}
}

// Tried takes note of how a work went that is tried again after a failure. The log has a line when
// it begins to fail, and one when it goes on.
func (disk *Disk) Tried(work string, err error) {
	if sqlite.IsLocked(err) {
		// Another process is no fault of the disk. One line tells of it, whatever it holds up.
		if !disk.MayWait(err) {
			disk.Wrote(sqlite.Refusal(err), 0)
		}
		return
	}
	if sqlite.IsFull(err) {
		// The work is of the kind that makes room, or keeps the store able to.
		disk.GiveUpReserve()
		disk.Wrote(sqlite.Refusal(err), 0)
	}
	condition := disk.failed[work]
	if condition == nil {
		if err == nil {
			return
		}
		condition = &logging.Condition{}
		disk.failed[work] = condition
	}
	if err != nil {
		if _, changed := condition.Becomes("failing"); changed {
			disk.config.Logger.Error("work of the store failed; it is tried again", slog.String("work", work), slog.Any("error", err))
		}
		return
	}
	if leftOut, changed := condition.Becomes(""); changed {
		disk.config.Logger.Info("work of the store goes on", slog.String("work", work), slog.Uint64("left_out", leftOut))
	}
}

// Took records that a batch of a size was taken. On a full disk that says nothing of larger ones, if
// it needed room at all.
func (disk *Disk) Took(grows bool, bytes int) {
	if !sqlite.IsFull(disk.refusal) || grows && bytes >= disk.refused {
		disk.Wrote(nil, 0)
	}
}

// Wrote records the outcome of a batch of a size. The log has a line when the state of the disk
// changes. Each caller gets the error too.
func (disk *Disk) Wrote(err error, bytes int) {
	switch {
	case err == nil:
		disk.refusal, disk.refused = nil, 0
		if leftOut, changed := disk.refusing.Becomes(stateTaking); changed {
			disk.config.Logger.Info("writes are taken again", slog.Uint64("left_out", leftOut))
		}
	case errors.Is(err, failure.ErrUnavailable):
		disk.refusal, disk.refused = err, max(disk.refused, bytes)
		if _, changed := disk.refusing.Becomes(stateOf(err)); changed {
			disk.config.Logger.Error("writes are refused", slog.Any("error", err))
		}
	}
}
