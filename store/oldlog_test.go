// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/largevalue"
)

// undo16 undoes the sixteenth migration: large values were in the rows of their entries.
const undo16 = `DROP TRIGGER large_values_replaced; UPDATE entries SET entry_value = ` + largevalue.Text + `; DROP TABLE large_values; `

// undoFrom10 undoes the migrations from the tenth on.
const undoFrom10 = undo16 + `ALTER TABLE namespace_commits DROP COLUMN bytes; ALTER TABLE namespace_commits DROP COLUMN bytes_total;
	DROP TABLE commits_thinned; DELETE FROM meta WHERE name = 'log_gone'; ALTER TABLE retries DROP COLUMN counted;
	ALTER TABLE quotas DROP COLUMN max_journal_bytes; ALTER TABLE quotas DROP COLUMN max_workspace_bytes; ALTER TABLE quotas DROP COLUMN max_log_bytes; ALTER TABLE journal_counts DROP COLUMN bytes;
	ALTER TABLE entries DROP COLUMN checksum; DELETE FROM meta WHERE name = 'verified';`

// withoutRecords brings a closed database to the schema before records. A later migration is undone
// here too.
func withoutRecords(t *testing.T, path string) {
	t.Helper()
	execute(t, path, "INSERT INTO meta SELECT 'journal_position', ifnull(max(position), -1) FROM journal_counts; ALTER TABLE journal_counts DROP COLUMN position")
	execute(t, path, undoFrom10+"DROP TABLE record_sections; DROP TABLE record_start; ALTER TABLE commits DROP COLUMN hash; PRAGMA user_version = 7")
}

// oldTablesOf are the tables of a store that are as old as the journal.
func oldTablesOf(t *testing.T, opened *store.Store) map[string][]string {
	t.Helper()
	tables := tablesOf(t, opened)
	delete(tables, "record_sections")
	delete(tables, "large_values")
	for index, row := range tables["commits"] {
		cut := strings.LastIndex(strings.TrimSuffix(row, "|"), "|") // before the hash
		tables["commits"][index] = row[:cut]
	}
	for index, row := range tables["entries"] {
		cut := strings.LastIndex(strings.TrimSuffix(row, "|"), "|") // before the checksum
		tables["entries"][index] = row[:cut]
	}
	for index, row := range tables["namespace_commits"] {
		tables["namespace_commits"][index] = strings.Join(strings.Split(row, "|")[:4], "|") // before the bytes
	}
	return tables
}

// requireGoesOn checks a store whose log began before records: the old records are gone, and the
// records from now on give the same changes to a copy.
func requireGoesOn(t *testing.T, opened *store.Store, config store.StoreConfig) {
	t.Helper()
	records, start := firstRecords(t, opened)
	require.NotZero(t, start)
	require.Empty(t, records)
	copied := config
	copied.DatabasePath = crashCopy(t, opened, config.DatabasePath)
	copied.WorkspaceStateDirectory = t.TempDir()

	require.NoError(t, opened.Set("acme:after", "key", "value"))
	require.NoError(t, opened.SetQuota("after", store.Quota{MaxKeys: 3}))
	requireAnswer(t, opened, counted("after"), "2", false)
	_, err := opened.CommitToJournal("deploy", map[string]any{"number": 9}, nil)
	require.NoError(t, err)
	_, err = opened.RequeueJournal("acme", nil)
	require.NoError(t, err)
	pending, _, err := opened.PendingJournal(100, 1<<20)
	require.NoError(t, err)
	require.NotEmpty(t, pending)
	require.NoError(t, opened.SettleJournal(pending, nil))
	opened = reopen(t, opened, config)
	require.NoError(t, opened.DeleteGroup("acme:g"))
	records, err = store.RecordsAfter(opened, start)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(records), 6)
	follower := openStore(t, copied)
	require.NoError(t, follower.Suspend("it follows"))
	previous := changelog.Hash(0)
	for index, record := range records {
		require.Equal(t, start+uint64(index)+1, record.ID)
		require.Equal(t, previous, record.Previous)
		previous = record.Hash()
		require.NoError(t, store.Follow(follower, record))
	}
	require.NoError(t, store.RemoveArchived(opened))
	require.NoError(t, store.RemoveArchived(follower))
	assert.Equal(t, tablesOf(t, opened), tablesOf(t, follower))

	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err = opened.Backup(backup)
	require.NoError(t, err)
	other := openStore(t, store.StoreConfig{DatabasePath: backup})
	require.NotEqual(t, opened.ID(), other.ID())
	setKeys(t, other, "of", "the", "backup")
	records, start = firstRecords(t, other)
	require.NotZero(t, start)
	require.Len(t, records, 3)
	assert.Equal(t, other.ID(), records[0].StoreID)
}

// firstRecords returns the whole records of a store, and the id before them.
func firstRecords(t *testing.T, opened *store.Store) (records []changelog.Record, after uint64) {
	t.Helper()
	for {
		records, err := store.RecordsAfter(opened, after)
		if err == nil {
			return records, after
		}
		require.ErrorIs(t, err, changelog.ErrTrimmed)
		after++
	}
}

// seenWithoutLogBytes is seenOf without the bytes in the log: the migration estimates those of each
// namespace in a commit from before.
func seenWithoutLogBytes(t *testing.T, opened *store.Store) map[string]any {
	t.Helper()
	seen := seenOf(t, opened)
	for _, namespace := range []string{"acme", "other"} {
		answers, ok := seen[namespace].([]any)
		require.True(t, ok)
		usage, ok := answers[0].(store.Usage)
		require.True(t, ok)
		require.Positive(t, usage.LogBytes)
		usage.LogBytes = 0
		answers[0] = usage
	}
	return seen
}

