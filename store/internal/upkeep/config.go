// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/disk"
	"dappco.re/go/storebus/store/internal/sqlitelog"
	"dappco.re/go/storebus/store/internal/state"
)

// Config has the data that is kept in order.
type Config struct {
	Disk   *disk.Disk
	Clock  *clock.Clock
	View   *state.View
	Tables *batch.Tables
	// Log is the log in the database, and Records the log that decides.
	Log       *sqlitelog.Log
	Records   changelog.Log
	Retention sqlitelog.Retention
	// PendingBytes bounds the changes that the tables do not have.
	PendingBytes int
	// InMemory tells that the database keeps nothing on disk.
	InMemory bool
	// Trimmed is told that the log of a namespace now begins at a revision.
	Trimmed func(namespace string, oldest uint64)
}

// The works that are tried again after a failure.
const (
	workAnswers   = "removing old answers"
	workClock     = "saving the store's time"
	workDeletions = "carrying out deletions"
	workSections  = "removing old sections of the log"
	workScrubbing = "verifying entries"
	workTables    = "bringing the tables up to the log"
	workTrimming  = "trimming the log"
)
