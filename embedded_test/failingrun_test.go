// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// always makes every fsync fail. strace counts the calls of each thread separately, so a
// number such as "20" fails that call of each thread.
const always = "1+"

// failingRun is a sidecar whose fsync of the write-ahead log fails. It runs on the database
// of a sound sidecar.
type failingRun struct {
	outside  *broker
	database string
	random   *rand.Rand
	load     *load
	listener *listener
	trace    string
	sidecar  *process
	// before is the log after the load, see remember.
	before map[string][]json.RawMessage
}

// killed and terminated are two ways to end a sidecar.
func killed(t *testing.T, sidecar *process) {
	t.Helper()
	sidecar.kill(t)
}

func terminated(t *testing.T, sidecar *process) {
	t.Helper()
	assert.Zero(t, sidecar.terminate(t))
}

// startFailingRun ends a sidecar under load, and starts another one. strace makes its fsync
// fail at the calls that when selects.
func startFailingRun(t *testing.T, end func(*testing.T, *process), when, durability string) *failingRun {
	t.Helper()
	run := &failingRun{
		outside:  startBroker(t, "127.0.0.1:0"),
		database: filepath.Join(resolvedFolder(t), "storebus.db"),
		trace:    filepath.Join(t.TempDir(), "trace"),
		random:   seeded(t),
	}
	first := startServe(t, run.outside.URL(), run.database)
	run.listener = startListener(t, run.outside.URL())
	run.load = startLoad(t, run.outside.URL())
	waitFor(t, run.load.begin(300), "acknowledgements of the first run")
	end(t, first)
	run.load.shut()
	run.sidecar = startTraced(t, run.outside.URL(), run.database, run.trace, []string{
		"-P", run.database + "-wal", "-e", "trace=fsync,fdatasync",
		"-e", "inject=fsync,fdatasync:error=EIO:when=" + when,
	}, "--durability", durability)
	return run
}

// remember reads every change that was acknowledged to the load.
func (run *failingRun) remember(t *testing.T) {
	t.Helper()
	run.load.settle()
	run.before = run.load.verify(t, run.listener.connection)
}

// set lets several clients write.
func (run *failingRun) set(t *testing.T, more func(int, promise) bool) []promise {
	t.Helper()
	return setConcurrently(t, run.outside.URL(), run.random, more)
}

// verifyStopped checks a sidecar that has stopped writing: its replies, its status, and the
// data after a restart. It returns the sets with an unknown outcome.
func (run *failingRun) verifyStopped(t *testing.T, told []promise, end func(*testing.T, *process)) (unknown []promise) {
	t.Helper()
	unknown = verifyAnswers(t, told)
	status := readStatus(t, run.listener.connection)
	assert.False(t, status.Writable)
	assert.NotEmpty(t, status.Reason)
	assert.Equal(t, run.before, run.load.verify(t, run.listener.connection), "reads go on, and see what they saw before")
	done := kept(told, time.Now())
	seen := uint64(0)
	for _, namespace := range promisedNamespaces {
		seen += (&tenant{connection: run.listener.connection, namespace: namespace}).revision(t)
	}
	assert.Equal(t, uint64(len(done)), seen, "what failed is not seen")

	logs := run.restart(t, end)
	assert.Empty(t, missing(done, logs))
	recovered := countStored(unknown, logs)
	assert.Contains(t, []int{0, len(unknown)}, recovered, "one transaction, whole or not at all")
	refused := slices.DeleteFunc(slices.Clone(told), func(one promise) bool {
		return one.failure == nil || one.failure.Name == "outcome_unknown"
	})
	assert.Zero(t, countStored(refused, logs), "refused, and yet there")
	t.Logf("%d sets acknowledged, %d of unknown outcome, of which %d are there after the restart, %d refused",
		len(done), len(unknown), recovered, len(refused))
	return unknown
}

// verifyAnswers checks that every failure is unavailable or an unknown outcome. A client
// that asked after the first failure must be refused. It returns the sets with an unknown
// outcome.
func verifyAnswers(t *testing.T, told []promise) (unknown []promise) {
	t.Helper()
	first := slices.IndexFunc(told, func(one promise) bool { return one.failure != nil })
	require.GreaterOrEqual(t, first, 0, "nothing has failed")
	for _, one := range told {
		if one.failure == nil {
			assert.False(t, one.sent.After(told[first].received), "success after an fsync that failed: %s/%d", one.namespace, one.revision)
			continue
		}
		if one.failure.Name == "outcome_unknown" && !one.sent.After(told[first].received) {
			assert.Equal(t, 500, one.failure.Code)
			unknown = append(unknown, one)
			continue
		}
		assert.Equal(t, "unavailable", one.failure.Name, one.failure.Message)
		assert.Equal(t, 503, one.failure.Code)
	}
	return unknown
}

// countStored returns how many of the sets are in the logs, at any revision.
func countStored(sets []promise, logs map[string][]store.Event) (stored int) {
	values := map[string]bool{}
	for _, log := range logs {
		for _, event := range log {
			values[event.Value] = true
		}
	}
	for _, one := range sets {
		if values[one.value] {
			stored++
		}
	}
	return stored
}

// restart ends the failing sidecar and starts a sound one. That one accepts writes, has
// every acknowledged write, and has published exactly the changes in its log. restart
// returns the final log on disk.
func (run *failingRun) restart(t *testing.T, end func(*testing.T, *process)) map[string][]store.Event {
	t.Helper()
	end(t, run.sidecar)
	run.verifyFailedSyncs(t)
	well := startServe(t, run.outside.URL(), run.database)
	connection := run.listener.connection
	assert.True(t, readStatus(t, connection).Writable)
	told := run.set(t, times(1))
	assert.Len(t, kept(told, time.Now()), len(told))
	published := run.load.verify(t, connection)
	assert.Equal(t, run.before, published)
	for _, namespace := range promisedNamespaces {
		published[namespace] = (&tenant{connection: connection, namespace: namespace}).wholeLog(t)
	}
	run.listener.verify(t, published, readStatus(t, connection).Store)
	terminated(t, well)
	logs := verifyStore(t, run.database)
	assert.Empty(t, missing(told, logs))
	return logs
}

// verifyFailedSyncs checks that an fsync of the write-ahead log has failed, and that strace
// caused it.
func (run *failingRun) verifyFailedSyncs(t *testing.T) {
	t.Helper()
	failed := 0
	for _, text := range readTrace(t, run.trace) {
		injected := strings.Count(text, " = -1 EIO (Input/output error) (INJECTED)")
		assert.Equal(t, strings.Count(text, " = -1 "), injected)
		failed += injected
	}
	assert.NotZero(t, failed)
}
