// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"log/slog"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store/internal/failure"
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

// troubles tells the operator when work begins to fail, and when it goes on. It belongs to the
// owner of the committer.
type troubles struct {
	logger *slog.Logger
	// failed are the works that have failed at some time, and refusing is the state of the disk.
	failed   map[work]*logging.Condition
	refusing logging.Condition
}

func newTroubles(logger *slog.Logger) *troubles {
	return &troubles{logger: logger, failed: map[work]*logging.Condition{}}
}

// tried takes note of how a work went. The log has a line when it begins to fail, and one when
// it goes on.
func (troubles *troubles) tried(work work, err error) {
	condition := troubles.failed[work]
	if condition == nil {
		if err == nil {
			return
		}
		condition = &logging.Condition{}
		troubles.failed[work] = condition
	}
	if err != nil {
		if _, changed := condition.Becomes("failing"); changed {
			troubles.logger.Error("work of the store failed; it is tried again", slog.String("work", string(work)), slog.Any("error", err))
		}
		return
	}
	if leftOut, changed := condition.Becomes(""); changed {
		troubles.logger.Info("work of the store goes on", slog.String("work", string(work)), slog.Uint64("left_out", leftOut))
	}
}

// wrote records the outcome of a batch. The log has a line when the disk begins to refuse
// writes, and one when it takes writes again. Each caller gets the error too.
func (troubles *troubles) wrote(err error) {
	switch {
	case err == nil:
		if leftOut, changed := troubles.refusing.Becomes(""); changed {
			troubles.logger.Info("writes are taken again", slog.Uint64("left_out", leftOut))
		}
	case errors.Is(err, failure.ErrUnavailable):
		if _, changed := troubles.refusing.Becomes("refusing"); changed {
			troubles.logger.Error("writes are refused", slog.Any("error", err))
		}
	}
}
