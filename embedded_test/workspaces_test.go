// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

type workspaceStatus struct {
	Workspace string    `json:"workspace"`
	Entries   int       `json:"entries"`
	OpenedAt  time.Time `json:"opened_at"`
	Orphaned  bool      `json:"orphaned"`
}

type workspacesReply struct {
	Workspaces []workspaceStatus `json:"workspaces"`
	Next       string            `json:"next"`
}

type openReply struct {
	Workspace string `json:"workspace"`
	Created   bool   `json:"created"`
	Entries   int    `json:"entries"`
}

type putReply struct {
	Entries int `json:"entries"`
}

type summaryReply struct {
	Summary map[string]int `json:"summary"`
}

type queryReply struct {
	Columns   []string `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"`
}

type commitReply struct {
	EntryID  uint64         `json:"entry_id"`
	Summary  map[string]int `json:"summary"`
	Revision uint64         `json:"revision"`
}

func (tenant *tenant) openWorkspace(t *testing.T, name string) openReply {
	t.Helper()
	return decode[openReply](t, tenant.call(t, "workspace_open", object(t, "workspace", name)))
}

// putEntry adds an entry. data is JSON.
func (tenant *tenant) putEntry(t *testing.T, workspace, kind, data string) int {
	t.Helper()
	return decode[putReply](t, tenant.call(t, "workspace_put", object(t, "workspace", workspace, "kind", kind, "data", json.RawMessage(data)))).Entries
}

func (tenant *tenant) queryWorkspace(t *testing.T, workspace, query string) answer {
	t.Helper()
	return tenant.call(t, "workspace_query", object(t, "workspace", workspace, "sql", query))
}

func (tenant *tenant) workspaces(t *testing.T) []workspaceStatus {
	t.Helper()
	return decode[workspacesReply](t, tenant.call(t, "workspaces", "")).Workspaces
}

