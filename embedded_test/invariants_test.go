// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
)

// invariants are what must hold after any fault. They hold what clients were told against the store,
// its log, its events, the endpoint, and its files. A test of a fault ends with check. Witnesses that
// a test has not are nil.
type invariants struct {
	load     *load
	listener *listener
	watchers []*watcher
	tasks    verifiedTasks
	// refusals are the only errors that the writers of the load may have got, if there are some.
	refusals []string

	// sidecar is ended by check, before the files are looked at.
	sidecar            *process
	database, archives string
}

// verifiedTasks are tasks with points, workspaces, quotas and expiry, which soakTasks are.
type verifiedTasks interface {
	verify(t *testing.T)
	verifyArchives(t *testing.T, database, archives string) (points int)
}

// found is what the invariants were checked against: the log of each namespace, the number of events
// that came again, and the number of archived points.
type found struct {
	logs              map[string][]json.RawMessage
	repeats, archived int
}

// check checks everything. The load has finished, and the tasks have ended.
func (told *invariants) check(t *testing.T) (found found) {
	t.Helper()
	connection := told.load.connections[0]
	found.logs = told.load.verify(t, connection)
	if told.listener != nil {
		found.repeats = told.listener.verify(t, found.logs, readStatus(t, connection).Store)
	}
	for _, watcher := range told.watchers {
		watcher.verify(t, found.logs[watcher.namespace])
	}
	if told.tasks != nil {
		told.tasks.verify(t)
	}
	if told.refusals != nil {
		told.load.verifyRefusals(t, told.refusals...)
	}
	assert.Zero(t, told.sidecar.terminate(t), "exit status after SIGTERM")
	if told.tasks != nil {
		found.archived = told.tasks.verifyArchives(t, told.database, told.archives)
	}
	verifyIntegrity(t, told.database)
	return found
}
