// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// newInspected returns the path of a database with a little of everything, at rest.
func newInspected(t *testing.T) string {
	t.Helper()
	path := databasePath(t)
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
	require.NoError(t, err)
	require.NoError(t, opened.Set("acme:config", "a", "1"))
	require.NoError(t, opened.SetWithTTL("acme:config", "b", "2", time.Hour))
	require.NoError(t, opened.Set("acme:config", "c", "3"))
	require.NoError(t, opened.Set("acme:gone", "d", "4"))
	require.NoError(t, opened.DeleteGroup("acme:gone"))
	require.NoError(t, opened.Set("acme:config", "e", "5"))
	require.NoError(t, opened.Delete("acme:config", "e"))
	require.NoError(t, opened.Close())
	return path
}

func TestInspect_InspectDatabase_Good(t *testing.T) {
	path := newInspected(t)
	found, err := store.InspectDatabase(t.Context(), path)
	require.NoError(t, err)
	assert.Empty(t, found.Differences)
	assert.Equal(t, []uint64{3, 1, 0}, []uint64{found.Entries, found.Namespaces, found.Behind})
	opened := openStore(t, store.StoreConfig{DatabasePath: path})
	writeAll(t, opened, "acme:many", 1000, 0)
	t.Run("ABackup", func(t *testing.T) {
		copied := databasePath(t)
		_, err := opened.Backup(copied)
		require.NoError(t, err)
		found, err := store.InspectDatabase(t.Context(), copied)
		require.NoError(t, err)
		assert.Empty(t, found.Differences)
	})
	t.Run("AfterACrash", func(t *testing.T) {
		killed := crashCopy(t, opened, path)
		before, err := os.ReadFile(killed)
		require.NoError(t, err)
		found, err := store.InspectDatabase(t.Context(), killed)
		require.NoError(t, err)
		assert.Empty(t, found.Differences)
		after, err := os.ReadFile(killed)
		require.NoError(t, err)
		assert.Equal(t, before, after, "nothing is changed")
	})
	t.Run("WhileAStoreHasIt", func(t *testing.T) {
		_, err := store.InspectDatabase(t.Context(), path)
		require.ErrorIs(t, err, store.ErrDatabaseInUse)
	})
}

// requireNoDifferences inspects a database at rest and a backup of it. It returns what it has found.
func requireNoDifferences(t *testing.T, path string) store.Inspection {
	t.Helper()
	found, err := store.InspectDatabase(t.Context(), path)
	require.NoError(t, err)
	require.Empty(t, found.Differences)
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
	require.NoError(t, err)
	copied := databasePath(t)
	_, err = opened.Backup(copied)
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	ofCopy, err := store.InspectDatabase(t.Context(), copied)
	require.NoError(t, err)
	require.Empty(t, ofCopy.Differences)
	return found
}

// newTrimmed returns the path of a database whose log has lost commits in its middle, at rest.
func newTrimmed(t *testing.T) string {
	t.Helper()
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	require.NoError(t, opened.SetQuota("large", store.Quota{MaxLogBytes: 2000}))
	require.NoError(t, opened.Set("small:g", "key", "value"))
	for index := range 300 {
		require.NoError(t, opened.Set("large:g", fmt.Sprint(index%10), "value"))
	}
	require.NoError(t, store.Settle(opened))
	require.NoError(t, opened.Close())
	return config.DatabasePath
}

