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
	workReading    = "giving back the lock of the database"
)

// troubles are the works that do not succeed.
type troubles struct {
	// failed are the works that have failed at some time, and refusing is the state of the disk.
	failed   map[string]*logging.Condition
	refusing logging.Condition
	// refusal is that another process held up the last write, nil if none did.
	refusal error
}

// The states of the disk in the log.
const (
	stateTaking  = ""
	stateLocked  = "locked"
	stateRefuses = "refusing"
)

// Refusal returns that another process held up the last write, nil if none did.
func (disk *Disk) Refusal() error { return disk.refusal }

// LookAgain finds out whether the disk takes writes again, if another process has held them up.
func (disk *Disk) LookAgain() {
	if sqlite.IsLocked(disk.refusal) && disk.Transaction(func(*sqlite.Transaction) {}) == nil {
		disk.Wrote(nil)
	}
}

// Tried takes note of how a work went that is tried again after a failure. The log has a line when
// it begins to fail, and one when it goes on.
func (disk *Disk) Tried(work string, err error) {
	if sqlite.IsLocked(err) {
		// Another process is no fault of the disk. One line tells of it, whatever it holds up.
		if !disk.MayWait(err) {
			disk.Wrote(sqlite.Refusal(err))
		}
		return
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

// Wrote records the outcome of a batch. The log has a line when the disk begins to refuse
// writes, and one when it takes writes again. Each caller gets the error too.
func (disk *Disk) Wrote(err error) {
	switch {
	case err == nil:
		disk.refusal = nil
		if leftOut, changed := disk.refusing.Becomes(stateTaking); changed {
			disk.config.Logger.Info("writes are taken again", slog.Uint64("left_out", leftOut))
		}
	case errors.Is(err, failure.ErrUnavailable):
		state := stateRefuses
		if sqlite.IsLocked(err) {
			state, disk.refusal = stateLocked, err
		}
		if _, changed := disk.refusing.Becomes(state); changed {
			disk.config.Logger.Error("writes are refused", slog.Any("error", err))
		}
	}
}
