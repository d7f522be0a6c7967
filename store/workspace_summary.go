// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"

	"dappco.re/go/storebus/store/internal/kv"
)

// maxKindTravelBytes is more than a kind with its count takes anywhere that a summary
// goes: each byte of it escaped, and that escape again.
const maxKindTravelBytes = 7*MaxWorkspaceKindBytes + 64

// workspaceSummary is the summary that a commit would make of a workspace, with the largest
// possible counts. It belongs to the goroutine that has the turn of the file.
type workspaceSummary struct {
	// counts are nil as long as nobody has asked.
	counts map[string]int64
	// within are the limits that it was found to keep to, nil for none.
	within *kv.Limits
}

// admit returns an error for a kind that would make the summary too large to be committed: the
// put that does is refused, and not the commit later on. It refuses every kind if the limits
// have become too narrow meanwhile.
func (file *workspaceFile) admit(transaction *sql.Tx, kind string, limits *kv.Limits) (err error) {
	summary := &file.summary
	if file.namespace == "" {
		return nil
	}
	if summary.counts == nil {
		if summary.counts, err = summariseWorkspace(transaction); err != nil {
			return err
		}
	}
	if _, known := summary.counts[kind]; known && summary.within == limits {
		return nil
	}
	if limits.EntryBytes > 0 && limits.EntryBytes < kv.EntryOverhead+2*MaxWorkspaceNameBytes+(len(summary.counts)+1)*maxKindTravelBytes {
		return file.checkSummary(*limits, kind)
	}
	return kv.CheckNames(*limits, file.namespace, localSummaryGroup(file.name), summaryKey)
}

// checkSummary checks the summary with one more kind against the limits.
func (file *workspaceFile) checkSummary(limits kv.Limits, kind string) error {
	largest := map[string]int64{kind: math.MaxInt64}
	for known := range maps.Keys(file.summary.counts) {
		largest[known] = math.MaxInt64
	}
	_, _, err := (commitWorkspaceCommand{workspaceName: file.workspaceName, summary: largest}).parts(limits)
	return err
}

// admitted takes note that an entry of a kind is in the file.
func (file *workspaceFile) admitted(kind string, limits *kv.Limits) {
	if file.summary.counts == nil {
		return
	}
	file.summary.counts[kind]++
	file.summary.within = limits
}

// parts returns the changes of a commit in the store, within the limits: the change of the
// summary's key, and the entry of the journal, which is nil for a workspace without entries.
func (command commitWorkspaceCommand) parts(limits kv.Limits) (set SetCommand, entry *JournalCommand, err error) {
	value, err := json.Marshal(command.summary)
	if err != nil {
		return set, nil, err
	}
	set = SetCommand{Group: command.group(), Key: summaryKey, Value: string(value), TraceParent: command.traceParent}
	group := localSummaryGroup(command.name)
	if err := kv.CheckNames(limits, command.namespace, group, summaryKey); err != nil {
		return set, nil, err
	}
	if err := kv.CheckEntry(limits, command.namespace, group, summaryKey, set.Value); err != nil {
		return set, nil, command.tooLarge(err)
	}
	if len(command.summary) == 0 {
		return set, nil, nil
	}
	fields := make(map[string]any, len(command.summary))
	for kind, entries := range command.summary {
		fields[kind] = entries
	}
	made, err := NewJournalCommand(command.namespace, command.name, fields, map[string]string{workspaceTag: command.name})
	if err == nil {
		err = made.checkSize(limits)
	}
	return set, &made, command.tooLarge(err)
}

// tooLarge names the part of a summary that is too large.
func (command commitWorkspaceCommand) tooLarge(err error) error {
	if large, ok := errors.AsType[*kv.TooLargeError](err); ok {
		what := fmt.Sprintf("the summary of workspace %q, %d kinds,", command.name, len(command.summary))
		return &kv.TooLargeError{What: what, Size: large.Size, Limit: large.Limit}
	}
	return err
}

// localSummaryGroup is the group of a workspace's summary, within its namespace.
func localSummaryGroup(workspace string) string { return "workspace:" + workspace }
