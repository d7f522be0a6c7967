// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"log/slog"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store/internal/kv"
)

// work is a background task of the committer, which is tried again after a failure.
type work string

const (
	workArchives   work = "removing archived journal entries"
	workCheckpoint work = "checkpoint"
	workClock      work = "saving the store's time"
	workDeletions  work = "carrying out deletions"
	workExpiry     work = "expiry"
	workNextExpiry work = "reading the next expiry"
	workReading    work = "giving back the lock of the database"
	workRetries    work = "removing old answers"
	workRuns       work = "forgetting ended workspaces"
	workSections   work = "removing old sections of the log"
	workTables     work = "bringing the tables up to the log"
	workTally      work = "counting what is due"
	workTrimming   work = "trimming the log"
	workWatermarks work = "saving watermarks"
)

// troubles are the works that have failed at some time.
type troubles map[work]*logging.Condition

// tried takes note of how a work went. The log has a line when it begins to fail, and one when
// it goes on.
func (committer *committer) tried(work work, err error) {
	condition := committer.troubles[work]
	if condition == nil {
		if err == nil {
			return
		}
		condition = &logging.Condition{}
		committer.troubles[work] = condition
	}
	if err != nil {
		if _, changed := condition.Becomes("failing"); changed {
			committer.config.Logger.Error("work of the store failed; it is tried again", slog.String("work", string(work)), slog.Any("error", err))
		}
		return
	}
	if leftOut, changed := condition.Becomes(""); changed {
		committer.config.Logger.Info("work of the store goes on", slog.String("work", string(work)), slog.Uint64("left_out", leftOut))
	}
}

// wrote records the outcome of a batch. The log has a line when the disk begins to refuse
// writes, and one when it takes writes again. Each caller gets the error too.
func (committer *committer) wrote(err error) {
	switch {
	case err == nil:
		if leftOut, changed := committer.refusing.Becomes(""); changed {
			committer.config.Logger.Info("writes are taken again", slog.Uint64("left_out", leftOut))
		}
	case errors.Is(err, kv.ErrUnavailable):
		if _, changed := committer.refusing.Becomes("refusing"); changed {
			committer.config.Logger.Error("writes are refused", slog.Any("error", err))
		}
	}
}