// Trimming takes commits from the middle of the log, and sections from commits. Neither is damage.
func TestInspect_Trimmed_Good(t *testing.T) {
	t.Parallel()
	t.Run("CommitsInTheMiddle", func(t *testing.T) {
		path := newTrimmed(t)
		raw := openRaw(t, path)
		var first, second, last uint64
		require.NoError(t, raw.QueryRow("SELECT min(id), (SELECT min(id) FROM commits WHERE id > 1), max(id) FROM commits").Scan(&first, &second, &last))
		require.NoError(t, raw.Close())
		require.Equal(t, uint64(1), first)
		require.Greater(t, second, uint64(100))
		found := requireNoDifferences(t, path)
		assert.Equal(t, last-second+2, found.Commits)
	})
	t.Run("AfterACrash", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 100}}
		opened := openStore(t, config)
		submitMany(t, opened, "small:g", 10, "")
		behind := uint64(0)
		for round := range 6 {
			for index := range 20 {
				submitMany(t, opened, "large:g", 1+index*round, "")
				require.NoError(t, opened.Set(fmt.Sprintf("tenant%d:g", index), "key", ""))
			}
			found, err := store.InspectDatabase(t.Context(), crashCopy(t, opened, config.DatabasePath))
			require.NoError(t, err)
			require.Empty(t, found.Differences)
			behind = max(behind, found.Behind)
		}
		assert.NotZero(t, behind)
	})
	// A row is written anew when a quarter of it is gone, and only marked before.
	for name, size := range map[string]int{"SectionsOfMarkedCommits": 1000, "SectionsOfRewrittenCommits": 20} {
		t.Run(name, func(t *testing.T) {
			config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed}
			opened := openStore(t, config)
			require.NoError(t, opened.SetQuota("limited", store.Quota{MaxLogBytes: 500}))
			for round := range 60 {
				release, done := store.Hold(opened), make(chan error, 2) // both are in one commit
				answered := func(_ store.Outcome, err error) { done <- err }
				opened.Submit(store.SetCommand{Group: "other:g", Key: fmt.Sprint(round), Value: strings.Repeat("x", size)}, answered)
				opened.Submit(store.SetCommand{Group: "limited:g", Key: fmt.Sprint(round % 7), Value: "value"}, answered)
				release()
				require.NoError(t, <-done)
				require.NoError(t, <-done)
			}
			require.NoError(t, store.Settle(opened))
			require.NoError(t, opened.Close())
			raw := openRaw(t, config.DatabasePath)
			var marked, gone int
			require.NoError(t, raw.QueryRow("SELECT (SELECT count(*) FROM commits_thinned), (SELECT value FROM meta WHERE name = 'log_gone')").Scan(&marked, &gone))
			require.NoError(t, raw.Close())
			require.Equal(t, size == 1000, marked > 30)
			require.Equal(t, size == 20, gone > 500)
			requireNoDifferences(t, config.DatabasePath)
		})
	}
}

// What trimming cannot have done is found in a trimmed log too.
func TestInspect_Trimmed_Bad(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]struct{ statement, says string }{
		"WholePart":    {"DELETE FROM commits WHERE id = (SELECT max(id) - 2 FROM commits)", ", and the log is whole behind commit"},
		"NotInTables":  {"UPDATE meta SET value = 0 WHERE name = 'materialised'", ", and the tables hold the log up to commit 0 only"},
		"AheadOfLog":   {"UPDATE meta SET value = 9999 WHERE name = 'materialised'", "the tables are said to hold the log up to commit 9999, and it ends at commit 301"},
		"TrimmedToEnd": {"UPDATE record_start SET commit_id = 9999", "the log is said to be trimmed up to commit 9999, and it ends at commit 301"},
		"NotThinned":   {"DELETE FROM namespace_commits WHERE commit_id = 1", `namespace_commits: revision 1 of namespace "small" begins commit 1, and is not there`},
		"Emptied":      {"UPDATE commits SET changes_total = 0 WHERE id = (SELECT max(id) - 2 FROM commits)", "its totals do not add up"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newTrimmed(t)
			execute(t, path, damage.statement)
			found, err := store.InspectDatabase(t.Context(), path)
			require.NoError(t, err)
			assert.Contains(t, joined(found.Differences), damage.says)
		})
	}
}

