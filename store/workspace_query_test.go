// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// runaway counts to no end.
const runaway = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "

func TestWorkspaceQuery_Query_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: newClock().Now}
	opened := openStore(t, config)
	workspace := newWorkspace(t, opened, "acme", "a")
	require.NoError(t, workspace.Put("row", map[string]any{"sku": "A-17", "stock": 4}))
	require.NoError(t, workspace.Put("row", map[string]any{"sku": "B-2", "stock": 9}))
	require.NoError(t, workspace.Put("warning", json.RawMessage(`["low"]`)))
	createdAt := config.Clock().UnixMilli()
	for query, expected := range map[string]store.QueryRows{
		"SELECT * FROM entries WHERE id = 1": {Columns: []string{"id", "kind", "data", "created_at"}, Rows: [][]any{{int64(1), "row", `{"sku":"A-17","stock":4}`, createdAt}}},
		"SELECT data ->> 'sku' AS sku, data ->> '$.stock' FROM entries WHERE kind = 'row' ORDER BY 2 DESC": {Columns: []string{"sku", "data ->> '$.stock'"}, Rows: [][]any{{"B-2", int64(9)}, {"A-17", int64(4)}}},
		"SELECT kind, count(*) AS n FROM entries GROUP BY kind ORDER BY kind":                              {Columns: []string{"kind", "n"}, Rows: [][]any{{"row", int64(2)}, {"warning", int64(1)}}},
		"SELECT count(*) AS n FROM (SELECT 1 FROM entries, entries)":                                       {Columns: []string{"n"}, Rows: [][]any{{int64(9)}}},
		"WITH kinds AS (SELECT DISTINCT kind FROM entries) SELECT kind FROM kinds ORDER BY kind":           {Columns: []string{"kind"}, Rows: [][]any{{"row"}, {"warning"}}},
		"WITH of AS (SELECT 1 FROM entries) SELECT count(*) AS n FROM of":                                  {Columns: []string{"n"}, Rows: [][]any{{int64(3)}}},
		"SELECT key, value FROM entries, json_each(data) WHERE entries.id = 2":                             {Columns: []string{"key", "value"}, Rows: [][]any{{"sku", "B-2"}, {"stock", int64(9)}}},
		"SELECT id, row_number() OVER (ORDER BY id DESC) AS n FROM entries ORDER BY id LIMIT 1":            {Columns: []string{"id", "n"}, Rows: [][]any{{int64(1), int64(3)}}},
		"SELECT 1 AS a, 2 AS a, x'00ff' AS \"\", 1e999 AS i, NULL AS n, 'a' || char(0) || 'b' AS z, 9223372036854775807 AS m, 0.1 AS f": {
			Columns: []string{"a", "a", "", "i", "n", "z", "m", "f"}, Rows: [][]any{{int64(1), int64(2), []byte{0, 0xff}, math.Inf(1), nil, "a\x00b", int64(math.MaxInt64), 0.1}},
		},
		"SELECT id FROM entries WHERE id > 3": {Columns: []string{"id"}, Rows: [][]any{}},
		" \n SELECT 1 AS a; \n;":              {Columns: []string{"a"}, Rows: [][]any{{int64(1)}}},
		"SELECT 1 AS a -- and no more":        {Columns: []string{"a"}, Rows: [][]any{{int64(1)}}},
		"SELECT " + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500) + " AS a": {Columns: []string{"a"}, Rows: [][]any{{int64(1)}}},
		"VALUES (1), (2)":                       {Columns: []string{"column1"}, Rows: [][]any{{int64(1)}, {int64(2)}}},
		"SELECT 1 AS a UNION ALL SELECT 2":      {Columns: []string{"a"}, Rows: [][]any{{int64(1)}, {int64(2)}}},
		"SELECT 'semicolon; -- in a text' AS a": {Columns: []string{"a"}, Rows: [][]any{{"semicolon; -- in a text"}}},
	} {
		rows, err := workspace.Query(query)
		require.NoError(t, err, query)
		assert.Equal(t, expected.Columns, rows.Columns, query)
		assert.ElementsMatch(t, expected.Rows, rows.Rows, query)
		assert.False(t, rows.Truncated, query)
	}
	t.Run("NoMoreRowsThanAsked", func(t *testing.T) {
		rows, err := workspace.QueryLimit("SELECT id FROM entries ORDER BY id", 2)
		require.NoError(t, err)
		assert.Equal(t, store.QueryRows{Columns: []string{"id"}, Rows: [][]any{{int64(1)}, {int64(2)}}, Truncated: true}, rows)
		rows, err = workspace.QueryLimit("SELECT id FROM entries", 3)
		require.NoError(t, err)
		assert.False(t, rows.Truncated)
		rows, err = workspace.Query(runaway + "SELECT x FROM c")
		require.NoError(t, err)
		assert.Len(t, rows.Rows, store.MaxQueryRows)
		assert.True(t, rows.Truncated)
	})
	t.Run("ItIsTheFirstAfterARestart", func(t *testing.T) {
		opened := reopen(t, opened, config)
		rows, err := newWorkspace(t, opened, "acme", "a").Query("SELECT max(id) FROM entries")
		require.NoError(t, err)
		assert.Equal(t, [][]any{{int64(3)}}, rows.Rows)
	})
}

