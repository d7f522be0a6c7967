// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// The schema of the original library, of the forms that it has had.
const (
	originalEntries = `CREATE TABLE entries (group_name TEXT NOT NULL, entry_key TEXT NOT NULL, entry_value TEXT NOT NULL, expires_at INTEGER, PRIMARY KEY (group_name, entry_key));`
	originalBefore  = `CREATE TABLE entries (group_name TEXT NOT NULL, entry_key TEXT NOT NULL, entry_value TEXT NOT NULL, PRIMARY KEY (group_name, entry_key));`
	originalKV      = `CREATE TABLE kv (grp TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires_at INTEGER, PRIMARY KEY (grp, key));`
	originalKVFirst = `CREATE TABLE kv (grp TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (grp, key));`
	originalJournal = `CREATE TABLE journal_entries (entry_id INTEGER PRIMARY KEY AUTOINCREMENT, bucket_name TEXT NOT NULL, measurement TEXT NOT NULL, fields_json TEXT NOT NULL,
		tags_json TEXT NOT NULL, committed_at INTEGER NOT NULL, archived_at INTEGER);
		INSERT INTO journal_entries (bucket_name, measurement, fields_json, tags_json, committed_at) VALUES ('store', 'cpu', '{"a":1}', '{}', 1700000000000);`
)

// originalDatabase makes a database by its schema and returns its path.
func originalDatabase(t *testing.T, schema string) string {
	t.Helper()
	path := databasePath(t)
	execute(t, path, "PRAGMA journal_mode = WAL; "+schema)
	return path
}

// originalRow is a row of the original library.
type originalRow struct {
	group, key, value string
	expiresAt         any
}

// originalRows are those of the database that the tests upgrade, not in order.
func originalRows(now time.Time) []originalRow {
	return []originalRow{
		{"config", "theme", "dark", nil},
		{"acme:user:42", "name", "Ada", nil},
		{"acme:config", "b", "\x00\xff\xfe", nil},
		{"acme:config", "a", "", now.Add(time.Hour).UnixMilli()},
		{"acme:config", "a\x00", "zero", nil},
		{"", "", "empty", nil},
		{"ACME:config", "a", "upper", nil},
		{"events:x", "a", "reserved", nil},
		{"ac\x00me:x", "a", "zero", nil},
		{"\xff:x", "\xff", "bytes", nil},
		{strings.Repeat("n", 65) + ":g", "a", "long", nil},
		{"acme:gone", "expired", "x", now.Add(-time.Hour).UnixMilli()},
		{"acme:gone", "zero", "x", 0},
	}
}

func insertOriginal(t *testing.T, path, table string, rows []originalRow) {
	t.Helper()
	width := columns(t, path, table)
	raw := openRaw(t, path)
	defer raw.Close()
	for _, row := range rows {
		values := []any{row.group, row.key, row.value, row.expiresAt}[:width]
		_, err := raw.Exec("INSERT INTO "+table+" VALUES (?"+strings.Repeat(", ?", width-1)+")", values...)
		require.NoError(t, err)
	}
}

func columns(t *testing.T, path, table string) (count int) {
	t.Helper()
	raw := openRaw(t, path)
	defer raw.Close()
	require.NoError(t, raw.QueryRow("SELECT count(*) FROM pragma_table_info(?)", table).Scan(&count))
	return count
}

func TestOriginal_NewConfigured_Good(t *testing.T) {
	clock := newClock()
	for name, table := range map[string]struct{ schema, name string }{
		"Entries":              {originalEntries + originalJournal, "entries"},
		"EntriesWithoutExpiry": {originalBefore, "entries"},
		"OlderTable":           {originalKV + originalJournal, "kv"},
		"OldestTable":          {originalKVFirst, "kv"},
	} {
		t.Run(name, func(t *testing.T) {
			path := originalDatabase(t, table.schema)
			rows := originalRows(clock.Now())
			if columns(t, path, table.name) == 3 {
				rows = slices.DeleteFunc(rows, func(row originalRow) bool { return row.expiresAt != nil })
			}
			insertOriginal(t, path, table.name, rows)
			var logged logged
			config := store.StoreConfig{DatabasePath: path, Clock: clock.Now, Logger: logged.logger()}
			opened := openStore(t, config)
			assert.Contains(t, logged.String(), fmt.Sprintf("entries=%d", len(rows)))
			checkOriginal(t, opened, rows, clock.Now())
			opened = reopen(t, opened, config)
			checkOriginal(t, opened, rows, clock.Now())
			assert.Equal(t, 1, strings.Count(logged.String(), "upgraded"))
		})
	}
}

