// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"context"
	"database/sql"
	numbers "encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// storedRecord is a record of a database, put together from its rows.
type storedRecord struct {
	id                uint64
	commit            int64
	committedAt       int64
	changes, sections []byte
	hash              int64
}

// hashOf is the hash of a record, as docs/decisions/0023-one-record-a-commit.md has it.
func (record *storedRecord) hashOf(storeID string, previous int64) int64 {
	buffer := append(numbers.AppendUvarint(nil, uint64(len(storeID))), storeID...)
	buffer = numbers.AppendUvarint(buffer, record.id)
	buffer = numbers.AppendVarint(buffer, record.committedAt)
	buffer = numbers.LittleEndian.AppendUint64(buffer, uint64(previous))
	buffer = numbers.AppendUvarint(buffer, uint64(len(record.changes)))
	return int64(xxhash.Sum64(append(append(buffer, record.changes...), record.sections...)))
}

// verifyRecords checks the records in a database: their ids are dense, each has the changes and
// the sections that its hash tells, and the hash of the record before. It returns the newest.
func verifyRecords(t *testing.T, database *sql.DB) (last uint64) {
	t.Helper()
	var storeID string
	require.NoError(t, database.QueryRow("SELECT value FROM meta WHERE name = 'store_id'").Scan(&storeID))
	var commit, previous int64
	require.NoError(t, database.QueryRow("SELECT record_id, commit_id, hash FROM record_start").Scan(&last, &commit, &previous))
	commits := storedRecords(t, database, fmt.Sprintf("SELECT 0, id, committed_at, changes, X'', hash FROM commits WHERE id > %d ORDER BY id", commit))
	sections := storedRecords(t, database, fmt.Sprintf("SELECT record_id, CASE has_changes WHEN 1 THEN commit_id ELSE 0 END, committed_at, X'', sections, hash FROM record_sections WHERE record_id > %d ORDER BY record_id", last))
	for len(commits)+len(sections) > 0 {
		last++
		record := storedRecord{}
		beside := len(sections) > 0 && sections[0].id == last
		if beside {
			record, sections = sections[0], sections[1:]
		}
		if !beside || record.commit != 0 {
			require.NotEmpty(t, commits, "record %d has no changes", last)
			commit++
			require.Equal(t, commit, commits[0].commit, "the commit of record %d", last)
			if beside {
				require.Equal(t, []int64{record.commit, record.committedAt, record.hash}, []int64{commit, commits[0].committedAt, commits[0].hash}, "record %d", last)
			}
			sectionsBeside := record.sections
			record, commits = commits[0], commits[1:]
			record.sections = sectionsBeside
		}
		record.id = last
		require.Equal(t, record.hash, record.hashOf(storeID, previous), "the hash of record %d", last)
		previous = record.hash
	}
	return last
}

func storedRecords(t *testing.T, database *sql.DB, query string) (records []storedRecord) {
	t.Helper()
	rows, err := database.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var record storedRecord
		require.NoError(t, rows.Scan(&record.id, &record.commit, &record.committedAt, &record.changes, &record.sections, &record.hash))
		records = append(records, record)
	}
	require.NoError(t, rows.Err())
	return records
}

// everyKind writes all that records have sections for, until it is told to stop.
type everyKind struct {
	store   *client.Client
	stopped atomic.Bool
	working sync.WaitGroup
	// progress gets a token for each round of a worker.
	progress chan struct{}
	// rounds are the acknowledged rounds of the workers.
	rounds []int
}

func startEveryKind(t *testing.T, store *client.Client, workers int) *everyKind {
	t.Helper()
	load := &everyKind{store: store, progress: make(chan struct{}, 1<<20), rounds: make([]int, workers)}
	for worker := range workers {
		load.working.Go(func() {
			for !load.stopped.Load() && assert.NoError(t, load.round(t, worker, load.rounds[worker]+1)) {
				load.rounds[worker]++
				load.progress <- struct{}{}
			}
		})
	}
	t.Cleanup(load.stop)
	return load
}

func (load *everyKind) stop() {
	load.stopped.Store(true)
	load.working.Wait()
}

