// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/workspace"
)

// The tests of package store_test know the inside of workspaces through this file alone.

// MaxWorkspaceConnections is how many files of workspaces are open at once at most.
const MaxWorkspaceConnections = workspace.MaxConnections

// OpenWorkspaceConnections returns how many files of workspaces are open.
func OpenWorkspaceConnections(store *Store) int {
	return store.workspaces.OpenConnections()
}

// FailWorkspaceCommits has function called at each step of the commit of a workspace.
func FailWorkspaceCommits(store *Store, function func(step string)) {
	store.workspaces.SetFailpoint(function)
}

// visitNames are the names of the visits that carry out a command, by its type.
var visitNames = strings.NewReplacer("workspace.commitCommand", "commitWorkspaceCommand", "workspace.discardCommand", "discardWorkspaceCommand", "workspace.", "")

// recordingHost is the store as its workspaces see it, and lists their visits to the committer.
type recordingHost struct {
	workspace.Host
	mutex  sync.Mutex
	visits []string
}

func (host *recordingHost) visit(visit string) {
	host.mutex.Lock()
	defer host.mutex.Unlock()
	host.visits = append(host.visits, visit)
}

// Do is a visit.
func (host *recordingHost) Do(command Command) (Outcome, error) {
	asked := command
	if request, ok := command.(commands.Answered); ok {
		asked = request.Command
	}
	host.visit(visitNames.Replace(fmt.Sprintf("%T", asked)))
	return host.Host.Do(command)
}

// Recall is a visit.
func (host *recordingHost) Recall(name batch.RequestName) (*batch.Answer, time.Time, error) {
	host.visit("recall")
	return host.Host.Recall(name)
}

// EndedRuns is a visit.
func (host *recordingHost) EndedRuns() (map[string]bool, error) {
	host.visit("ended runs")
	return host.Host.EndedRuns()
}

// RecordVisits has the visits of workspaces to the committer recorded. take returns and forgets
// them.
func RecordVisits(store *Store) (take func() []string) {
	host := &recordingHost{}
	store.workspaces.SetHost(func(before workspace.Host) workspace.Host {
		host.Host = before
		return host
	})
	return func() []string {
		host.mutex.Lock()
		defer host.mutex.Unlock()
		visits := host.visits
		host.visits = nil
		return visits
	}
}

// MarkedRuns returns how many runs of workspaces are marked as ended.
func MarkedRuns(store *Store) (int, error) {
	runs, err := storeHost{store}.EndedRuns()
	return len(runs), err
}

// EndedRuns is MarkedRuns for a store that was left alone for a while.
func EndedRuns(store *Store) (int, error) {
	if err := Settle(store); err != nil {
		return 0, err
	}
	return MarkedRuns(store)
}

// BoundQueries sets how long a query of a workspace may run, and by how many bytes the
// process may grow meanwhile.
func BoundQueries(store *Store, duration time.Duration, bytes int) {
	bound(store, func(bounds *workspace.Bounds) { bounds.QueryTime, bounds.QueryMemory = duration, bytes })
}

// BoundQueryWait sets how long a query waits for its turn.
func BoundQueryWait(store *Store, duration time.Duration) {
	bound(store, func(bounds *workspace.Bounds) { bounds.QueryWait = duration })
}

// BoundWorkspaces sets how many workspaces a namespace may have.
func BoundWorkspaces(store *Store, count int64) {
	bound(store, func(bounds *workspace.Bounds) { bounds.Workspaces = count })
}

func bound(store *Store, change func(bounds *workspace.Bounds)) {
	bounds := store.workspaces.Bounds()
	change(&bounds)
	store.workspaces.SetBounds(bounds)
}