// checkOriginal checks that every row is there, with revisions that are dense in each
// namespace in the order of group and key, and that the log begins behind them.
func checkOriginal(t *testing.T, opened *store.Store, rows []originalRow, now time.Time) {
	t.Helper()
	slices.SortFunc(rows, func(left, right originalRow) int {
		return strings.Compare(left.group+"\x00\x00"+left.key, right.group+"\x00\x00"+right.key)
	})
	revisions := map[string]uint64{}
	for _, row := range rows {
		namespace, _ := store.NamespaceOf(row.group)
		revisions[namespace]++
		entry, err := opened.GetEntry(row.group, row.key)
		if expiresAt, expires := row.expiresAt.(int64); row.expiresAt == 0 || (expires && expiresAt < now.UnixMilli()) {
			require.ErrorIs(t, err, store.ErrNotFound)
			continue
		} else if expires {
			assert.Equal(t, expiresAt, entry.ExpiresAt.UnixMilli())
		} else {
			assert.Zero(t, entry.ExpiresAt)
		}
		require.NoError(t, err, "%q %q", row.group, row.key)
		assert.Equal(t, row.value, entry.Value)
		assert.Equal(t, now, entry.UpdatedAt)
		assert.Equal(t, revisions[namespace], entry.Revision, "%q %q", row.group, row.key)
	}
	for namespace, taken := range revisions {
		for _, event := range changes(t, opened, namespace, taken) {
			assert.Equal(t, store.EventExpire, event.Type, "what was due expires as it always does")
		}
		if namespace != "acme" {
			oldest, _ := retained(t, opened, namespace)
			assert.Equal(t, taken+1, oldest)
		}
	}
}