// The counters of the journal hold for entries in each state.
func TestInspect_Journal_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Journal: endpoint}
	opened := openStore(t, config)
	journalled(t, opened, "acme", 1, 2, 3, 4, 5, 6)
	journalled(t, opened, "other", 7, 8)
	journalled(t, opened, "", 9)
	settleJournal(t, opened, 4, 1, 2)
	_, err := opened.RequeueJournal("acme", nil)
	require.NoError(t, err)
	settleJournal(t, opened, 1, 0)
	compaction := compact(t, opened, t.TempDir())
	require.NotZero(t, compaction.Entries)
	require.NoError(t, opened.Close())
	requireNoDifferences(t, config.DatabasePath)

	config.Journal = store.JournalConfiguration{}
	opened = openStore(t, config)
	journalled(t, opened, "acme", 10, 11)
	compact(t, opened, t.TempDir())
	journalled(t, opened, "acme", 12)
	require.NoError(t, opened.Close())
	requireNoDifferences(t, config.DatabasePath)
}

// A database that was upgraded has the tables of a new one.
func TestInspect_Upgraded_Good(t *testing.T) {
	t.Run("OfTheOriginalLibrary", func(t *testing.T) {
		path := originalDatabase(t, originalEntries+originalJournal)
		insertOriginal(t, path, "entries", originalRows(time.Now()))
		opened := openStore(t, store.StoreConfig{DatabasePath: path})
		require.NoError(t, opened.Set("acme:g", "new", ""))
		require.NoError(t, opened.Close())
		requireNoDifferences(t, path)
	})
	t.Run("WithoutRecords", func(t *testing.T) {
		path := newInspected(t)
		withoutRecords(t, path)
		opened := openStore(t, store.StoreConfig{DatabasePath: path})
		require.NoError(t, opened.Set("acme:config", "new", ""))
		require.NoError(t, opened.Close())
		requireNoDifferences(t, path)
	})
}

// A database after storebus restore is not behind the mark of the one before it.
func TestInspect_Restored_Good(t *testing.T) {
	made := newMarkedStore(t)
	_, err := store.RestoreDatabase(t.Context(), made.config.DatabasePath, made.older)
	require.NoError(t, err)
	found, err := store.InspectDatabase(t.Context(), made.config.DatabasePath)
	require.NoError(t, err)
	assert.Empty(t, found.Differences)
	requireNoDifferences(t, made.config.DatabasePath)
}

