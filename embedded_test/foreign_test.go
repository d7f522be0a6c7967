// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// promptly is more than any request takes if nobody waits for another process.
const promptly = 2 * time.Second

// foreign is a connection of this process to the database of a sidecar, which is another process.
type foreign struct{ *sql.Conn }

// openForeign opens the database as another program does.
func openForeign(t *testing.T, database string) foreign {
	t.Helper()
	pool, err := sql.Open("sqlite", "file://"+database+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	connection, err := pool.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, connection.Close())
		assert.NoError(t, pool.Close())
	})
	return foreign{connection}
}

// run executes a statement.
func (foreign foreign) run(t *testing.T, statement string) {
	t.Helper()
	_, err := foreign.ExecContext(context.Background(), statement)
	require.NoError(t, err, statement)
}

// read begins a transaction that reads, and leaves it open.
func (foreign foreign) read(t *testing.T) {
	t.Helper()
	foreign.run(t, "BEGIN")
	var commits int
	require.NoError(t, foreign.QueryRowContext(context.Background(), "SELECT count(*) FROM commits").Scan(&commits))
}

// requirePrompt carries out function, which nobody may hold up.
func requirePrompt(t *testing.T, what string, function func()) {
	t.Helper()
	began := time.Now()
	function()
	require.Less(t, time.Since(began), promptly, what)
}

// awaitStatus asks for the status until it is as wanted. No request may be held up.
func awaitStatus(t *testing.T, tenant *tenant, wanted func(status statusReply) bool) (status statusReply) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for status.Store == "" || !wanted(status) {
		require.NoError(t, ctx.Err(), "%+v", status)
		requirePrompt(t, "status", func() { status = readStatus(t, tenant.connection) })
		requirePrompt(t, "list", func() { requireFirst(t, tenant.call(t, "list", `{"group":"cold"}`)) })
	}
	return status
}

// A program that reads the database holds up nobody. The operator is told.
func TestForeign_Read_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar, page := serveWithPage(t, outside.URL(), database)
	acme := newTenant(t, outside.URL(), "acme")
	acme.set(t, "cold", "k", "v")
	reader := openForeign(t, database)
	reader.read(t)

	acme.set(t, "g", "k", "v")
	// A quiet second follows, and then a checkpoint.
	status := awaitStatus(t, acme, func(status statusReply) bool { return status.WALOldestSeconds > 0 })
	assert.NotZero(t, status.WALHindered)
	assert.True(t, status.Writable)
	assert.Positive(t, page.metric(t, "storebus_wal_oldest_seconds"))
	assert.Positive(t, page.metric(t, "storebus_wal_hindered_total"))
	sidecar.says(t, "another process uses the database")
	for key := range 24 {
		requirePrompt(t, "set", func() { acme.set(t, "large", fmt.Sprint(key), strings.Repeat("x", 900_000)) })
	}
	sidecar.says(t, "the write-ahead log is long")
	older := awaitStatus(t, acme, func(older statusReply) bool { return older.WALHindered > status.WALHindered })
	assert.Greater(t, older.WALOldestSeconds, status.WALOldestSeconds)
	assert.Greater(t, page.metric(t, "storebus_wal_bytes"), 16e6)

	reader.run(t, "COMMIT")
	awaitStatus(t, acme, func(status statusReply) bool { return status.WALOldestSeconds == 0 && *status.WALBytes == 0 })
	sidecar.says(t, "checkpoints take all of the write-ahead log again")
	for _, line := range []string{"another process uses the database", "the write-ahead log is long"} {
		assert.Equal(t, 1, strings.Count(sidecar.errors.String(), line), line)
	}
}

// A program that holds the lock for writing has writes refused, and holds up nothing else.
func TestForeign_Write_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startServe(t, outside.URL(), database)
	acme := newTenant(t, outside.URL(), "acme")
	acme.set(t, "cold", "k", "v")
	writer := openForeign(t, database)

	writer.run(t, "BEGIN IMMEDIATE")
	requirePrompt(t, "ten writes", func() {
		for range 10 {
			failed := requireFailure(t, acme.call(t, "set", `{"group":"g","key":"k","value":"v"}`), 503, "unavailable")
			assert.Contains(t, failed.Message, "another process")
		}
	})
	requirePrompt(t, "get", func() { requireFirst(t, acme.call(t, "get", `{"group":"cold","key":"k"}`)) })
	status := awaitStatus(t, acme, func(status statusReply) bool { return !status.Writable })
	assert.Contains(t, status.Reason, "another process")

	writer.run(t, "ROLLBACK")
	awaitStatus(t, acme, func(status statusReply) bool { return status.Writable })
	assert.Equal(t, uint64(2), acme.set(t, "g", "k", "v"), "what was refused has changed nothing")
	for _, line := range []string{"writes are refused", "writes are taken again"} {
		assert.Equal(t, 1, strings.Count(sidecar.errors.String(), line), line)
	}
	assert.NotContains(t, sidecar.errors.String(), "work of the store failed")
	assert.Zero(t, sidecar.terminate(t))
}

