// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/largevalue"
)

// localTables are the tables that records do not tell of, with the reason. The rows of a query
// are compared all the same.
var localTables = map[string]struct{ reason, query string }{
	"meta":            {"each store brings its tables up to the log at its own pace, and has its own clocks", "SELECT name, value FROM meta WHERE name NOT IN ('materialised', 'clock', 'verified')"},
	"entries":         {"the rows of large values are numbered as they are written", "SELECT group_name, entry_key, revision, updated_at, expires_at, " + largevalue.Text + ", checksum FROM entries"},
	"large_values":    {"the rows of large values are numbered as they are written", "SELECT value FROM large_values"},
	"commits_thinned": {"each store trims its log at its own pace", ""},
	"retries":         {"each store removes old answers at its own pace", ""},
	"record_start":    {"each store removes old sections at its own pace", ""},
}

// requireFollows has a new store follow the records of a store, and compares all of their tables.
// It does nothing if the oldest records are gone.
func requireFollows(t require.TestingT, opened *store.Store, directory string) {
	require.NoError(t, store.Settle(opened))
	require.NoError(t, store.RemoveArchived(opened))
	records, err := store.RecordsAfter(opened, 0)
	if errors.Is(err, changelog.ErrTrimmed) {
		return
	}
	require.NoError(t, err)
	config := opened.Config()
	config.DatabasePath = filepath.Join(directory, "follower.db")
	config.WorkspaceStateDirectory = filepath.Join(directory, "workspaces")
	follower := openWithID(t, config, opened.ID())
	defer follower.Close()
	require.NoError(t, follower.Suspend("it follows another store")) // nothing expires by itself
	for _, record := range records {
		decoded, err := changelog.DecodeRecord(record.Encode())
		require.NoError(t, err)
		require.NoError(t, store.Follow(follower, decoded), "record %d", record.ID)
	}
	require.NoError(t, store.Settle(follower))
	require.NoError(t, store.RemoveArchived(follower))
	want, got := tablesOf(t, opened), tablesOf(t, follower)
	for table, rows := range want {
		require.Equal(t, rows, got[table], "table %s", table)
	}
	require.Len(t, got, len(want))
	require.NoError(t, follower.Close())
}

// openWithID opens a new store that takes the records of the store with an id.
func openWithID(t require.TestingT, config store.StoreConfig, id string) *store.Store {
	created, err := store.NewConfigured(config)
	require.NoError(t, err)
	require.NoError(t, created.Close())
	raw, err := sql.Open("sqlite", config.DatabasePath)
	require.NoError(t, err)
	_, err = raw.Exec("UPDATE meta SET value = ? WHERE name = 'store_id'", id)
	require.NoError(t, errors.Join(err, raw.Close()))
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	return opened
}

// tablesOf returns the rows of each table that two stores with the same records have alike.
func tablesOf(t require.TestingT, opened *store.Store) map[string][]string {
	require.NoError(t, store.Settle(opened))
	raw, err := sql.Open("sqlite", opened.Config().DatabasePath)
	require.NoError(t, err)
	defer raw.Close()
	tables := map[string][]string{}
	for _, row := range rowsOf(t, raw, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'") {
		table := strings.Trim(row, "|")
		query := "SELECT * FROM " + table
		if local, is := localTables[table]; is {
			query = local.query
		}
		if query != "" {
			tables[table] = rowsOf(t, raw, query)
		}
	}
	return tables
}

// rowsOf returns the rows of a query as texts, in order.
func rowsOf(t require.TestingT, raw *sql.DB, query string) (texts []string) {
	rows, err := raw.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for index := range values {
			places[index] = &values[index]
		}
		require.NoError(t, rows.Scan(places...))
		text := "|"
		for _, value := range values {
			if bytes, is := value.([]byte); is {
				text += fmt.Sprintf("%x|", bytes)
			} else {
				text += fmt.Sprintf("%q|", fmt.Sprint(value))
			}
		}
		texts = append(texts, strings.ReplaceAll(text, "\"", ""))
	}
	require.NoError(t, rows.Err())
	slices.Sort(texts)
	return texts
}

// changeEverything changes each table that a record has a section for.
func changeEverything(t testing.TB, opened *store.Store, archives string) {
	t.Helper()
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 100, MaxBytes: 1 << 20}))
	require.NoError(t, opened.Set("acme:config", "theme", "dark"))
	require.NoError(t, opened.Set("acme:config", "page", strings.Repeat("x", 5000)))
	require.NoError(t, opened.SetWithTTL("acme:session", "token", "abc", time.Hour))
	request := store.Request{Namespace: "acme", ID: "1", Answer: func(store.Outcome) ([]byte, error) { return []byte("answer"), nil }}
	require.NoError(t, submitted(func(done func(store.Outcome, error)) {
		opened.SubmitRequest(request, store.IncrementCommand{Group: "acme:counters", Key: "visits", By: 1}, done)
	}))
	consumer, err := opened.RegisterConsumer("reader")
	require.NoError(t, err)
	_, err = opened.RegisterConsumer("gone")
	require.NoError(t, err)
	require.NoError(t, opened.UnregisterConsumer("gone"))
	scoped, err := store.NewScoped(opened, "acme")
	require.NoError(t, err)
	for range 4 {
		_, err = scoped.CommitToJournal("deploy", map[string]any{"seconds": 12.5}, map[string]string{"host": "a1"})
		require.NoError(t, err)
	}
	entries, _, err := opened.PendingJournal(10, 1<<20)
	require.NoError(t, err)
	require.NoError(t, opened.SettleJournal(entries[:1], []store.JournalRejection{
		{JournalEntry: entries[1], RejectedAt: entries[1].CommittedAt, Status: 400, Reason: "no"}, {JournalEntry: entries[2], RejectedAt: entries[2].CommittedAt, Status: 400, Reason: "no"},
	}))
	_, err = opened.RequeueJournal("acme", []int64{entries[1].EntryID})
	require.NoError(t, err)
	requeued, _, err := opened.PendingJournal(1, 1<<20)
	require.NoError(t, err)
	require.NoError(t, opened.SettleJournal(requeued, nil))
	_, err = opened.Compact(store.CompactOptions{Before: entries[2].CommittedAt, Output: archives})
	require.NoError(t, err)
	require.NoError(t, opened.DeleteGroup("acme:session"))
	commits, err := consumer.Next(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, commits)
	consumer.Acknowledge()
	require.NoError(t, store.KeepHouse(opened))
	require.NoError(t, store.KeepHouse(opened))
}