// round is one of everything. Each request is repeated until its outcome is known.
func (load *everyKind) round(t *testing.T, worker, number int) error {
	t.Helper()
	name := fmt.Sprint("worker-", worker)
	_, err := load.store.Set(t.Context(), "acme", "rounds", name, fmt.Append(nil, number), client.SetOptions{})
	if err == nil {
		_, err = load.store.Increment(t.Context(), "acme", "sums", name, 1, client.IncrementOptions{})
	}
	if err == nil {
		_, err = load.store.JournalCommit(t.Context(), "acme", "round", map[string]any{"worker": worker, "number": number}, client.JournalOptions{})
	}
	if err == nil {
		err = load.setQuota(t, name, uint64(1000+number))
	}
	if err == nil {
		_, err = load.store.WorkspaceOpen(t.Context(), "acme", name, client.WorkspaceOptions{})
	}
	if err == nil {
		_, err = load.store.WorkspacePut(t.Context(), "acme", name, "row", number, client.WorkspaceOptions{})
	}
	if err == nil {
		_, err = load.store.WorkspaceCommit(t.Context(), "acme", name, client.WorkspaceOptions{})
	}
	return err
}

// setQuota repeats a request that has no id, and gives up a request whose sidecar was killed.
func (load *everyKind) setQuota(t *testing.T, namespace string, keys uint64) (err error) {
	t.Helper()
	for range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err = load.store.Quota(ctx, namespace, client.QuotaOptions{MaxKeys: &keys})
		cancel()
		if err == nil {
			break
		}
	}
	return err
}

// verify checks that each round has left exactly what it must in a database that nobody has open.
func (load *everyKind) verify(t *testing.T, path string) {
	t.Helper()
	database, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer database.Close()
	for worker, rounds := range load.rounds {
		name := fmt.Sprint("worker-", worker)
		for query, want := range map[string]any{
			"SELECT CAST(entry_value AS TEXT) FROM entries WHERE group_name = 'acme:rounds' AND entry_key = ?": fmt.Sprint(rounds),
			"SELECT CAST(entry_value AS TEXT) FROM entries WHERE group_name = 'acme:sums' AND entry_key = ?":   fmt.Sprint(rounds),
			"SELECT max_keys FROM quotas WHERE namespace = ?":                                                  int64(1000 + rounds),
			"SELECT count(*) FROM journal_entries WHERE measurement = ?":                                       int64(rounds),
		} {
			var got any
			require.NoError(t, database.QueryRow(query, name).Scan(&got), query)
			assert.Equal(t, want, got, "%s of %s", query, name)
		}
	}
	var points, distinct int
	require.NoError(t, database.QueryRow("SELECT count(*), count(DISTINCT fields) FROM journal_entries WHERE measurement = 'round'").Scan(&points, &distinct))
	total := 0
	for _, rounds := range load.rounds {
		total += rounds
	}
	assert.Equal(t, []int{total, total}, []int{points, distinct}, "each point is there once")
}

// TestKill_Records_Ugly kills the sidecar under a load of everything that records have sections
// for. The files as the kill leaves them have whole records, and no record is lost later.
func TestKill_Records_Ugly(t *testing.T) {
	t.Parallel()
	const workers, kills = 8, 6
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startServe(t, outside.URL(), database)
	store, err := client.New(connect(t, outside.URL()), client.Config{Timeout: time.Minute, Patience: time.Minute})
	require.NoError(t, err)
	load := startEveryKind(t, store, workers)
	random, last := seeded(t), uint64(0)
	for range kills {
		for range 10 + random.IntN(40) {
			<-load.progress
		}
		sidecar.kill(t)
		left := verifyLeft(t, database)
		require.Greater(t, left, last)
		last = left
		sidecar = startServe(t, outside.URL(), database)
	}
	load.stop()
	assert.Zero(t, sidecar.terminate(t))
	assert.GreaterOrEqual(t, verifyLeft(t, database), last)
	load.verify(t, database)
	verifyIntegrity(t, database)
	t.Logf("%d records, rounds %v", last, load.rounds)
}

// verifyLeft checks the records in a copy of the files of a dead sidecar, and returns the newest.
func verifyLeft(t *testing.T, database string) (last uint64) {
	t.Helper()
	folder := memoryFolder(t)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(database + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "left.db"+suffix), content, 0o600))
	}
	copied, err := sql.Open("sqlite", filepath.Join(folder, "left.db"))
	require.NoError(t, err)
	defer copied.Close()
	return verifyRecords(t, copied)
}