func TestWorkspaceQuery_Query_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	workspace := newWorkspace(t, opened, "acme", "a")
	putEntries(t, workspace, "row", 3)
	store.BoundQueries(opened, time.Minute, 1<<40)
	for _, query := range []string{
		"", ";", "-- nothing", "/* nothing */", "SELECT", "SELECT 'open", "SELECT 1 /*", "SELECT 1;;--", "SELECT 1; SELECT 2", "SELECT 1; DELETE FROM entries",
		"SELECT 1) UNION ALL SELECT * FROM (SELECT 2", "SELECT 1\x00; DROP TABLE entries", "SELECT '\xff'", "SELECT ?", "SELECT :name",
		"DELETE FROM entries", "UPDATE entries SET kind = ''", "INSERT INTO entries VALUES (9, '', '', 0)", "REPLACE INTO entries VALUES (1, '', '', 0)",
		"DELETE FROM entries RETURNING id", "WITH a AS (SELECT 1) DELETE FROM entries RETURNING id",
		"CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)", "CREATE TEMP VIEW x AS SELECT 1", "DROP TABLE entries", "ALTER TABLE entries ADD x", "CREATE VIRTUAL TABLE temp.x USING fts5(a)",
		"VACUUM", "VACUUM INTO '/tmp/x'", "REINDEX", "ANALY" + "ZE", "BEGIN", "COMMIT", "SAVEPOINT a", "EXPLAIN SELECT 1", "EXPLAIN QUERY PLAN SELECT 1",
		"ATTACH '/etc/passwd' AS x", "ATTACH ':memory:' AS x", "DETACH main",
		"PRAGMA query_only = 0", "PRAGMA writable_schema = 1", "PRAGMA database_list", "PRAGMA temp_store_directory = '/x'", "PRAGMA schema_version",
		"SELECT * FROM pragma_database_list", "SELECT count(*) FROM pragma_database_list", "SELECT count(*) FROM pragma_query_only(0)", "SELECT * FROM pragma_table_info('entries')",
		"SELECT * FROM sqlite_schema", "SELECT count(*) FROM sqlite_master", "SELECT * FROM sqlite_temp_schema", "SELECT * FROM dbstat", "SELECT count(*) FROM DBSTAT", "SELECT * FROM sqlite_dbpage",
		"SELECT * FROM workspace", "SELECT answer FROM requests", "SELECT count(*) FROM requests", "SELECT count(*) FROM Workspace", "SELECT * FROM kinds", "SELECT count(*) FROM kinds", "SELECT kind FROM kinds AS entries", "SELECT * FROM main.kinds", "SELECT * FROM temp.entries",
		"SELECT (SELECT name FROM workspace)", "SELECT 1 WHERE EXISTS (SELECT namespace FROM workspace)",
		"SELECT load_extension('x')", "SELECT sqlite_version()", "SELECT sqlite_source_id()", "SELECT sqlite_compileoption_get(0)", "SELECT fts5(1)", "SELECT zeroblob(1000000000)", "SELECT randomblob(1000000000)",
		"SELECT replace('a', '', 'b')", "SELECT instr('a', 'b')", "SELECT trim('a')", "SELECT storebus_collect(1)", "SELECT storebus_collect(id) FROM entries", "SELECT \"no such column\"",
		"SELECT * FROM generate_series(1, 2)", "SELECT 'a' LIKE '" + strings.Repeat("%a", 100) + "'",
		"SELECT " + strings.Repeat("1 + ", 1000) + "1", "SELECT " + strings.Repeat("(", 40_000) + "1" + strings.Repeat(")", 40_000), "SELECT " + strings.Repeat("(SELECT ", 1000) + "1" + strings.Repeat(")", 1000), "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 500), "SELECT 1" + strings.Repeat(", 1", 2000),
		"SELECT coalesce(1" + strings.Repeat(", 1", 1000) + ")", "SELECT count(*) FROM entries" + strings.Repeat(", entries", 1000),
		doubled(25),
	} {
		rows, err := workspace.Query(query)
		require.ErrorIs(t, err, store.ErrInvalidQuery, query)
		assert.Empty(t, rows, query)
		assert.NotContains(t, err.Error(), ".workspace", "no path leaks")
	}
	for _, limit := range []int{-1, 0, store.MaxQueryRows + 1} {
		_, err := workspace.QueryLimit("SELECT 1", limit)
		require.ErrorIs(t, err, store.ErrInvalidQuery)
	}
	for _, query := range []string{
		"SELECT printf('%1000000000s', 'x')", "SELECT hex(printf('%1000000s', 'x'))", "SELECT group_concat(a.data) FROM entries a, entries b, " + "(" + runaway + "SELECT x FROM c LIMIT 100000)",
		"SELECT printf('%10000s', x) FROM (" + runaway + "SELECT x FROM c)", "SELECT '" + strings.Repeat("x", store.MaxQueryTextBytes) + "'",
	} {
		_, err := workspace.Query(query)
		require.ErrorIs(t, err, store.ErrTooLarge, query)
	}
	_, err := workspace.Query("SELECT 1 -- " + strings.Repeat("x", store.MaxQueryTextBytes))
	require.ErrorIs(t, err, store.ErrTooLarge)
	requireSummary(t, map[string]int64{"row": 3}, workspace)
	rows, err := workspace.Query("SELECT count(*) FROM entries")
	require.NoError(t, err)
	assert.Equal(t, [][]any{{int64(3)}}, rows.Rows)
}

