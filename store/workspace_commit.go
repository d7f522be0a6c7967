// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"log/slog"

	"dappco.re/go/storebus/store/internal/kv"
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

// workspaceTag is the tag of a commit's journal entry that has the workspace's name.
const workspaceTag = "workspace"

// WorkspaceCommit is the result of Workspace.Commit.
type WorkspaceCommit struct {
	// EntryID is the id of the journal entry; 0 for a workspace without entries, which makes
	// none.
	EntryID int64
	// Summary is the number of entries of each kind.
	Summary map[string]int64
	// Revision is the revision of the change that set the summary.
	Revision uint64
}

// Commit ends the workspace in one transaction and removes its entries. It puts the summary
// into the journal as integers, with the name of the workspace as the measurement and as the
// tag "workspace". It also stores the summary as JSON under the key "summary" of the group
// "workspace:" and the name, outside quotas. A workspace without entries makes no journal
// entry, because a point needs a field; its empty summary is stored. After a crash in between,
// the next opening of the store finishes the commit, and never repeats it. After
// ErrOutcomeUnknown the workspace cannot be used until the store is opened again.
//
//	commit, err := workspace.Commit() // commit.Summary: {"row": 41, "warning": 2}
func (workspace *Workspace) Commit() (WorkspaceCommit, error) {
	if !workspace.opened() {
		return WorkspaceCommit{}, fmt.Errorf("store.Workspace.Commit: %w", workspace.failure(errNeverOpened))
	}
	outcome, events, err := workspace.commit(Request{}, origin{fromCaller: true}, "")
	// Its callbacks may use the workspace's name again.
	workspace.store.callbacks.run(events)
	if err != nil {
		return WorkspaceCommit{}, fmt.Errorf("store.Workspace.Commit: %w", workspace.failure(err))
	}
	return WorkspaceCommit{EntryID: outcome.EntryID, Summary: outcome.Summary, Revision: outcome.Revision}, nil
}

// commit is Commit for a request. It returns the events whose callbacks are the caller's.
func (workspace *Workspace) commit(request Request, origin origin, traceParent string) (outcome Outcome, events []Event, err error) {
	request.answerBytes = MaxSummaryAnswerBytes
	return workspace.finish(request, origin, func() (Command, error) {
		summary, err := workspace.store.workspaces.summarise(workspace.file)
		if err != nil {
			return nil, err
		}
		workspace.store.workspaces.reach(stepSummarised)
		return commitWorkspaceCommand{
			workspaceName: workspace.file.workspaceName, runID: workspace.file.runID, summary: summary, traceParent: traceParent,
		}, nil
	})
}

// discard is Discard for a request.
func (workspace *Workspace) discard(request Request) (Outcome, error) {
	outcome, _, err := workspace.finish(request, origin{}, func() (Command, error) {
		return discardWorkspaceCommand{runID: workspace.file.runID}, nil
	})
	return outcome, err
}

// finish ends the workspace with a command, which marks its run.
func (workspace *Workspace) finish(request Request, origin origin, ending func() (Command, error)) (outcome Outcome, events []Event, err error) {
	if !workspace.opened() {
		return Outcome{}, nil, errNeverOpened
	}
	workspace.file.turn.Lock()
	defer workspace.file.turn.Unlock()
	if err := workspace.usable(); err != nil {
		return Outcome{}, nil, err
	}
	err = workspace.store.workspaces.reserved(func() error {
		outcome, events, err = workspace.finishReserved(request, origin, ending)
		return err
	})
	return outcome, events, err
}

// finishReserved ends the workspace while the folders are not given up.
func (workspace *Workspace) finishReserved(request Request, origin origin, ending func() (Command, error)) (Outcome, []Event, error) {
	workspaces, file := workspace.store.workspaces, workspace.file
	command, err := ending()
	if err != nil {
		return Outcome{}, nil, err
	}
	if request.Answer != nil {
		command = requestCommand{Request: request, command: command}
	}
	write, err := workspace.store.carryOut(command, origin)
	if err != nil {
		if errors.Is(err, kv.ErrOutcomeUnknown) {
			file.gone = fmt.Errorf("%w: whether the workspace has ended shows when the store is opened again", kv.ErrUnavailable)
		}
		return Outcome{}, nil, err
	}
	if write.outcome.Replayed {
		return write.outcome, nil, nil // the request has ended an earlier run
	}
	workspaces.reach(stepCommitted)
	if err := workspaces.end(file); err != nil {
		workspace.store.config.Logger.Error("removing a workspace that has ended failed; it is done when the store is opened again",
			slog.String("run", file.runID), slog.Any("error", err))
		return write.outcome, write.events, nil
	}
	workspaces.reach(stepRemoved)
	workspace.store.committer.tables.runs.forget([]string{file.runID})
	return write.outcome, write.events, nil
}

// commitWorkspaceCommand is the part of Workspace.Commit that is one change of the
// store. Its run is marked with it, so that it happens once.
type commitWorkspaceCommand struct {
	workspaceName
	runID       string
	summary     map[string]int64
	traceParent string
}

func (command commitWorkspaceCommand) apply(batch *batch, origin origin) (Outcome, error) {
	if err := batch.checkRun(command.runID); err != nil {
		return Outcome{}, err
	}
	set, point, err := command.parts(batch.limits)
	if err != nil {
		return Outcome{}, err
	}
	target, err := batch.checkedTarget(set.Group, set.Key)
	if err != nil {
		return Outcome{}, err
	}
	var entry Outcome
	if point != nil {
		if entry, err = point.apply(batch, origin); err != nil {
			return Outcome{}, err
		}
	}
	// Nothing can fail from here on, whatever the quota of the namespace.
	outcome := set.record(batch, target, origin)
	batch.endRun(command.runID)
	return Outcome{Revision: outcome.Revision, Summary: command.summary, EntryID: entry.EntryID, CommittedAt: entry.CommittedAt}, nil
}

func (command commitWorkspaceCommand) groups() []string { return []string{command.group()} }

// discardWorkspaceCommand is the part of Workspace.Discard that is in the store: its run
// is marked, so that a crash before the file is removed brings nothing back.
type discardWorkspaceCommand struct {
	runID string
}

func (command discardWorkspaceCommand) apply(batch *batch, _ origin) (Outcome, error) {
	if err := batch.checkRun(command.runID); err != nil {
		return Outcome{}, err
	}
	batch.endRun(command.runID)
	return Outcome{}, nil
}

func (discardWorkspaceCommand) groups() []string { return nil }

// checkRun refuses to end a run of a workspace twice.
func (batch *batch) checkRun(runID string) error {
	if batch.runEnded(runID) {
		return fmt.Errorf("%w: the workspace has ended already", kv.ErrNotFound)
	}
	return nil
}

// group is the whole name of the group that holds the summary.
func (command commitWorkspaceCommand) group() string {
	if command.namespace == "" {
		return localSummaryGroup(command.name)
	}
	return wholeGroup(command.namespace, localSummaryGroup(command.name))
}