func TestOriginal_Upgrade_Good(t *testing.T) {
	t.Run("JournalIsPending", func(t *testing.T) {
		path := originalDatabase(t, originalEntries+originalJournal)
		execute(t, path, `INSERT INTO journal_entries (entry_id, bucket_name, measurement, fields_json, tags_json, committed_at, archived_at) VALUES
			(7, 'other', 'cpu', '{"text":"x","nothing":null,"list":[1],"huge":1e999,"on":true}', '{"host":"a1","rack":4}', 1700000000000, NULL),
			(8, 'store', 'cpu', '{"a":2}', '{}', 1700000000000, 1700000000001), (9, 'store', 'cpu', 'none', 'none', 9000000000000, NULL)`)
		opened := openStore(t, store.StoreConfig{DatabasePath: path})
		status, err := opened.JournalStatus("")
		require.NoError(t, err)
		assert.Equal(t, store.JournalCounts{Pending: 3}, status.JournalCounts)
		at := time.UnixMilli(1700000000000).UTC()
		assert.Equal(t, at, status.OldestPendingAt)
		entries, _, err := opened.PendingJournal(10, 1<<20)
		require.NoError(t, err)
		require.Len(t, entries, 3)
		assert.Equal(t, store.JournalEntry{EntryID: 1, Measurement: "cpu", Fields: map[string]any{"a": 1.0}, Tags: map[string]string{}, CommittedAt: at}, entries[0])
		assert.Equal(t, store.JournalEntry{
			EntryID: 7, Measurement: "cpu", Fields: map[string]any{"text": "x", "list": "[1]", "huge": "1e999", "on": true},
			Tags: map[string]string{"host": "a1", "rack": "4"}, CommittedAt: at.Add(1),
		}, entries[1])
		assert.WithinDuration(t, time.Now(), entries[2].CommittedAt, time.Hour, "nothing was committed in the future")
		assert.Empty(t, entries[2].Fields)
		require.NoError(t, opened.Close())
		rows := dump(t, path, "journal_entries")
		require.Len(t, rows, 4, "every row is kept")
		assert.Contains(t, rows[1], "other")
		raw := openRaw(t, path)
		defer raw.Close()
		var tables string
		require.NoError(t, raw.QueryRow("SELECT coalesce(group_concat(name, ' '), '') FROM sqlite_schema WHERE name IN ('kv', 'original_entries', 'original_journal')").Scan(&tables))
		assert.Empty(t, tables)
	})
	t.Run("NewerTableCountsWhereBothAreThere", func(t *testing.T) {
		path := originalDatabase(t, originalEntries+originalKV)
		execute(t, path, "INSERT INTO entries VALUES ('acme:g', 'a', 'new', NULL); INSERT INTO kv VALUES ('acme:g', 'a', 'old', NULL), ('acme:g', 'b', 'old', NULL)")
		opened := openStore(t, store.StoreConfig{DatabasePath: path})
		requireValue(t, opened, "a", "new")
		requireValue(t, opened, "b", "old")
	})
	t.Run("NeitherRowsNorLog", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: originalDatabase(t, originalEntries)})
		setKeys(t, opened, "a")
		assert.Equal(t, uint64(1), revision(t, opened, "acme"))
	})
	t.Run("CountersAndQuotasHold", func(t *testing.T) {
		path := originalDatabase(t, originalEntries)
		raw := openRaw(t, path)
		// More than one page of rows, and the groups of two namespaces in turn.
		_, err := raw.Exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
			INSERT INTO entries SELECT iif(i % 2, 'acme:', 'other:') || (i / 100), 'key' || i, 'value' || i, NULL FROM n`)
		require.NoError(t, err)
		require.NoError(t, raw.Close())
		opened := openStore(t, store.StoreConfig{DatabasePath: path})
		usage, err := opened.Usage("acme")
		require.NoError(t, err)
		assert.Equal(t, []int64{2500, 50, 2500}, []int64{usage.Keys, usage.Groups, int64(usage.Revision)})
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 2500}))
		requireExceeded(t, opened.Set("acme:0", "new", ""), store.QuotaExceededError{Quota: "keys", Limit: 2500, Usage: 2500})
		require.NoError(t, opened.Delete("acme:0", "key1"))
		require.NoError(t, opened.Set("acme:0", "new", ""))
		assert.Equal(t, []string{"delete key1", "set new"}, brief(changes(t, opened, "acme", 2500)))
	})
}

// dump returns every row of a table as text.
func dump(t *testing.T, path, table string) (rows []string) {
	t.Helper()
	raw := openRaw(t, path)
	defer raw.Close()
	found, err := raw.Query("SELECT * FROM " + table)
	require.NoError(t, err)
	defer found.Close()
	names, err := found.Columns()
	require.NoError(t, err)
	for found.Next() {
		values, places := make([]any, len(names)), make([]any, len(names))
		for index := range values {
			places[index] = &values[index]
		}
		require.NoError(t, found.Scan(places...))
		rows = append(rows, fmt.Sprintf("%q", values))
	}
	require.NoError(t, found.Err())
	return rows
}

func TestOriginal_NewConfigured_Bad(t *testing.T) {
	for name, test := range map[string]struct{ schema, table string }{
		"OtherEntries":      {"CREATE TABLE entries (id INTEGER, title TEXT)", "entries"},
		"OtherKV":           {"CREATE TABLE kv (key TEXT, value TEXT)", "kv"},
		"OneTableTooMany":   {originalEntries + "CREATE TABLE albums (title TEXT)", "albums"},
		"OtherJournal":      {originalEntries + "CREATE TABLE journal_entries (entry_id INTEGER)", "journal_entries"},
		"OtherKVToo":        {originalEntries + "CREATE TABLE kv (key TEXT, value TEXT)", "kv"},
		"JournalOnly":       {originalJournal, "journal_entries"},
		"ColumnTooMany":     {"CREATE TABLE entries (group_name, entry_key, entry_value, expires_at, more)", "entries"},
		"ColumnsInDisarray": {"CREATE TABLE entries (entry_key, group_name, entry_value)", "entries"},
	} {
		t.Run(name, func(t *testing.T) {
			path := originalDatabase(t, test.schema)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			err = refusal(t, path)
			require.ErrorIs(t, err, store.ErrNotAStore)
			require.ErrorContains(t, err, fmt.Sprintf("it has a table %q and no schema version", test.table))
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
}