// A write waits for a lock that is held for less than a quarter of a second.
func TestForeign_Write_Good(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	startServe(t, outside.URL(), database)
	acme := newTenant(t, outside.URL(), "acme")
	writer := openForeign(t, database)
	taken := uint64(0)
	for range 20 {
		writer.run(t, "BEGIN IMMEDIATE")
		answered := make(chan *nats.Msg)
		go func() {
			reply, err := acme.connection.Request("store.acme.set", []byte(`{"group":"g","key":"k","value":"v"}`), patience)
			assert.NoError(t, err)
			answered <- reply
		}()
		acme.call(t, "exists", `{"group":"g","key":"k"}`)
		writer.run(t, "ROLLBACK")
		if got := (answer{<-answered}); got.Header.Get(headerErrorCode) == "" { // the machine may be slow
			taken++
			assert.Equal(t, taken, decode[setReply](t, got).Revision)
		}
	}
	assert.NotZero(t, taken)
	assert.Equal(t, uint64(1), *readStatus(t, acme.connection).Entries, "a write that has waited counts once")
}

// Another program may copy the write-ahead log and make checkpoints of its own, as programs do that
// replicate a database. No request waits for it, and nothing is lost.
func TestForeign_Replicate_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startServe(t, outside.URL(), database)
	acme := newTenant(t, outside.URL(), "acme")
	reader, maker := openForeign(t, database), openForeign(t, database)
	for round := range 40 {
		reader.read(t) // it keeps the log as it is until it is copied
		requirePrompt(t, "set", func() { acme.set(t, "g", fmt.Sprint(round), strings.Repeat("x", 10_000)) })
		requirePrompt(t, "list", func() { requireFirst(t, acme.call(t, "list", `{"group":"g"}`)) })
		maker.run(t, "PRAGMA wal_checkpoint(PASSIVE)")
		reader.run(t, "COMMIT")
		maker.run(t, "PRAGMA wal_checkpoint(RESTART)")
	}
	assert.Zero(t, sidecar.terminate(t))
	verifyIntegrity(t, database)
}

// Litestream replicates the database of a sidecar that serves. The replica, restored, has every
// acknowledged write.
func TestForeign_Litestream_Good(t *testing.T) {
	program, err := exec.LookPath("litestream")
	if err != nil {
		t.Skip("litestream is not installed; 0.5.18 was tried")
	}
	outside := startBroker(t, "127.0.0.1:0")
	folder := t.TempDir()
	database, settings := filepath.Join(folder, "storebus.db"), filepath.Join(folder, "litestream.yml")
	require.NoError(t, os.WriteFile(settings, fmt.Appendf(nil, "dbs:\n  - path: %s\n    replicas:\n      - path: %s/replica\n", database, folder), 0o600))
	sidecar := startServe(t, outside.URL(), database)
	acme := newTenant(t, outside.URL(), "acme")
	acme.set(t, "cold", "k", "v")
	replicating := startProcess(t, program, nil, "replicate", "-config", settings)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for replicas := []string(nil); len(replicas) == 0; {
		require.NoError(t, ctx.Err(), replicating.output)
		requirePrompt(t, "set", func() { acme.set(t, "g", "k", strings.Repeat("x", 10_000)) })
		requirePrompt(t, "list", func() { requireFirst(t, acme.call(t, "list", `{"group":"cold"}`)) })
		replicas, _ = filepath.Glob(folder + "/replica/ltx/*/*") // the pattern is well-formed
	}
	acme.set(t, "g", "last", "acknowledged")
	assert.Zero(t, replicating.terminate(t), "it copies the rest and ends")
	assert.Zero(t, sidecar.terminate(t))

	restored := filepath.Join(folder, "restored.db")
	assert.Zero(t, startProcess(t, program, nil, "restore", "-config", settings, "-o", restored, database).wait(t))
	startServe(t, outside.URL(), restored)
	acme.requireValue(t, "g", "last", "acknowledged")
}

// requireValue asserts the value of a key.
func (tenant *tenant) requireValue(t *testing.T, group, key, value string) {
	t.Helper()
	got := decode[entry](t, tenant.call(t, "get", object(t, "group", group, "key", key)))
	require.NotNil(t, got.Value)
	assert.Equal(t, value, *got.Value)
}
