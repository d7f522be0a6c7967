// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/store"
)

// What stands here are the journal and the workspaces of the model.

// modelJournal is what was put into the journal, in its order.
type modelJournal []store.JournalEntry

// modelWorkspace is a workspace, and how many entries it has of each kind.
type modelWorkspace struct {
	openedAt time.Time
	orphaned bool
	kinds    map[string]int64
}

// modelWorkspaceName is a workspace of acme, where namespace says so, or of none.
type modelWorkspaceName struct{ namespace, name string }

// summaryGroup is where a commit leaves the summary.
func (name modelWorkspaceName) summaryGroup() string {
	if name.namespace == "" {
		return "workspace:" + name.name
	}
	return name.namespace + ":workspace:" + name.name
}

// journal puts a point into the journal, at a time that no other has.
func (model *model) commitToJournal(entry store.JournalEntry) store.JournalEntry {
	entry.EntryID, entry.CommittedAt = int64(len(model.journal)+1), model.now()
	if last := len(model.journal) - 1; last >= 0 && !entry.CommittedAt.After(model.journal[last].CommittedAt) {
		entry.CommittedAt = model.journal[last].CommittedAt.Add(1)
	}
	model.journal = append(model.journal, entry)
	model.clock.keepUnlogged()
	return entry
}

// point is a JournalCommand, and the entry that it makes.
type point struct {
	store.JournalCommand
	entry store.JournalEntry
}

func newPoint(namespace, measurement string, fields map[string]any, tags map[string]string) (point, error) {
	command, err := store.NewJournalCommand(namespace, measurement, fields, tags)
	return point{command, store.JournalEntry{Namespace: namespace, Measurement: measurement, Fields: fields, Tags: tags}}, err
}

// pointCommand draws a point.
func (machine *machine) pointCommand(t *rapid.T) store.Command {
	drawn, err := newPoint(rapid.SampledFrom([]string{"", "acme", "ACME"}).Draw(t, "namespace of point"), "m",
		map[string]any{"n": rapid.Int64Range(-2, 2).Draw(t, "field")}, map[string]string{})
	require.NoError(t, err)
	return drawn
}

// summaryOf gives a copy of the counts of a workspace.
func (workspace *modelWorkspace) summary() map[string]int64 { return maps.Clone(workspace.kinds) }

// openWorkspace is OpenWorkspaceCommand.
func (model *model) openWorkspace(name modelWorkspaceName) store.Outcome {
	workspace, known := model.workspaces[name]
	if !known {
		workspace = &modelWorkspace{openedAt: model.now(), kinds: map[string]int64{}}
		model.workspaces[name] = workspace
	}
	workspace.orphaned = false
	return store.Outcome{Created: !known, Entries: workspace.entries()}
}

func (workspace *modelWorkspace) entries() (sum int64) {
	for _, entries := range workspace.kinds {
		sum += entries
	}
	return sum
}

// commitWorkspace is CommitWorkspaceCommand.
func (model *model) commitWorkspace(name modelWorkspaceName, workspace *modelWorkspace) (store.Outcome, error) {
	group := name.summaryGroup()
	if err := model.check(group, "summary", nil); err != nil {
		return store.Outcome{}, err
	}
	value, err := json.Marshal(workspace.kinds)
	if err != nil {
		return store.Outcome{}, err
	}
	if err := model.admit(store.SetCommand{Group: group, Key: "summary", Value: string(value)}); err != nil {
		return store.Outcome{}, err
	}
	outcome := store.Outcome{Summary: workspace.summary()}
	_, exists := model.entries[entryID{group, "summary"}]
	event := model.log(store.Event{Type: store.EventSet, Group: group, Key: "summary", Value: string(value), Created: !exists})
	model.entries[entryID{group, "summary"}] = store.Entry{
		Group: group, Key: "summary", Value: string(value), Revision: event.Revision, UpdatedAt: event.Timestamp,
	}
	outcome.Revision = event.Revision
	if len(workspace.kinds) > 0 {
		fields := map[string]any{}
		for kind, entries := range workspace.kinds {
			fields[kind] = entries
		}
		entry := model.commitToJournal(store.JournalEntry{Namespace: name.namespace, Measurement: name.name, Fields: fields, Tags: map[string]string{"workspace": name.name}})
		outcome.EntryID, outcome.CommittedAt = entry.EntryID, entry.CommittedAt
	}
	delete(model.workspaces, name)
	return outcome, nil
}

// writeWorkspace carries a write to a workspace out, without regard to its request.
func (model *model) writeWorkspace(command store.WorkspaceCommand) (store.Outcome, error) {
	var name modelWorkspaceName
	switch command := command.(type) {
	case store.OpenWorkspaceCommand:
		return model.openWorkspace(modelWorkspaceName{command.Namespace, command.Workspace}), nil
	case store.PutWorkspaceCommand:
		name = modelWorkspaceName{command.Namespace, command.Workspace}
	case store.CommitWorkspaceCommand:
		name = modelWorkspaceName{command.Namespace, command.Workspace}
	case store.DiscardWorkspaceCommand:
		name = modelWorkspaceName{command.Namespace, command.Workspace}
	}
	workspace, known := model.workspaces[name]
	if !known {
		return store.Outcome{}, store.ErrNotFound
	}
	switch command := command.(type) {
	case store.PutWorkspaceCommand:
		if err := model.check(name.summaryGroup(), "summary", nil); err != nil {
			return store.Outcome{}, err // what cannot be committed is not gathered
		}
		workspace.kinds[command.Kind]++
		return store.Outcome{Entries: workspace.entries()}, nil
	case store.CommitWorkspaceCommand:
		return model.commitWorkspace(name, workspace)
	default:
		model.clock.keepUnlogged()
		delete(model.workspaces, name)
		return store.Outcome{}, nil
	}
}

