// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"errors"
	"fmt"

	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// The steps of Workspace.Commit, by which failpoints name them: the summary is made,
// the store has committed it, and the file is removed.
const (
	stepSummarised = "summarised"
	stepCommitted  = "committed"
	stepRemoved    = "removed"
)

// Commit ends the workspace with a commit of its summary. host carries the command out.
func (workspace *Workspace) Commit(host CommandHost) (commands.Outcome, error) {
	return workspace.commit(host, commands.Request{}, "")
}

// Discard ends the workspace without a trace.
func (workspace *Workspace) Discard() error {
	_, err := workspace.discard(workspace.workspaces.config.Host, commands.Request{})
	return err
}

// commit ends the workspace with a commit of its summary, and answers a request with it.
func (workspace *Workspace) commit(host CommandHost, request commands.Request, traceParent string) (commands.Outcome, error) {
	return workspace.end(func(turn turn) (commands.Outcome, error) {
		var summary map[string]int64
		err := workspace.workspaces.pool.use(turn, func(database *workspacefile.Database) (err error) {
			summary, err = database.Summary()
			return err
		})
		if err != nil {
			return commands.Outcome{}, err
		}
		workspace.workspaces.reach(stepSummarised)
		command, err := newCommitCommand(workspace.workspaces.config.Host, turn.run.Name, turn.run.RunID, summary, traceParent)
		if err != nil {
			return commands.Outcome{}, err
		}
		return host.Do(commands.Answer(commands.ForSummary(request), command))
	})
}

// discard ends the workspace without a trace, and answers a request with it.
func (workspace *Workspace) discard(host CommandHost, request commands.Request) (commands.Outcome, error) {
	return workspace.end(func(turn turn) (commands.Outcome, error) {
		return host.Do(commands.Answer(request, discardCommand{runID: turn.run.RunID}))
	})
}

// end ends the workspace by a function that marks its run in the store, and removes the file.
func (workspace *Workspace) end(mark func(turn turn) (commands.Outcome, error)) (outcome commands.Outcome, err error) {
	turn, err := workspace.takeTurn()
	if err != nil {
		return commands.Outcome{}, err
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