// TestMigrate_OldLog_Good opens databases from before records.
func TestMigrate_OldLog_Good(t *testing.T) {
	testrun.SkipUnderDetector(t)
	t.Parallel()
	t.Run("Closed", func(t *testing.T) {
		config := workConfig(t)
		work := openWork(t, config)
		work.run(func() {})
		seen, tables := seenWithoutLogBytes(t, work.store), oldTablesOf(t, work.store)
		require.NoError(t, work.store.Close())
		withoutRecords(t, config.DatabasePath)
		require.NoError(t, os.Remove(config.DatabasePath+".mark"), "a database from before records had none")
		opened := openStore(t, config)
		assert.Equal(t, seen, seenWithoutLogBytes(t, opened))
		assert.Equal(t, tables, oldTablesOf(t, opened))
		requireAnswer(t, opened, counted("id"), "1", true)
		consumer, err := opened.RegisterConsumer("reader")
		require.NoError(t, err)
		require.Equal(t, []string{"key"}, next(t, consumer, 1), "what came behind its watermark")
		requireGoesOn(t, opened, config)
	})
	t.Run("NotMaterialised", func(t *testing.T) {
		config := workConfig(t)
		work := openWork(t, config)
		work.run(func() {})
		require.NoError(t, work.store.SetQuota("acme", store.Quota{}))
		var image map[string][]byte
		applied := false // the commands
		require.NoError(t, store.OnStatement(work.store, func(name string, execute func() error) error {
			err := execute()
			if name == "commit" && applied && image == nil {
				image = filesOf(t, config.DatabasePath)
			}
			return err
		}))
		writes := make([]store.Command, 2000)
		for index := range writes {
			writes[index] = store.SetCommand{Group: "acme:many", Key: fmt.Sprint(index), Value: strings.Repeat("v", 1000)}
		}
		last := len(writes) - 1
		writes[last] = commands.Answer(store.Request{Answer: func(store.Outcome) ([]byte, error) {
			applied = true
			return nil, nil
		}}, writes[last])
		for _, result := range submitTogether(work.store, writes...) {
			require.NoError(t, result.err)
		}
		require.NoError(t, store.OnStatement(work.store, func(_ string, execute func() error) error { return execute() }))
		require.NoError(t, work.store.Close())
		config.DatabasePath = databasePath(t)
		writeImage(t, config.DatabasePath, image)
		withoutRecords(t, config.DatabasePath)
		raw := openRaw(t, config.DatabasePath)
		var behind bool
		require.NoError(t, raw.QueryRow("SELECT (SELECT value FROM meta WHERE name = 'materialised') < (SELECT max(id) FROM commits)").Scan(&behind))
		require.NoError(t, raw.Close())
		require.True(t, behind)
		opened := openStore(t, config)
		count, err := opened.Count("acme:many")
		require.NoError(t, err)
		require.Equal(t, 2000, count)
		requireGoesOn(t, opened, config)
	})
	t.Run("NothingWasEverWritten", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		require.NoError(t, openStore(t, config).Close())
		withoutRecords(t, config.DatabasePath)
		opened := openStore(t, config)
		setKeys(t, opened, "a")
		requireFollows(t, opened, t.TempDir())
	})
	t.Run("TheLogHasNoCommit", func(t *testing.T) {
		for name, change := range map[string]func(opened *store.Store) error{
			"Quota": func(opened *store.Store) error { return opened.SetQuota("acme", store.Quota{MaxKeys: 1}) },
			"Consumer": func(opened *store.Store) error {
				return submitted(func(done func(struct{}, error)) { _, err := opened.RegisterConsumer("reader"); done(struct{}{}, err) })
			},
			"Journal": func(opened *store.Store) error {
				_, err := opened.CommitToJournal("m", map[string]any{"a": 1}, nil)
				return err
			},
			"Answer": func(opened *store.Store) error {
				_, err := submit(opened, requested{store.DeleteCommand{Group: "acme:g", Key: "a"}, store.Request{Namespace: "acme", ID: "x"}})
				return err
			},
		} {
			t.Run(name, func(t *testing.T) {
				config := store.StoreConfig{DatabasePath: databasePath(t)}
				opened := openStore(t, config)
				require.NoError(t, change(opened))
				backup := filepath.Join(t.TempDir(), "backup.db")
				_, err := opened.Backup(backup)
				require.NoError(t, err)
				require.NoError(t, opened.Close())
				withoutRecords(t, config.DatabasePath)
				requireNotFromTheBeginning(t, config)
				requireNotFromTheBeginning(t, store.StoreConfig{DatabasePath: backup})
			})
		}
	})
	t.Run("TheOriginalLibrary", func(t *testing.T) {
		for _, schema := range []string{originalEntries, originalKV, originalEntries + originalJournal} {
			path := originalDatabase(t, schema)
			insertOriginal(t, path, strings.Fields(schema)[2], originalRows(time.Now()))
			requireNotFromTheBeginning(t, store.StoreConfig{DatabasePath: path})
		}
	})
}

// requireNotFromTheBeginning checks that the records of a store do not claim to be all of it: a
// database that is made from them alone would miss the older content.
func requireNotFromTheBeginning(t *testing.T, config store.StoreConfig) {
	t.Helper()
	opened := openStore(t, config)
	require.NoError(t, opened.SetQuota("first", store.Quota{MaxKeys: 3}))
	setKeys(t, opened, "first")
	for range 2 {
		_, err := store.RecordsAfter(opened, 0)
		require.ErrorIs(t, err, changelog.ErrTrimmed)
		records, after := firstRecords(t, opened)
		require.GreaterOrEqual(t, len(records), 2)
		assert.Equal(t, uint64(1), after)
		opened = reopen(t, opened, config)
	}
}