func TestRecords_Follow_Good(t *testing.T) {
	t.Run("EveryTable", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		changeEverything(t, opened, t.TempDir())
		requireFollows(t, opened, t.TempDir())
	})
	t.Run("EveryTableHasRowsOrAReason", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		changeEverything(t, opened, t.TempDir())
		for table, rows := range tablesOf(t, opened) {
			if table != "deletions" && table != "journal_removals" && table != "workspace_runs" { // they empty themselves
				assert.NotEmpty(t, rows, table)
			}
		}
	})
}

func TestRecords_Follow_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for range 3 {
		require.NoError(t, opened.Set("acme:g", "a", "value"))
	}
	records, err := store.RecordsAfter(opened, 0)
	require.NoError(t, err)
	require.Len(t, records, 3)
	for name, follow := range map[string]func(follower *store.Store) error{
		"OfAnotherStore": func(follower *store.Store) error {
			records[0].StoreID = "other"
			defer func() { records[0].StoreID = opened.ID() }()
			return store.Follow(follower, records[0])
		},
		"Later": func(follower *store.Store) error { return store.Follow(follower, records[1]) },
		"Twice": func(follower *store.Store) error {
			require.NoError(t, store.Follow(follower, records[0]))
			return store.Follow(follower, records[0])
		},
		"BehindAnother": func(follower *store.Store) error {
			require.NoError(t, store.Follow(follower, records[0]))
			other := records[1]
			other.Previous++
			return store.Follow(follower, other)
		},
		"Damaged": func(follower *store.Store) error {
			other := records[0]
			other.Changes = slices.Clone(other.Changes)
			other.Changes[len(other.Changes)-1]++
			return store.Follow(follower, other)
		},
		"OfALaterVersion": func(follower *store.Store) error {
			other := records[0]
			var sections changelog.Sections
			sections.Add(200, func(text []byte) []byte { return append(text, 1) })
			other.Sections = sections.Blob()
			return store.Follow(follower, other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			follower := openWithID(t, store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), "f.db")}, opened.ID())
			defer follower.Close()
			require.ErrorIs(t, follow(follower), changelog.ErrDamaged)
		})
	}
}

func TestRecords_After_Good(t *testing.T) {
	t.Parallel()
	t.Run("LaterPages", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		changeEverything(t, opened, t.TempDir())
		for index := range 600 {
			require.NoError(t, opened.Set("acme:g", fmt.Sprint(index%50), "value"))
			if index%7 == 0 {
				require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: int64(1000 + index)}))
			}
		}
		all, err := store.RecordsAfter(opened, 0)
		require.NoError(t, err)
		for index, record := range all {
			require.Equal(t, uint64(index+1), record.ID)
		}
		for after := range all {
			some, err := store.RecordsAfter(opened, uint64(after))
			require.NoError(t, err)
			require.Equal(t, all[after:], some)
		}
	})
	t.Run("AcrossARestart", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), "a.db")}
		opened, err := store.NewConfigured(config)
		require.NoError(t, err)
		changeEverything(t, opened, t.TempDir())
		require.NoError(t, opened.Close())
		opened, err = store.NewConfigured(config)
		require.NoError(t, err)
		defer opened.Close()
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 7}))
		require.NoError(t, opened.Set("acme:g", "a", "value"))
		requireFollows(t, opened, t.TempDir())
	})
}

func TestRecords_After_Bad(t *testing.T) {
	t.Run("SectionsAreRemoved", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		changeEverything(t, opened, t.TempDir())
		all, err := store.RecordsAfter(opened, 0)
		require.NoError(t, err)
		require.NoError(t, store.RemoveSections(opened))
		_, err = store.RecordsAfter(opened, 0)
		require.ErrorIs(t, err, changelog.ErrTrimmed)
		require.NoError(t, opened.Set("acme:g", "a", "value"))
		last, err := store.RecordsAfter(opened, all[len(all)-1].ID)
		require.NoError(t, err)
		require.Len(t, last, 1)
		assert.Equal(t, all[len(all)-1].Hash(), last[0].Previous)
	})
	t.Run("CommitsAreTrimmed", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), "a.db"), Retention: store.Retention{Count: 3}})
		for index := range 10 {
			require.NoError(t, opened.Set("acme:g", fmt.Sprint(index), "value"))
			require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: int64(100 + index)}))
		}
		require.NoError(t, store.Settle(opened))
		_, err := store.RecordsAfter(opened, 0)
		require.ErrorIs(t, err, changelog.ErrTrimmed)
		whole, err := store.RecordsAfter(opened, 15)
		require.NoError(t, err)
		assert.Len(t, whole, 5)
	})
	t.Run("ARowHasChanged", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 1}))
		require.NoError(t, store.Execute(opened, "UPDATE record_sections SET committed_at = committed_at + 1"))
		_, err := store.RecordsAfter(opened, 0)
		require.ErrorIs(t, err, changelog.ErrDamaged)
	})
}
