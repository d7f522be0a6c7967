// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/workspace"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// storeHost is the store as its workspaces see it.
type storeHost struct{ store *Store }

// Do carries a command out.
func (host storeHost) Do(command Command) (Outcome, error) {
	outcome, _, err := host.store.carryOut(command, batch.Origin{})
	return outcome, err
}

// Recall looks up an answer.
func (host storeHost) Recall(name batch.RequestName) (earlier *batch.Answer, now time.Time, err error) {
	earlier, err = look(host.store, func(committer *engine.Committer) (*batch.Answer, error) {
		now = committer.Now()
		return committer.Tables().Answers().Find(name, now)
	})
	return earlier, now, err
}

// EndedRuns lists the marks.
func (host storeHost) EndedRuns() (map[string]bool, error) {
	return ask(host.store, func(committer *engine.Committer) (map[string]bool, error) {
		return workspace.RunsOf(committer.Tables()).Ended(), nil
	})
}

// Forbids is about a store that is behind its mark, and about a full disk whose reserve is in use.
func (host storeHost) Forbids() error {
	return cmp.Or(host.store.marked.refusal, host.store.engine.Scarcity())
}

// Limits are those of the next batch.
func (host storeHost) Limits() kv.Limits { return host.store.engine.Limits() }

// Now is the time of the store's clock.
func (host storeHost) Now() time.Time { return host.store.clock.Now() }

// CheckKind refuses a kind that cannot be the name of a field.
func (host storeHost) CheckKind(kind string) error { return CheckWorkspaceKind(kind) }

// workspaceTag is the tag of a commit's journal entry that has the workspace's name.
const workspaceTag = "workspace"

// NewPoint makes the command that puts a summary into the journal.
func (host storeHost) NewPoint(name workspacefile.Name, summary map[string]int64) (workspace.Point, error) {
	command, err := journal.NewCommand(name.Namespace, name.Workspace, summary, map[string]string{workspaceTag: name.Workspace})
	return summaryPoint{command}, err
}

// summaryPoint is a point whose size can be checked before it is committed.
type summaryPoint struct{ JournalCommand }

// CheckSize checks the size against the limits.
func (point summaryPoint) CheckSize(limits kv.Limits) error {
	return journal.CheckSize(point.JournalCommand, limits)
}

// CheckWorkspaceKind returns ErrInvalidName for a kind that Put does not take. A commit uses
// the kind as the name of a field.
//
//	err := store.CheckWorkspaceKind("row")
func CheckWorkspaceKind(kind string) error {
	if err := workspacefile.CheckKind(kind); err != nil {
		return err
	}
	if kind == journal.NamespaceTag || kind == workspaceTag {
		return fmt.Errorf("%w: kind %q is the name of a tag of the journal entry that a commit makes", failure.ErrInvalidName, kind)
	}
	if err := journal.CheckKey("field", kind); err != nil {
		return fmt.Errorf("%w: kind %q cannot be in the journal: %w", failure.ErrInvalidName, kind, err)
	}
	return nil
}

// callerHost carries out a command for a caller that runs the callbacks of OnChange itself.
type callerHost struct {
	store *Store
	// events are the changes of the command.
	events []Event
}

// Do carries a command out.
func (host *callerHost) Do(command Command) (Outcome, error) {
	outcome, events, err := host.store.carryOut(command, batch.Origin{FromCaller: true})
	host.events = events
	return outcome, err
}
