// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"log/slog"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
)

// Config is the surroundings of an engine.
type Config struct {
	// Path is the path of the database, empty for one in memory.
	Path string
	// Synchronous is how a commit waits for the disk. InMemory tells that the database keeps
	// nothing on disk.
	Synchronous sqlite.Synchronous
	InMemory    bool
	// Limits are the first ones.
	Limits    kv.Limits
	Retention sqlitelog.Retention
	// CacheBytes bounds the hot entries, and PendingBytes the changes that the tables do not have.
	CacheBytes, PendingBytes int
	// PurgeInterval is the time between two looks for keys that no timer caught.
	PurgeInterval time.Duration
	// TransactionTimeout is the time of the callback of a Lending.
	TransactionTimeout time.Duration
	Clock              *clock.Clock
	Logger             *slog.Logger
	// Stopping is closed when the store begins to close.
	Stopping <-chan struct{}

	// Tables makes the tables that a commit saves beside the entries. One of them is the table of
	// package watermarks.
	Tables func(session *sqlite.Session) *batch.Tables
	// Newest returns the newest time that a table knows beside the log and the remembered
	// answers, in Unix nanoseconds.
	Newest func(tables *batch.Tables) int64
	// Check, if not nil, looks at the end of the log before anything is done. If it returns a reason,
	// the store only reads: callers get the refusal, and the operator the reason.
	Check func(storeID string, end *logfile.End) (refusal, reason, err error)
	// OnDisk, if not nil, is told of the newest record that is on disk for certain. It must not
	// wait.
	OnDisk func(storeID string, place sqlitelog.Place)
	// Chores are done beside those of the engine.
	Chores []Chore
	// OverLog, if not nil, puts another log before the one in the database. It is for tests.
	OverLog func(database changelog.Log) changelog.Log
}

// Chore is work of the committer beside reads and writes. It is done in slices, one between two
// batches, so that it holds up nobody.
type Chore struct {
	// Name is for the operator, who reads it if the chore fails.
	Name string
	// WhenIdle leaves the chore to a time without commits, and to the end of the store.
	WhenIdle bool
	// Due reports whether a slice would do something now. It looks at memory only: it is asked
	// after every batch.
	Due func(committer *Committer) bool
	// Slice does a share of the work, and calls ended once with its error, nil for none. It may
	// do so later, for a command under way.
	Slice func(committer *Committer, ended func(err error))
}
