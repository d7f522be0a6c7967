// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// summaryKey is the key of a commit's summary, in the group "workspace:" and the workspace's
// name.
const summaryKey = "summary"

// workspaceTag is the tag of a commit's journal entry that has the workspace's name.
const workspaceTag = "workspace"

// maxKindTravelBytes is more than a kind with its count takes anywhere that a summary
// goes: each byte of it escaped, and that escape again.
const maxKindTravelBytes = 7*MaxWorkspaceKindBytes + 64

// commitWorkspaceCommand is the part of Workspace.Commit that is one change of the store. It
// marks the run, so that the commit happens once. All of it is encoded before it is applied.
type commitWorkspaceCommand struct {
	workspaceName
	runID   string
	summary map[string]int64
	set     SetCommand
	// point is nil for a workspace without entries: a point needs a field.
	point *JournalCommand
}

func newCommitWorkspaceCommand(name workspaceName, runID string, summary map[string]int64, traceParent string) (commitWorkspaceCommand, error) {
	command := commitWorkspaceCommand{workspaceName: name, runID: runID, summary: summary}
	value, err := json.Marshal(summary)
	if err != nil {
		return command, err
	}
	command.set = SetCommand{Group: name.summaryGroup(), Key: summaryKey, Value: string(value), TraceParent: traceParent}
	if len(summary) == 0 {
		return command, nil
	}
	point, err := newJournalCommand(name.namespace, name.name, summary, map[string]string{workspaceTag: name.name})
	command.point = &point
	return command, command.tooLarge(err)
}

// check checks the names and the sizes of both parts against the limits.
func (command commitWorkspaceCommand) check(limits kv.Limits) error {
	group := localSummaryGroup(command.name)
	if err := kv.CheckNames(limits, command.namespace, group, summaryKey); err != nil {
		return err
	}
	if err := kv.CheckEntry(limits, command.namespace, group, summaryKey, command.set.Value); err != nil {
		return command.tooLarge(err)
	}
	if command.point == nil {
		return nil
	}
	return command.tooLarge(command.point.checkSize(limits))
}

// tooLarge names the part of a summary that is too large.
func (command commitWorkspaceCommand) tooLarge(err error) error {
	if large, ok := errors.AsType[*failure.TooLargeError](err); ok {
		what := fmt.Sprintf("the summary of workspace %q, %d kinds,", command.name, len(command.summary))
		return &failure.TooLargeError{What: what, Size: large.Size, Limit: large.Limit}
	}
	return err
}

func (command commitWorkspaceCommand) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	if err := checkRun(batch, command.runID); err != nil {
		return Outcome{}, err
	}
	if err := command.check(batch.Limits()); err != nil {
		return Outcome{}, err
	}
	target, err := batch.CheckedTarget(command.set.Group, command.set.Key)
	if err != nil {
		return Outcome{}, err
	}
	var entry Outcome
	if command.point != nil {
		if entry, err = command.point.Apply(batch, origin); err != nil {
			return Outcome{}, err
		}
	}
	// Nothing can fail from here on, whatever the quota of the namespace.
	outcome := commands.Record(batch, target, command.set, origin)
	endRun(batch, command.runID)
	return Outcome{Revision: outcome.Revision, Summary: command.summary, EntryID: entry.EntryID, CommittedAt: entry.CommittedAt}, nil
}

func (command commitWorkspaceCommand) Groups() []string { return []string{command.set.Group} }

// discardWorkspaceCommand is the part of Workspace.Discard that is in the store. It marks the
// run, so that a crash before the file is removed brings nothing back.
type discardWorkspaceCommand struct {
	runID string
}

func (command discardWorkspaceCommand) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	if err := checkRun(batch, command.runID); err != nil {
		return Outcome{}, err
	}
	endRun(batch, command.runID)
	return Outcome{}, nil
}

func (discardWorkspaceCommand) Groups() []string { return nil }

// checkRun refuses to end a run of a workspace twice.
func checkRun(batch *batch.Batch, runID string) error {
	if runEnded(batch, runID) {
		return fmt.Errorf("%w: the workspace has ended already", failure.ErrNotFound)
	}
	return nil
}

// summaryGroup is the whole name of the group that holds the summary.
func (name workspaceName) summaryGroup() string {
	if name.namespace == "" {
		return localSummaryGroup(name.name)
	}
	return kv.WholeGroup(name.namespace, localSummaryGroup(name.name))
}

// localSummaryGroup is the group of a workspace's summary, within its namespace.
func localSummaryGroup(workspace string) string { return "workspace:" + workspace }
