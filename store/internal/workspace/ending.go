// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"encoding/json"
	"errors"
	"fmt"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// summaryKey is the key of a commit's summary, in the group "workspace:" and the workspace's
// name.
const summaryKey = "summary"

// maxKindTravelBytes is more than a kind with its count takes anywhere that a summary
// goes: each byte of it escaped, and that escape again.
const maxKindTravelBytes = 7*workspacefile.MaxKindBytes + 64

// commitCommand is the part of Workspace.Commit that is one change of the store. It
// marks the run, so that the commit happens once. All of it is encoded before it is applied.
type commitCommand struct {
	name    workspacefile.Name
	runID   string
	summary map[string]int64
	set     commands.SetCommand
	// point is nil for a workspace without entries: a point needs a field.
	point Point
}

func newCommitCommand(host Host, name workspacefile.Name, runID string, summary map[string]int64, traceParent string) (commitCommand, error) {
	command := commitCommand{name: name, runID: runID, summary: summary}
	value, err := json.Marshal(summary)
	if err != nil {
		return command, err
	}
	command.set = commands.SetCommand{Group: summaryGroup(name), Key: summaryKey, Value: string(value), TraceParent: traceParent}
	if len(summary) == 0 {
		return command, nil
	}
	command.point, err = host.NewPoint(name, summary)
	return command, command.tooLarge(err)
}

// check checks the names and the sizes of both parts against the limits.
func (command commitCommand) check(limits kv.Limits) error {
	group := localSummaryGroup(command.name.Workspace)
	if err := kv.CheckNames(limits, command.name.Namespace, group, summaryKey); err != nil {
		return err
	}
	if err := kv.CheckEntry(limits, command.name.Namespace, group, summaryKey, command.set.Value); err != nil {
		return command.tooLarge(err)
	}
	if command.point == nil {
		return nil
	}
	return command.tooLarge(command.point.CheckSize(limits))
}

// tooLarge names the part of a summary that is too large.
func (command commitCommand) tooLarge(err error) error {
	if large, ok := errors.AsType[*failure.TooLargeError](err); ok {
		what := fmt.Sprintf("the summary of workspace %q, %d kinds,", command.name.Workspace, len(command.summary))
		return &failure.TooLargeError{What: what, Size: large.Size, Limit: large.Limit}
	}
	return err
}

func (command commitCommand) Apply(batch *batch.Batch, origin batch.Origin) (commands.Outcome, error) {
	if err := checkRun(batch, command.runID); err != nil {
		return commands.Outcome{}, err
	}
	if err := command.check(batch.Limits()); err != nil {
		return commands.Outcome{}, err
	}
	target, err := batch.CheckedTarget(command.set.Group, command.set.Key)
	if err != nil {
		return commands.Outcome{}, err
	}
	if err := batch.Admit(target, command.set.Value); err != nil {
		return commands.Outcome{}, err
	}
	var entry commands.Outcome
	if command.point != nil {
		if entry, err = command.point.Apply(batch, origin); err != nil {
			return commands.Outcome{}, err
		}
	}
	outcome := commands.Record(batch, target, command.set, origin)
	endRun(batch, command.runID)
	return commands.Outcome{Revision: outcome.Revision, Summary: command.summary, EntryID: entry.EntryID, CommittedAt: entry.CommittedAt}, nil
}

func (command commitCommand) Groups() []string { return []string{command.set.Group} }

// Grows reports true, see commands.Grows.
func (commitCommand) Grows() bool { return true }

// discardCommand is the part of Workspace.Discard that is in the store. It marks the
// run, so that a crash before the file is removed brings nothing back.
type discardCommand struct {
	runID string
}

func (command discardCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	if err := checkRun(batch, command.runID); err != nil {
		return commands.Outcome{}, err
	}
	endRun(batch, command.runID)
	return commands.Outcome{}, nil
}

func (discardCommand) Groups() []string { return nil }

// checkRun refuses to end a run of a workspace twice.
func checkRun(batch *batch.Batch, runID string) error {
	if runEnded(batch, runID) {
		return fmt.Errorf("%w: the workspace has ended already", failure.ErrNotFound)
	}
	return nil
}

// summaryGroup is the whole name of the group that holds the summary.
func summaryGroup(name workspacefile.Name) string {
	if name.Namespace == "" {
		return localSummaryGroup(name.Workspace)
	}
	return kv.WholeGroup(name.Namespace, localSummaryGroup(name.Workspace))
}

// localSummaryGroup is the group of a workspace's summary, within its namespace.
func localSummaryGroup(workspace string) string { return "workspace:" + workspace }
