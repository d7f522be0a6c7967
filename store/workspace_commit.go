// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
)

// The steps of Workspace.Commit, by which failpoints name them: the summary is made,
// the store has committed it, and the file is removed.
const (
	stepSummarised = "summarised"
	stepCommitted  = "committed"
	stepRemoved    = "removed"
)

// commit ends the workspace with a commit of its summary, and answers a request with it.
func (workspace *workspace) commit(host commandHost, request Request, traceParent string) (Outcome, error) {
	return workspace.end(func(turn turn) (Outcome, error) {
		var summary map[string]int64
		err := workspace.workspaces.pool.use(turn, func(database *sql.DB) (err error) {
			summary, err = summariseWorkspace(database)
			return err
		})
		if err != nil {
			return Outcome{}, err
		}
		workspace.workspaces.reach(stepSummarised)
		command, err := newCommitWorkspaceCommand(turn.file.workspaceName, turn.file.runID, summary, traceParent)
		if err != nil {
			return Outcome{}, err
		}
		return host.Do(commands.Answer(commands.ForSummary(request), command))
	})
}

// discard ends the workspace without a trace, and answers a request with it.
func (workspace *workspace) discard(host commandHost, request Request) (Outcome, error) {
	return workspace.end(func(turn turn) (Outcome, error) {
		return host.Do(commands.Answer(request, discardWorkspaceCommand{runID: turn.file.runID}))
	})
}

// end ends the workspace by a function that marks its run in the store, and removes the file.
func (workspace *workspace) end(mark func(turn turn) (Outcome, error)) (outcome Outcome, err error) {
	turn, err := workspace.takeTurn()
	if err != nil {
		return Outcome{}, err
	}
	defer turn.giveBack()
	err = workspace.workspaces.reserved(func() error {
		outcome, err = mark(turn)
		switch {
		case errors.Is(err, failure.ErrOutcomeUnknown):
			turn.state.gone = fmt.Errorf("%w: whether the workspace has ended shows when the store is opened again", failure.ErrUnavailable)
		case err == nil && !outcome.Replayed: // A replayed request has ended an earlier run.
			workspace.workspaces.removeEnded(turn)
		}
		return err
	})
	return outcome, err
}

// removeEnded removes the file of a run that is marked, and then has the mark removed.
func (workspaces *workspaces) removeEnded(turn turn) {
	workspaces.reach(stepCommitted)
	if err := workspaces.remove(turn); err != nil {
		workspaces.config.logger.Error("removing a workspace that has ended failed; it is done when the store is opened again",
			slog.String("run", turn.file.runID), slog.Any("error", err))
		return
	}
	workspaces.reach(stepRemoved)
	workspaces.host.ForgetRuns(turn.file.runID)
}
