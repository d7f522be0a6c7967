// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"time"

	"dappco.re/go/storebus/store/internal/limiter"
)

const (
	// MaxWorkspaces is the largest number of workspaces of a namespace at once.
	MaxWorkspaces = 1000
	// MaxQueryTime is the longest time that a query runs.
	MaxQueryTime = time.Second
)

// queriesAtOnce is how many queries of a store run at once, half of them of one namespace; others
// wait.
const queriesAtOnce = 2

// Bounds are the bounds of a store's workspaces. Tests narrow them.
type Bounds struct {
	// Workspaces is the largest number of workspaces of a namespace.
	Workspaces int64
	// QueryWait is the longest time that a query waits for its turn, and QueryTime the longest
	// time that it runs.
	QueryWait, QueryTime time.Duration
	// QueryMemory is by how many bytes the process may grow while a query runs.
	QueryMemory int
}

// DefaultBounds are the bounds of each store. After QueryWait, the caller of a query has gone.
var DefaultBounds = Bounds{Workspaces: MaxWorkspaces, QueryWait: 30 * time.Second, QueryTime: MaxQueryTime, QueryMemory: 256 << 20}

// Bounds returns the bounds.
func (workspaces *Workspaces) Bounds() Bounds { return workspaces.bounds }

// SetBounds sets the bounds. No query runs meanwhile.
func (workspaces *Workspaces) SetBounds(bounds Bounds) {
	workspaces.bounds = bounds
	workspaces.queries = limiter.New[string](limiter.Limits{
		Total: queriesAtOnce, Each: queriesAtOnce / 2, Wait: bounds.QueryWait, What: "queries", Closed: workspaces.config.Stopped,
	})
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	registry.room = bounds.Workspaces
}

// SetHost puts another host into the place of the store's. So tests see the visits of the
// workspaces to the store.
func (workspaces *Workspaces) SetHost(replace func(host Host) Host) {
	workspaces.config.Host = replace(workspaces.config.Host)
}

// SetFailpoint has function called after each step of a commit, for tests. nil ends that.
func (workspaces *Workspaces) SetFailpoint(function func(step string)) {
	workspaces.failpoint = function
}

// OpenConnections returns how many files are open.
func (workspaces *Workspaces) OpenConnections() int {
	connections, unlock := workspaces.pool.connections.lock()
	defer unlock()
	return connections.open
}