// workspaceCommand draws a write to a workspace.
func (machine *machine) workspaceCommand(t *rapid.T) store.WorkspaceCommand {
	namespace := rapid.SampledFrom([]string{"acme", "ACME"}).Draw(t, "namespace of workspace")
	name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "workspace")
	switch rapid.IntRange(0, 6).Draw(t, "workspace command") {
	case 0, 1:
		return store.OpenWorkspaceCommand{Namespace: namespace, Workspace: name}
	case 2:
		return store.CommitWorkspaceCommand{Namespace: namespace, Workspace: name}
	case 3:
		return store.DiscardWorkspaceCommand{Namespace: namespace, Workspace: name}
	default:
		kind := rapid.SampledFrom([]string{"row", "größe"}).Draw(t, "kind")
		return store.PutWorkspaceCommand{Namespace: namespace, Workspace: name, Kind: kind, Data: json.RawMessage(`1`)}
	}
}

// Workspace makes some writes to workspaces, now and then with an id that was seen
// before, be it by a workspace or by another command.
func (machine *machine) Workspace(t *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(t, "writes") {
		machine.writeWorkspace(t)
	}
	machine.compareWorkspaces(t)
}

func (machine *machine) writeWorkspace(t *rapid.T) {
	command := machine.workspaceCommand(t)
	request := store.Request{Namespace: "acme"}
	if rapid.IntRange(0, 1).Draw(t, "requested") == 0 {
		request.ID = rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "request id")
		copy(request.Digest[:], fmt.Sprintf("%.32s", strings.TrimPrefix(fmt.Sprintf("%T%v", command, command), "store.")))
		request.Answer = describeWorkspaceOutcome
	}
	type result struct {
		outcome store.Outcome
		err     error
	}
	results := make(chan result, 1)
	machine.opened.SubmitWorkspace(request, command, func(outcome store.Outcome, err error) { results <- result{outcome, err} })
	got := <-results
	machine.model.commit(func() {
		outcome, err := machine.model.requestWorkspace(request, command)
		requireSameError(t, err, got.err)
		require.Equal(t, outcome, got.outcome, "%#v", command)
	})
}

func describeWorkspaceOutcome(outcome store.Outcome) ([]byte, error) {
	return fmt.Appendf(nil, "%t %d %v %d %d", outcome.Created, outcome.Entries, outcome.Summary, outcome.Revision, outcome.EntryID), nil
}

func (model *model) requestWorkspace(request store.Request, command store.WorkspaceCommand) (store.Outcome, error) {
	if request.ID == "" {
		return model.writeWorkspace(command)
	}
	name := request.Namespace + "/" + request.ID
	if earlier, known := model.answers[name]; known && model.now().Sub(earlier.at) < 2*time.Minute {
		if earlier.digest != request.Digest {
			return store.Outcome{}, store.ErrRequestMismatch
		}
		return store.Outcome{Answer: earlier.bytes, Replayed: true}, nil
	}
	at := model.now()
	outcome, err := model.writeWorkspace(command)
	if err != nil {
		return store.Outcome{}, err
	}
	outcome.Answer, _ = request.Answer(outcome)
	model.answers[name] = modelAnswer{digest: request.Digest, bytes: outcome.Answer, at: at}
	model.clock.keepUnlogged()
	return outcome, nil
}

// compareWorkspaces compares the workspaces with those of the model.
func (machine *machine) compareWorkspaces(t *rapid.T) {
	for _, namespace := range []string{"acme", "ACME"} {
		var want []store.WorkspaceInfo
		for name, workspace := range machine.model.workspaces {
			if name.namespace == namespace {
				want = append(want, store.WorkspaceInfo{Name: name.name, Entries: workspace.entries(), OpenedAt: workspace.openedAt, Orphaned: workspace.orphaned})
				found, err := machine.opened.FindWorkspace(namespace, name.name)
				require.NoError(t, err)
				summary, err := found.Aggregate()
				require.NoError(t, err)
				require.Equal(t, workspace.kinds, summary)
			}
		}
		slices.SortFunc(want, func(left, right store.WorkspaceInfo) int { return strings.Compare(left.Name, right.Name) })
		infos, err := machine.opened.Workspaces(namespace)
		require.NoError(t, err)
		require.Equal(t, want, infos)
	}
}

// compareJournal compares what is to be delivered.
func (machine *machine) compareJournal(t *rapid.T) {
	entries, more, err := machine.opened.PendingJournal(100_000, 1<<30)
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, []store.JournalEntry(machine.model.journal), entries)
}

// orphan takes note that the store was opened again.
func (model *model) orphan() {
	for _, workspace := range model.workspaces {
		workspace.orphaned = true
	}
}

// copyWorkspaces copies the files of workspaces as a crash leaves them.
func copyWorkspaces(from, to string) error {
	names, err := filepath.Glob(filepath.Join(from, "*.workspace*"))
	if err != nil || len(names) == 0 {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "-shm") {
			continue
		}
		content, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(name)), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
