// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"database/sql"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // opens the files of a killed sidecar
)

// seeded returns random numbers, and logs the seed that repeats them.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("random seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// The promises about crashes hold on the real binary. Acknowledged writes are there,
// revisions are dense, no event is lost, and the order is kept.
func TestKill_Sidecar_Ugly(t *testing.T) {
	t.Parallel()
	const kills = 10
	random := seeded(t)
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	listener := startListener(t, outside.URL())
	watchers := startWatchers(t, outside.URL())
	load := startLoad(t, outside.URL())

	for kill := range kills {
		sidecar := startServe(t, outside.URL(), database)
		load.settle()
		load.verify(t, listener.connection)
		// The writer that got the last acknowledgement kills the sidecar.
		reached := load.beginUntil(50+random.IntN(1000), func() { assert.NoError(t, sidecar.native.Kill()) })
		waitFor(t, reached, "acknowledgements after start %d", kill)
		sidecar.wait(t)
		load.shut()
	}
	last := startServe(t, outside.URL(), database)
	load.settle()
	reached := load.begin(500)
	waitFor(t, reached, "acknowledgements after the last start")
	load.finish()

	told := invariants{load: load, listener: listener, watchers: watchers, refusals: []string{"unavailable"}, sidecar: last, database: database}
	found := told.check(t)
	requireSilence(t, listener.connection, listener.subscription)
	t.Logf("%d acknowledged, %d without a reply, %d events came again", len(load.acknowledged), load.unknown, found.repeats)
}

// verifyRefusals checks that requests were refused with these error names only.
func (load *load) verifyRefusals(t *testing.T, reasons ...string) {
	t.Helper()
	load.mutex.Lock()
	defer load.mutex.Unlock()
	for reason, count := range load.refused {
		assert.Contains(t, reasons, reason, "%d requests", count)
	}
}

// verifyIntegrity lets SQLite check a database that no process has open.
func verifyIntegrity(t *testing.T, path string) {
	t.Helper()
	database, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer database.Close()
	var verdict string
	require.NoError(t, database.QueryRow("PRAGMA integrity_check").Scan(&verdict))
	assert.Equal(t, "ok", verdict)
	verifyRecords(t, database)
}

// waitFor waits until a channel is closed.
func waitFor(t *testing.T, channel <-chan struct{}, format string, arguments ...any) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-channel:
	case <-timer.C:
		require.FailNowf(t, "waited in vain", format, arguments...)
	}
}
