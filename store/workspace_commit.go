// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
)

// The steps of Workspace.Commit, by which failpoints name them: the summary is made,
// the store has committed it, and the file is removed.
const (
	stepSummarised = "summarised"
	stepCommitted  = "committed"
	stepRemoved    = "removed"
)

// summaryKey is where a commit leaves the summary, in the group "workspace:" and the
// workspace's name.
const summaryKey = "summary"

// WorkspaceCommit is what Workspace.Commit has done.
type WorkspaceCommit struct {
	// Summary is how many entries there were of each kind.
	Summary map[string]int64
	// Revision is that of the change that set the summary.
	Revision uint64
}

// Commit stores the summary of the workspace as JSON under the key "summary" of the
// group "workspace:" and its name, outside quotas, and ends the workspace: its entries
// are gone then. A crash in between is finished when the store is opened again, and
// the commit is never repeated. After ErrOutcomeUnknown the workspace rests until then.
//
//	commit, err := workspace.Commit() // commit.Summary: {"row": 41, "warning": 2}
func (workspace *Workspace) Commit() (WorkspaceCommit, error) {
	commit, write, err := workspace.commit()
	if write != nil {
		// Its callbacks may use the workspace's name again.
		workspace.store.callbacks.run(write.events)
	}
	if err != nil {
		return WorkspaceCommit{}, fmt.Errorf("store.Workspace.Commit: %w", workspace.failure(err))
	}
	return commit, nil
}

func (workspace *Workspace) commit() (commit WorkspaceCommit, write *write, err error) {
	workspace.file.turn.Lock()
	defer workspace.file.turn.Unlock()
	if err := workspace.usable(); err != nil {
		return WorkspaceCommit{}, nil, err
	}
	err = workspace.store.workspaces.reserved(func() error {
		commit, write, err = workspace.commitReserved()
		return err
	})
	return commit, write, err
}

// commitReserved commits while the folders are not given up.
func (workspace *Workspace) commitReserved() (commit WorkspaceCommit, write *write, err error) {
	workspaces, file := workspace.store.workspaces, workspace.file
	if commit.Summary, err = workspaces.summarise(file); err != nil {
		return WorkspaceCommit{}, nil, err
	}
	workspaces.reach(stepSummarised)
	write, err = workspace.store.carryOut(commitWorkspaceCommand{workspaceName: file.workspaceName, runID: file.runID, summary: commit.Summary})
	if err != nil {
		if errors.Is(err, ErrOutcomeUnknown) {
			file.gone = fmt.Errorf("%w: whether the workspace is committed shows when the store is opened again", ErrUnavailable)
		}
		return WorkspaceCommit{}, nil, err
	}
	commit.Revision = write.outcome.Revision
	workspaces.reach(stepCommitted)
	if err := workspaces.end(file); err != nil {
		workspace.store.config.Logger.Error("removing a committed workspace failed; it is done when the store is opened again",
			slog.String("run", file.runID), slog.Any("error", err))
		return commit, write, nil
	}
	workspaces.reach(stepRemoved)
	workspace.store.forgetRuns(file.runID)
	return commit, write, nil
}

// commitWorkspaceCommand is the part of Workspace.Commit that is one change of the
// store. Its run is marked with it, so that it happens once.
type commitWorkspaceCommand struct {
	workspaceName
	runID   string
	summary map[string]int64
}

func (command commitWorkspaceCommand) apply(batch *batch, origin origin) (Outcome, error) {
	if batch.runCommitted(command.runID) {
		return Outcome{}, fmt.Errorf("%w: the workspace is committed already", ErrNotFound)
	}
	outcome, err := command.storeSummary(batch, origin)
	if err != nil {
		return Outcome{}, err
	}
	batch.runs = append(batch.runs, command.runID)
	return outcome, nil
}

func (command commitWorkspaceCommand) groups() []string { return []string{command.group()} }

// storeSummary sets the summary, whatever the quota of the namespace.
func (command commitWorkspaceCommand) storeSummary(batch *batch, origin origin) (Outcome, error) {
	value, err := json.Marshal(command.summary)
	if err != nil {
		return Outcome{}, err
	}
	set := SetCommand{Group: command.group(), Key: summaryKey, Value: string(value)}
	target, err := batch.checkedTarget(set.Group, set.Key)
	if err != nil {
		return Outcome{}, err
	}
	if err := set.checkSize(batch, target); err != nil {
		return Outcome{}, err
	}
	return set.record(batch, target, origin), nil
}

// group is the whole name of the group that holds the summary.
func (command commitWorkspaceCommand) group() string {
	local := "workspace:" + command.name
	if command.namespace == "" {
		return local
	}
	return wholeGroup(command.namespace, local)
}

// runCommitted tells whether a run of a workspace was committed.
func (batch *batch) runCommitted(runID string) bool {
	for at := batch; at != nil; at = at.below {
		if slices.Contains(at.runs, runID) {
			return true
		}
	}
	return batch.view.runs.committed[runID]
}

// workspaceRuns are those that were committed and whose files may still be there. They
// belong to the committer's goroutine.
type workspaceRuns struct {
	committed map[string]bool

	selectAll *statement
	insert    *statement
	delete    *statement
}

func newWorkspaceRuns(session *session) *workspaceRuns {
	return &workspaceRuns{
		committed: map[string]bool{},
		selectAll: session.prepare(`SELECT run_id FROM workspace_runs`),
		insert:    session.prepare(`INSERT INTO workspace_runs (run_id) VALUES (?)`),
		delete:    session.prepare(`DELETE FROM workspace_runs WHERE run_id = ?`),
	}
}

func (runs *workspaceRuns) load() error {
	return runs.selectAll.query(func(row []driver.Value) bool {
		runID, _ := row[0].(string)
		runs.committed[runID] = true
		return true
	})
}

// save writes runs in the transaction of the caller.
func (runs *workspaceRuns) save(runIDs []string) error {
	for _, runID := range runIDs {
		if err := runs.insert.execute(runID); err != nil {
			return err
		}
	}
	return nil
}

// saved takes note that runs are committed.
func (runs *workspaceRuns) saved(runIDs []string) {
	for _, runID := range runIDs {
		runs.committed[runID] = true
	}
}

// committedRuns returns the runs that were committed and may still have a file.
func (store *Store) committedRuns() (map[string]bool, error) {
	return ask(store, func(view *view) (map[string]bool, error) { return maps.Clone(view.runs.committed), nil })
}

// forgetRuns takes the mark off runs that have no file any more. It does not wait: a
// mark that stays does no harm.
func (store *Store) forgetRuns(runIDs ...string) {
	if len(runIDs) == 0 {
		return
	}
	store.submitRead(func(*view) func() {
		store.committer.forgetRuns(runIDs)
		return nil
	}, func(error) {})
}

func (committer *committer) forgetRuns(runIDs []string) {
	runs := committer.view.runs
	err := committer.unsynced(func() error {
		for _, runID := range runIDs {
			if err := runs.delete.execute(runID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		committer.config.Logger.Error("forgetting committed workspaces failed", slog.Any("error", err))
		return
	}
	for _, runID := range runIDs {
		delete(runs.committed, runID)
	}
}
