// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"maps"
	"math"
	"sync"
	"sync/atomic"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// run is a file of a workspace in use, from its creation or its finding to its end.
type run struct {
	*workspacefile.File
	// entries is how many entries there are.
	entries atomic.Int64
	// bytes is the size of the file when it was last looked at.
	bytes atomic.Int64
	// orphaned tells that nobody has opened the workspace since its folder was taken up; guarded
	// by the registry.
	orphaned bool

	// ended is closed when the run ends, which stops its queries; reading is held by them.
	ended   chan struct{}
	reading sync.RWMutex

	// state is for the holder of the turn, and pooled for the pool.
	state  guarded[runState]
	pooled pooledFile
}

func newRun(file *workspacefile.File) *run { return &run{File: file, ended: make(chan struct{})} }

// turn is the right to use the file of a run, and to decide about the run. Only takeTurn gives one.
// Its holder calls giveBack once.
type turn struct {
	run      *run
	state    *runState
	giveBack func()
}

// runState is the state of a run, for the holder of the turn.
type runState struct {
	// gone is why the run cannot be used any more, nil while it can.
	gone    error
	summary futureSummary
}

// takeTurn waits for the turn of a run.
func (run *run) takeTurn() turn {
	state, giveBack := run.state.lock()
	return turn{run: run, state: state, giveBack: giveBack}
}

// futureSummary is the summary that a commit would make of a workspace.
type futureSummary struct {
	// counts are nil as long as nobody has asked.
	counts map[string]int64
	// within are the limits that the summary was found to keep to, nil for none.
	within *kv.Limits
}

// admit returns an error for a kind that would make the summary too large to be committed: so
// the put is refused, and not the commit later on. It refuses every kind if the limits have
// become too narrow meanwhile.
func (turn turn) admit(host Host, transaction *workspacefile.Transaction, kind string, limits kv.Limits) (err error) {
	summary, name := &turn.state.summary, turn.run.Name
	if name.Namespace == "" {
		return nil
	}
	if summary.counts == nil {
		if summary.counts, err = transaction.Summary(); err != nil {
			return err
		}
	}
	if _, known := summary.counts[kind]; known && summary.within != nil && *summary.within == limits {
		return nil
	}
	if limits.EntryBytes > 0 && limits.EntryBytes < kv.EntryOverhead+2*workspacefile.MaxNameBytes+(len(summary.counts)+1)*maxKindTravelBytes {
		return summary.check(host, name, limits, kind)
	}
	return kv.CheckNames(limits, name.Namespace, localSummaryGroup(name.Workspace), summaryKey)
}

// check checks the summary with one more kind, and the largest possible counts, against the
// limits.
func (summary *futureSummary) check(host Host, name workspacefile.Name, limits kv.Limits, kind string) error {
	largest := map[string]int64{kind: math.MaxInt64}
	for known := range maps.Keys(summary.counts) {
		largest[known] = math.MaxInt64
	}
	command, err := newCommitCommand(host, name, "", largest, "")
	if err != nil {
		return err
	}
	return command.check(limits)
}

// admitted counts an entry that is in the file now.
func (turn turn) admitted(kind string, limits kv.Limits) {
	summary := &turn.state.summary
	if summary.counts == nil {
		return
	}
	summary.counts[kind]++
	summary.within = &limits
}