func TestInspect_InspectDatabase_Bad(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]struct{ statement, says string }{
		"Value":             {"UPDATE entries SET entry_value = 'x' WHERE entry_key = 'b'", `group "acme:config" key "b" at revision 2: its value is not that of the log`},
		"Revision":          {"UPDATE entries SET revision = 1 WHERE entry_key = 'b'", `group "acme:config" key "b": the table has revision 1, and the log has 2`},
		"Deadline":          {"UPDATE entries SET expires_at = NULL", "its deadline is not that of the log"},
		"Time":              {"UPDATE entries SET updated_at = updated_at + 1", "its time is not that of the log"},
		"MissingEntry":      {"DELETE FROM entries WHERE entry_key = 'b'", `group "acme:config" key "b": the log has it at revision 2, and the table does not`},
		"DeletedEntry":      {"INSERT INTO entries (group_name, entry_key, entry_value, revision, updated_at) VALUES ('acme:config', 'e', '', 7, 1)", "the log has removed it"},
		"DeletedGroup":      {"INSERT INTO entries (group_name, entry_key, entry_value, revision, updated_at) VALUES ('acme:gone', 'd', '', 4, 1)", "the log has deleted its group"},
		"InventedEntry":     {"INSERT INTO entries (group_name, entry_key, entry_value, revision, updated_at) VALUES ('acme:config', 'x', '', 7, 1)", "the log has no such change"},
		"MissingCommit":     {"DELETE FROM commits WHERE id = 2", "commit 3 follows commit 1"},
		"DamagedCommit":     {"UPDATE commits SET changes = x'0102' WHERE id = 2", "commit 2: log is damaged"},
		"Totals":            {"UPDATE commits SET bytes_total = bytes_total + 1 WHERE id = 2", "its totals do not add up"},
		"Hash":              {"UPDATE commits SET hash = hash + 1 WHERE id = 2", "the chain of records is broken"},
		"MissingPlace":      {"DELETE FROM namespace_commits WHERE first_revision = 2", "namespace_commits: revision 2"},
		"KeysOfNamespace":   {"UPDATE namespaces SET keys = keys + 1", `namespace "acme": its counters say 4 keys`},
		"BytesOfGroup":      {"UPDATE groups SET bytes = bytes + 1 WHERE keys > 0", `group "acme:config": its counters say 3 keys`},
		"RevisionOfGroup":   {"UPDATE groups SET last_revision = last_revision + 1 WHERE keys > 0", "its counters say revision"},
		"MissingCounters":   {"DELETE FROM groups WHERE keys > 0", "and no counters"},
		"MissingTable":      {"DROP TABLE retries", "the table retries is missing"},
		"MissingOfTheLog":   {"DROP TABLE commits_thinned", "the table commits_thinned is missing"},
		"RenamedColumn":     {"ALTER TABLE groups RENAME COLUMN bytes TO size", "table groups has no column bytes"},
		"MissingIndex":      {"DROP INDEX entries_by_expiry", "the index entries_by_expiry is missing"},
		"MissingTrigger":    {"DROP TRIGGER large_values_replaced", "the trigger large_values_replaced is missing"},
		"LargeValue":        {"UPDATE entries SET entry_value = x'37' WHERE entry_key = 'b'", `group "acme:config" key "b" at revision 2: its large value is lost`},
		"LargeValueAlone":   {"INSERT INTO large_values (revision, value) VALUES (1, 'x')", "large_values: 1 rows belong to no entry"},
		"MissingValue":      {"DELETE FROM meta WHERE name = 'materialised'", "meta has no materialised"},
		"MissingStart":      {"DELETE FROM record_start", "record_start has 0 rows"},
		"FieldsOfJournal":   {"INSERT INTO journal_entries VALUES (1, 5, '', 'm', '{', '{}', NULL, NULL)", "journal_entries: 1 entries have fields or tags that are not JSON, the first is entry 5"},
		"JournalCounts":     {"INSERT INTO journal_counts (namespace, pending, delivered, rejected) VALUES ('acme', 1, 0, 0)", `the journal of namespace "acme": its counters say 1 pending entries and 0 bytes in all, and it has 0 and 0`},
		"JournalUncounted":  {"INSERT INTO journal_entries VALUES (1, 5, 'acme', 'm', '{}', '{}', NULL, NULL)", "journal_entries: 1 entries are of namespaces without counters"},
		"NegativeQuota":     {"INSERT INTO quotas VALUES ('acme', 0, 0, 0, -1, 0, 0, 0)", `the quota of namespace "acme" has a limit below 0`},
		"ConsumerThatLeads": {"INSERT INTO consumers VALUES ('x', 99, 0, 0)", "1 consumers are ahead of the log"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newInspected(t)
			execute(t, path, damage.statement)
			found, err := store.InspectDatabase(t.Context(), path)
			require.NoError(t, err)
			assert.Contains(t, joined(found.Differences), damage.says)
		})
	}
	t.Run("OlderThanItsMark", func(t *testing.T) {
		made := newMarkedStore(t)
		require.NoError(t, copyDatabase(made.older, made.config.DatabasePath))
		found, err := store.InspectDatabase(t.Context(), made.config.DatabasePath)
		require.NoError(t, err)
		assert.Contains(t, joined(found.Differences), "the database is behind its mark by 10 commits")
	})
	t.Run("BytesOnDisk", func(t *testing.T) {
		path := newInspected(t)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		for index := 8 * 4096; index < 8*4096+40; index++ {
			content[index] ^= 0xff
		}
		require.NoError(t, os.WriteFile(path, content, 0o600))
		found, err := store.InspectDatabase(t.Context(), path)
		assert.True(t, err != nil || len(found.Differences) > 0)
	})
	t.Run("NoStore", func(t *testing.T) {
		path := databasePath(t)
		_, err := store.InspectDatabase(t.Context(), path)
		require.ErrorIs(t, err, os.ErrNotExist)
		execute(t, path, "CREATE TABLE customers (name TEXT)")
		_, err = store.InspectDatabase(t.Context(), path)
		require.ErrorIs(t, err, store.ErrNotAStore)
	})
}

func joined(texts []string) (all string) {
	for _, text := range texts {
		all += text + "\n"
	}
	return all
}