// doubled is a query whose parts each stand for two of the one before.
func doubled(levels int) string {
	var query strings.Builder
	query.WriteString("WITH a0 AS (SELECT 1 AS x)")
	for level := 1; level <= levels; level++ {
		fmt.Fprintf(&query, ", a%d AS (SELECT 1 AS x FROM a%d, a%d)", level, level-1, level-1)
	}
	fmt.Fprintf(&query, " SELECT count(*) FROM a%d", levels)
	return query.String()
}

func TestWorkspaceQuery_Query_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("QueriesThatDoNotEnd", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		putEntries(t, workspace, "row", 100)
		store.BoundQueries(opened, 50*time.Millisecond, 1<<40)
		for _, query := range []string{
			runaway + "SELECT x FROM c WHERE x = 1 OR x = -1",
			runaway + "SELECT count(*) FROM c",
			"SELECT json_group_array(printf('%10000s', x)) FROM (" + runaway + "SELECT x FROM c)",
			"SELECT count(*) FROM entries a, entries b, entries c, entries d, entries e, entries f",
			"SELECT count(*) FROM entries a, entries b, entries c, entries d, entries e WHERE (a.data || b.data || c.data) LIKE '%x%y%' || d.data || e.data",
		} {
			_, err := workspace.Query(query)
			require.ErrorIs(t, err, store.ErrDeadlineExceeded, query)
		}
	})
	t.Run("QueriesThatTakeMemory", func(t *testing.T) {
		if !store.MeasuresMemory() {
			t.Skip("how much memory the process has cannot be told here")
		}
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		store.BoundQueries(opened, time.Minute, 32<<20)
		_, err := workspace.Query(runaway + "SELECT count(*) FROM (SELECT x, printf('%1000000s', x) AS y FROM c ORDER BY y)")
		require.ErrorIs(t, err, store.ErrTooLarge)
	})
	t.Run("EverythingElseGoesOn", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		workspace := newWorkspace(t, opened, "acme", "a")
		done := make(chan error, 1)
		go func() {
			_, err := workspace.Query(runaway + "SELECT count(*) FROM c")
			done <- err
		}()
		rounds := 0
		for running := true; running; rounds++ {
			select {
			case err := <-done:
				require.ErrorIs(t, err, store.ErrDeadlineExceeded)
				running = false
			default:
				require.NoError(t, workspace.Put("row", rounds))
				require.NoError(t, opened.Set("acme:g", "a", fmt.Sprint(rounds)))
			}
		}
		// One round can pass before the query begins, and one wait for its end.
		assert.Greater(t, rounds, 3)
	})
	t.Run("QueriesThatWaitTooLong", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		store.BoundQueries(opened, time.Hour, 1<<40)
		store.BoundQueryWait(opened, time.Nanosecond)
		done := make(chan error, 1)
		go func() {
			err := store.ErrUnavailable
			for errors.Is(err, store.ErrUnavailable) { // while the other one runs
				_, err = workspace.Query(runaway + "SELECT count(*) FROM c")
			}
			done <- err
		}()
		err := error(nil)
		for err == nil { // until the other one runs
			_, err = workspace.Query("SELECT 1")
		}
		require.ErrorIs(t, err, store.ErrUnavailable)
		_, err = newWorkspace(t, opened, "other", "a").Query("SELECT 1")
		require.NoError(t, err, "another namespace has its turn")
		require.NoError(t, workspace.Discard())
		require.ErrorIs(t, <-done, store.ErrNotFound)
	})
	t.Run("WorkspaceThatEnds", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		for range 5 {
			workspace := newWorkspace(t, opened, "acme", "a")
			var querying sync.WaitGroup
			for range 4 {
				querying.Go(func() {
					_, err := workspace.Query(runaway + "SELECT count(*) FROM c")
					assert.ErrorIs(t, err, store.ErrNotFound)
				})
			}
			require.NoError(t, workspace.Discard())
			querying.Wait()
		}
	})
	t.Run("StoreThatIsClosed", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		var querying sync.WaitGroup
		for range 4 {
			querying.Go(func() {
				_, err := workspace.Query(runaway + "SELECT count(*) FROM c")
				assert.ErrorIs(t, err, store.ErrClosed)
			})
		}
		require.NoError(t, opened.Close())
		querying.Wait()
	})
}
