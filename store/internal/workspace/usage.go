// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// newFileBytes is about the size of the file of a workspace without entries.
const newFileBytes = 40 << 10

// usage is how many bytes the files of workspaces have, by the keys of their namespaces. Any number of
// goroutines may use it.
type usage struct {
	bytes guarded[map[workspacefile.Key]int64]
}

// set replaces the figures of some keys.
func (usage *usage) set(sizes map[workspacefile.Key]int64) {
	bytes, unlock := usage.bytes.lock()
	defer unlock()
	if *bytes == nil {
		*bytes = map[workspacefile.Key]int64{}
	}
	for key, size := range sizes {
		(*bytes)[key] = size
	}
}

func (usage *usage) of(namespace string) int64 {
	bytes, unlock := usage.bytes.lock()
	defer unlock()
	return (*bytes)[workspacefile.KeyOf(namespace)]
}

// measure looks at the size of the file of a run.
func (usage *usage) measure(run *run) {
	size := run.Size()
	grown := size - run.bytes.Swap(size)
	if grown == 0 {
		return
	}
	bytes, unlock := usage.bytes.lock()
	defer unlock()
	if *bytes == nil {
		*bytes = map[workspacefile.Key]int64{}
	}
	key := workspacefile.KeyOf(run.Name.Namespace)
	if (*bytes)[key] += grown; (*bytes)[key] <= 0 {
		delete(*bytes, key)
	}
}

// Bytes is the size of the files of a namespace, with the files that SQLite keeps beside them.
func (workspaces *Workspaces) Bytes(namespace string) int64 { return workspaces.usage.of(namespace) }

// Quotas has the limits of the workspaces. The table of the quotas keeps them up to date.
func (workspaces *Workspaces) Quotas() *batch.SharedQuotas { return &workspaces.quotas }

// admitBytes returns QuotaExceededError if a namespace has no room for so many bytes.
func (workspaces *Workspaces) admitBytes(namespace string, grown int64) error {
	limit := workspaces.quotas.MaxWorkspaceBytes(namespace)
	if limit == 0 || workspaces.usage.of(namespace)+grown <= limit {
		return nil
	}
	// A file may have become smaller when its connection was closed.
	for _, run := range workspaces.runsOf(namespace) {
		workspaces.usage.measure(run)
	}
	used := workspaces.usage.of(namespace)
	if used+grown <= limit {
		return nil
	}
	return &failure.QuotaExceededError{Quota: "workspace_bytes", Limit: limit, Usage: used}
}

// admitEntry is admitBytes for an entry of a workspace. The log beside the file gives way first.
func (workspaces *Workspaces) admitEntry(turn turn, database *workspacefile.Database, grown int64) error {
	namespace := turn.run.Name.Namespace
	limit := workspaces.quotas.MaxWorkspaceBytes(namespace)
	if limit == 0 || workspaces.usage.of(namespace)+grown <= limit {
		return nil
	}
	if err := database.Checkpoint(); err != nil {
		return err
	}
	return workspaces.admitBytes(namespace, grown)
}

// runsOf returns the known runs of a namespace.
func (workspaces *Workspaces) runsOf(namespace string) (runs []*run) {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	for name, run := range registry.runs {
		if name.Namespace == namespace {
			runs = append(runs, run)
		}
	}
	return runs
}
