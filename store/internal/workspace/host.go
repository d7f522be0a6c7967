// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"log/slog"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// Host is the store as its workspaces see it. Any number of goroutines may call its methods.
type Host interface {
	CommandHost
	// Recall returns the store's answer to a request with an id, nil if there is none, and the
	// store's time.
	Recall(name batch.RequestName) (earlier *batch.Answer, now time.Time, err error)
	// EndedRuns returns the runs that have ended and may still have a file.
	EndedRuns() (map[string]bool, error)
	// Forbids returns why nothing may be written to workspaces, nil if it may.
	Forbids() error
	// Limits are the present limits of the store.
	Limits() kv.Limits
	// Now is the store's time.
	Now() time.Time
	// CheckKind returns an error for a kind that no entry may have.
	CheckKind(kind string) error
	// NewPoint returns the entry of the journal that a commit makes of a summary.
	NewPoint(name workspacefile.Name, summary map[string]int64) (Point, error)
}

// CommandHost carries out commands of the store.
type CommandHost interface {
	// Do carries a command out, and returns when it is on disk.
	Do(command commands.Command) (commands.Outcome, error)
}

// Point puts an entry into the journal.
type Point interface {
	commands.Command
	// CheckSize returns an error for an entry that is larger than limits allow.
	CheckSize(limits kv.Limits) error
}

// Config is the configuration of a store's workspaces.
type Config struct {
	Host Host
	// Directory is the folder of the workspaces that are opened. It is made when it is needed.
	// If it is empty, a temporary folder takes its place, and goes with the store.
	Directory string
	// Synchronous is how a write waits for the disk.
	Synchronous sqlite.Synchronous
	Logger      *slog.Logger
	// Stopped is closed when the store begins to close.
	Stopped <-chan struct{}
}

// closing reports whether the store has begun to close.
func (config *Config) closing() bool {
	select {
	case <-config.Stopped:
		return true
	default:
		return false
	}
}