// A workspace on the real binary survives a kill.
func TestWorkspaces_Orphaned_Good(t *testing.T) {
	folder := t.TempDir()
	flags := []string{"--listen", "127.0.0.1:0", "--database", filepath.Join(folder, "storebus.db"), "--state-directory", filepath.Join(folder, "a", "state")}
	sidecar, address := serveOwn(t, nil, flags...)
	acme := newTenant(t, address, "acme")
	assert.NoDirExists(t, filepath.Join(folder, "a"), "it is made when it is needed")
	for _, name := range []string{"left", "used", "thrown", "committed"} {
		assert.Equal(t, openReply{Workspace: name, Created: true}, acme.openWorkspace(t, name))
		assert.Equal(t, 1, acme.putEntry(t, name, "row", `{"sku":"A-17"}`))
		assert.Equal(t, 2, acme.putEntry(t, name, "row", `"<b>größe</b>"`))
	}
	info, err := os.Stat(filepath.Join(folder, "a", "state"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	put := requireFirst(t, acme.identified(t, "the put", "workspace_put", `{"workspace":"used","kind":"warning","data":1}`))
	sidecar.kill(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a", "state", "junk.workspace"), []byte("DUCK"), 0o600))

	sidecar, address = serveOwn(t, nil, flags...)
	acme = newTenant(t, address, "acme")
	orphaned := map[string]bool{}
	for _, status := range acme.workspaces(t) {
		orphaned[status.Workspace] = status.Orphaned
		assert.WithinDuration(t, time.Now(), status.OpenedAt, patience)
	}
	assert.Equal(t, map[string]bool{"left": true, "used": true, "thrown": true, "committed": true}, orphaned)
	assert.Empty(t, newTenant(t, address, "other").workspaces(t))
	t.Run("EveryVerbWorksAsBefore", func(t *testing.T) {
		requireReplayed(t, put, acme.identified(t, "the put", "workspace_put", `{"workspace":"used","kind":"warning","data":1}`))
		assert.Equal(t, 4, acme.putEntry(t, "used", "row", `{"sku":"B-2"}`))
		summary := decode[summaryReply](t, acme.call(t, "workspace_aggregate", `{"workspace":"used"}`)).Summary
		assert.Equal(t, map[string]int{"row": 3, "warning": 1}, summary)
		rows := decode[queryReply](t, acme.queryWorkspace(t, "used", "SELECT data ->> '$.sku' AS sku FROM entries WHERE json_type(data) = 'object' ORDER BY id"))
		assert.Equal(t, queryReply{Columns: []string{"sku"}, Rows: [][]any{{"A-17"}, {"B-2"}}}, rows)
		assert.Equal(t, openReply{Workspace: "used", Entries: 4}, acme.openWorkspace(t, "used"))
		requireFields(t, acme.call(t, "workspace_discard", `{"workspace":"thrown"}`), "discarded")
		commit := decode[commitReply](t, acme.call(t, "workspace_commit", `{"workspace":"committed"}`))
		assert.Equal(t, commitReply{EntryID: 1, Summary: map[string]int{"row": 2}, Revision: 1}, commit)
		assert.JSONEq(t, `{"row":2}`, acme.value(t, "workspace:committed", "summary"))
	})
	t.Run("WhatSomebodyHasOpenedIsNoOrphan", func(t *testing.T) {
		left := acme.workspaces(t)
		require.Len(t, left, 2)
		assert.Equal(t, []any{"left", 2, true}, []any{left[0].Workspace, left[0].Entries, left[0].Orphaned})
		assert.Equal(t, []any{"used", 4, false}, []any{left[1].Workspace, left[1].Entries, left[1].Orphaned})
	})
	t.Run("WhatIsNoWorkspaceIsInQuarantine", func(t *testing.T) {
		found, err := filepath.Glob(filepath.Join(folder, "a", "state", "quarantine", "junk.workspace.*", "junk.workspace"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		content, err := os.ReadFile(found[0])
		require.NoError(t, err)
		assert.Equal(t, "DUCK", string(content))
	})
	t.Run("OneFolderBelongsToOneSidecar", func(t *testing.T) {
		ended := run(t, "", "serve", "--listen", "127.0.0.1:0", "--database", filepath.Join(folder, "other.db"), "--state-directory", filepath.Join(folder, "a", "state"))
		assert.Equal(t, 1, ended.code)
		assert.Contains(t, ended.stderr, fmt.Sprint(sidecar.native.Pid), "it names who has it")
	})
	assert.Zero(t, sidecar.terminate(t))
}

// Every acknowledged put and commit is there exactly once, although the sidecar is killed
// again and again. If a client does not know the outcome, it repeats the request.
func TestWorkspaces_Kill_Ugly(t *testing.T) {
	t.Parallel()
	const workers, kills = 8, 6
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startServe(t, outside.URL(), database)
	connection := connect(t, outside.URL())
	store, err := client.New(connection, client.Config{Timeout: time.Minute, Patience: time.Minute})
	require.NoError(t, err)

	var stopped atomic.Bool
	progress := make(chan struct{}, 1<<20)
	commits := make([]int, workers)
	var working sync.WaitGroup
	for worker := range workers {
		working.Go(func() {
			name := fmt.Sprint("job-", worker)
			for !stopped.Load() {
				if _, err := store.WorkspaceOpen(t.Context(), "acme", name, client.WorkspaceOptions{}); !assert.NoError(t, err) {
					return
				}
				for entry := range 3 {
					reply, err := store.WorkspacePut(t.Context(), "acme", name, "row", entry, client.WorkspaceOptions{})
					if !assert.NoError(t, err) || !assert.Equal(t, uint64(entry+1), reply.Entries, "it is there once") {
						return
					}
				}
				reply, err := store.WorkspaceCommit(t.Context(), "acme", name, client.WorkspaceOptions{})
				if !assert.NoError(t, err) || !assert.Equal(t, map[string]uint64{"row": 3}, reply.Summary) {
					return
				}
				commits[worker]++
				progress <- struct{}{}
			}
		})
	}
	random := seeded(t)
	for range kills {
		for range 5 + random.IntN(20) {
			<-progress
		}
		sidecar.kill(t)
		sidecar = startServe(t, outside.URL(), database)
	}
	stopped.Store(true)
	working.Wait()
	acme := &tenant{connection: connection, namespace: "acme"}
	assert.Empty(t, acme.workspaces(t))
	total := 0
	for _, count := range commits {
		total += count
	}
	assert.Equal(t, uint64(total), acme.revision(t), "each commit is one change")
	assert.Zero(t, sidecar.terminate(t))
	assert.Equal(t, total, journalEntries(t, database), "and one entry of the journal")
	left, err := filepath.Glob(filepath.Join(database+".workspaces", "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(database+".workspaces", "workspaces.lock")}, left, "and no file is left")
	verifyIntegrity(t, database)
}

// journalEntries counts the points in the journal of a database that no process has open.
func journalEntries(t *testing.T, path string) (count int) {
	t.Helper()
	database, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer database.Close()
	require.NoError(t, database.QueryRow("SELECT count(*) FROM journal_entries").Scan(&count))
	return count
}

// runawayCount begins a query that counts without end.
const runawayCount = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "

// hostileQueries are queries of a malicious tenant, by the name of the expected error.
var hostileQueries = map[string][]string{
	"bad_request": {
		"", ";", "-- nothing", "SELECT 1; SELECT 2", "SELECT 1; DELETE FROM entries", "SELECT 1) UNION ALL SELECT * FROM (SELECT 2", "SELECT 1\x00; DROP TABLE entries", "SELECT 'open", "SELECT 1 /*",
		"DELETE FROM entries", "UPDATE entries SET kind = ''", "INSERT INTO entries VALUES (9, '', '', 0)", "REPLACE INTO entries VALUES (1, '', '', 0)", "DELETE FROM entries RETURNING id",
		"CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)", "DROP TABLE entries", "ALTER TABLE entries ADD x", "VACUUM", "VACUUM INTO '/tmp/storebus-stolen'", "REINDEX", "ANALY" + "ZE", "BEGIN", "COMMIT", "SAVEPOINT a", "EXPLAIN SELECT 1",
		"ATTACH '/etc/passwd' AS x", "ATTACH ':memory:' AS x", "DETACH main", "PRAGMA query_only = 0", "PRAGMA writable_schema = 1", "PRAGMA database_list", "SELECT * FROM pragma_database_list",
		"SELECT * FROM sqlite_schema", "SELECT * FROM dbstat", "SELECT * FROM sqlite_dbpage", "SELECT * FROM workspace", "SELECT count(*) FROM kinds", "SELECT answer FROM requests",
		"SELECT load_extension('x')", "SELECT sqlite_version()", "SELECT readfile('/etc/passwd')", "SELECT zeroblob(1000000000)", "SELECT randomblob(1000000000)", "SELECT replace('a', '', 'b')",
		"SELECT storebus_collect(1)", "SELECT ?", "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 500), "SELECT " + strings.Repeat("1 + ", 1000) + "1", "SELECT count(*) FROM entries" + strings.Repeat(", entries", 1000),
	},
	"too_large": {
		"SELECT printf('%1000000000s', 'x')", "SELECT hex(printf('%1000000000s', 'x'))", "SELECT printf('%20000s', x) FROM (" + runawayCount + "SELECT x FROM c)",
		"SELECT 1 -- " + strings.Repeat("x", 100_000),
	},
	"deadline_exceeded": {
		runawayCount + "SELECT x FROM c WHERE x = 1 OR x = -1", runawayCount + "SELECT count(*) FROM c",
		"SELECT count(*) FROM " + strings.TrimSuffix(strings.Repeat("(SELECT 1 FROM json_each('[1,2,3,4,5,6,7,8,9,10,1,2,3,4,5,6,7,8,9,10]')), ", 9), ", "),
	},
}

// told is the reply to a tenant, and the expected error.
type told struct {
	name   string
	answer answer
}

// askHostile makes every hostile query at once.
func (tenant *tenant) askHostile(t *testing.T) <-chan told {
	t.Helper()
	answers := make(chan told, 1000)
	var asking sync.WaitGroup
	for name, queries := range hostileQueries {
		for _, query := range queries {
			body := object(t, "workspace", "a", "sql", query)
			asking.Go(func() {
				reply, err := tenant.connection.Request("store."+tenant.namespace+".workspace_query", []byte(body), patience)
				if assert.NoError(t, err) {
					answers <- told{name, answer{reply}}
				}
			})
		}
	}
	go func() {
		asking.Wait()
		close(answers)
	}()
	return answers
}

// Accepted data can be queried. If an older version has accepted bad data, the error names
// it.
func TestWorkspaces_Data_Bad(t *testing.T) {
	folder := t.TempDir()
	flags := []string{"--listen", "127.0.0.1:0", "--database", filepath.Join(folder, "storebus.db"), "--state-directory", folder}
	sidecar, address := serveOwn(t, nil, flags...)
	acme := newTenant(t, address, "acme")
	acme.openWorkspace(t, "a")
	lists := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	objects := func(depth int) string { return strings.Repeat(`{"x":`, depth) + "1" + strings.Repeat("}", depth) }
	for _, nested := range []func(int) string{lists, objects} {
		acme.putEntry(t, "a", "row", nested(1000))
		for _, depth := range []int{1001, 9_990, 20_000} {
			refused := acme.call(t, "workspace_put", `{"workspace":"a","kind":"row","data":`+nested(depth)+`}`)
			failure := requireFailure(t, refused, 400, "bad_request")
			assert.Equal(t, "data", failure.Field, "%d levels", depth)
			assert.Contains(t, failure.Message, "1000", "%d levels", depth)
		}
	}
	asked := []string{"SELECT data ->> '$.x' FROM entries", "SELECT count(*) FROM entries, json_each(data)", "SELECT count(*) FROM entries, json_tree(data)"}
	for _, query := range asked {
		decode[queryReply](t, acme.queryWorkspace(t, "a", query))
	}
	assert.Zero(t, sidecar.terminate(t))

	found, err := filepath.Glob(filepath.Join(folder, "*.workspace"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	database, err := sql.Open("sqlite", found[0])
	require.NoError(t, err)
	_, err = database.ExecContext(t.Context(), `INSERT INTO entries (kind, data, created_at) VALUES ('row', ?, 0)`, lists(1001))
	require.NoError(t, err)
	require.NoError(t, database.Close())
	_, address = serveOwn(t, nil, flags...)
	acme = newTenant(t, address, "acme")
	for _, query := range asked {
		failure := requireFailure(t, acme.queryWorkspace(t, "a", query), 400, "bad_request")
		assert.Equal(t, "sql", failure.Field)
		assert.Contains(t, failure.Message, "entry 3")
	}
}

// A hostile query of a workspace returns nothing of other tenants, and delays nobody.
func TestWorkspaces_Sandbox_Bad(t *testing.T) {
	t.Parallel()
	codes := map[string]int{"bad_request": 400, "too_large": 413, "deadline_exceeded": 504}
	sidecar := startSidecar(t)
	acme, other := newTenant(t, sidecar.NATSURL(), "acme"), newTenant(t, sidecar.NATSURL(), "other")
	acme.openWorkspace(t, "a")
	acme.putEntry(t, "a", "row", `1`)
	other.openWorkspace(t, "a")
	other.putEntry(t, "a", "secret", `"theirs"`)

	answers := acme.askHostile(t)
	rounds := 0
	for running := true; running; rounds++ {
		select {
		case answered, more := <-answers:
			if running = more; !more {
				break
			}
			failure := requireFailure(t, answered.answer, codes[answered.name], answered.name)
			assert.NotContains(t, failure.Message, ".workspace", "no path is told")
			assert.NotContains(t, failure.Message, "theirs")
		default:
		}
		other.putEntry(t, "a", "row", fmt.Sprint(rounds))
		other.set(t, "config", "theme", fmt.Sprint(rounds))
		rows := decode[queryReply](t, other.queryWorkspace(t, "a", "SELECT count(*) FROM entries"))
		assert.InDelta(t, rounds+2, rows.Rows[0][0], 0)
		acme.set(t, "config", "theme", fmt.Sprint(rounds))
		acme.putEntry(t, "a", "row", fmt.Sprint(rounds))
	}
	assert.Greater(t, rounds, 10, "the others went on")
	assert.Equal(t, map[string]int{"row": rounds + 1}, decode[summaryReply](t, acme.call(t, "workspace_aggregate", `{"workspace":"a"}`)).Summary)
	assert.NoFileExists(t, "/tmp/storebus-stolen")
}
