// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql"
	"maps"
	"math"

	"dappco.re/go/storebus/store/internal/kv"
)

// turn is the right to use the file of a workspace, and to decide about its run. Only takeTurn
// gives one. Its holder calls giveBack once.
type turn struct {
	file     *workspaceFile
	state    *workspaceState
	giveBack func()
}

// workspaceState is the state of a run, for the holder of the turn.
type workspaceState struct {
	// gone is why the run cannot be used any more, nil while it can.
	gone    error
	summary workspaceSummary
}

// takeTurn waits for the turn of a file.
func (file *workspaceFile) takeTurn() turn {
	state, giveBack := file.state.lock()
	return turn{file: file, state: state, giveBack: giveBack}
}

// workspaceSummary is the summary that a commit would make of a workspace.
type workspaceSummary struct {
	// counts are nil as long as nobody has asked.
	counts map[string]int64
	// within are the limits that the summary was found to keep to, nil for none.
	within *kv.Limits
}

// admit returns an error for a kind that would make the summary too large to be committed: so
// the put is refused, and not the commit later on. It refuses every kind if the limits have
// become too narrow meanwhile.
func (turn turn) admit(transaction *sql.Tx, kind string, limits kv.Limits) (err error) {
	summary, name := &turn.state.summary, turn.file.workspaceName
	if name.namespace == "" {
		return nil
	}
	if summary.counts == nil {
		if summary.counts, err = summariseWorkspace(transaction); err != nil {
			return err
		}
	}
	if _, known := summary.counts[kind]; known && summary.within != nil && *summary.within == limits {
		return nil
	}
	if limits.EntryBytes > 0 && limits.EntryBytes < kv.EntryOverhead+2*MaxWorkspaceNameBytes+(len(summary.counts)+1)*maxKindTravelBytes {
		return summary.check(name, limits, kind)
	}
	return kv.CheckNames(limits, name.namespace, localSummaryGroup(name.name), summaryKey)
}

// check checks the summary with one more kind, and the largest possible counts, against the
// limits.
func (summary *workspaceSummary) check(name workspaceName, limits kv.Limits, kind string) error {
	largest := map[string]int64{kind: math.MaxInt64}
	for known := range maps.Keys(summary.counts) {
		largest[known] = math.MaxInt64
	}
	command, err := newCommitWorkspaceCommand(name, "", largest, "")
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
