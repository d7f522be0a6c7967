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

	"dappco.re/go/storebus/store"
)

// requireLimit checks which limit an error names.
func requireLimit(t *testing.T, err error, quota string, limit int64) store.QuotaExceededError {
	t.Helper()
	var exceeded *store.QuotaExceededError
	require.ErrorAs(t, err, &exceeded)
	assert.Equal(t, []any{quota, limit}, []any{exceeded.Quota, exceeded.Limit})
	return *exceeded
}

func usageOf(t *testing.T, opened *store.Store, namespace string) store.Usage {
	t.Helper()
	usage, err := opened.Usage(namespace)
	require.NoError(t, err)
	return usage
}

// journalBytes counts the bytes of a namespace's entries anew.
func journalBytes(t *testing.T, path, namespace string) (bytes int64) {
	t.Helper()
	raw := openRaw(t, path)
	defer raw.Close()
	require.NoError(t, raw.QueryRow(`SELECT ifnull(sum(octet_length(namespace) + octet_length(measurement) + octet_length(fields) + octet_length(tags)), 0)
		FROM journal_entries WHERE namespace = ?`, namespace).Scan(&bytes))
	return bytes
}

// A namespace cannot fill the disk with the journal.
func TestQuota_MaxJournalBytes_Bad(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxJournalBytes: 500}))
	acme := newScoped(t, opened, "acme")
	commit := func() error {
		_, err := acme.CommitToJournal("deploy", map[string]any{"text": strings.Repeat("x", 100)}, map[string]string{"host": "a1"})
		return err
	}
	for range 3 {
		require.NoError(t, commit())
	}
	full := requireLimit(t, commit(), "journal_bytes", 500)
	assert.Equal(t, usageOf(t, opened, "acme").JournalBytes, full.Usage)
	journalled(t, opened, "other", 1)
	require.NoError(t, opened.Set("acme:g", "a", "it is no limit of entries"))
	check := func() {
		assert.Equal(t, journalBytes(t, config.DatabasePath, "acme"), usageOf(t, opened, "acme").JournalBytes)
		assert.Equal(t, journalBytes(t, config.DatabasePath, "other"), usageOf(t, opened, "other").JournalBytes)
		requireLimit(t, commit(), "journal_bytes", 500)
	}
	check()
	settleJournal(t, opened, 10, 0)
	check() // delivered entries stay in the database
	opened = reopen(t, opened, config)
	acme = newScoped(t, opened, "acme")
	check()
	t.Run("ABatchKeepsToIt", func(t *testing.T) {
		require.NoError(t, opened.SetQuota("burst", store.Quota{MaxJournalBytes: 1000}))
		commands := make([]store.Command, 100)
		for number := range commands {
			command, err := store.NewJournalCommand("burst", "m", map[string]any{"number": number}, nil)
			require.NoError(t, err)
			commands[number] = command
		}
		refused := 0
		for _, result := range submitTogether(opened, commands...) {
			if result.err != nil {
				requireLimit(t, result.err, "journal_bytes", 1000)
				refused++
			}
		}
		assert.Positive(t, refused)
		used := usageOf(t, opened, "burst").JournalBytes
		assert.Equal(t, journalBytes(t, config.DatabasePath, "burst"), used)
		assert.InDelta(t, 1000, used, 40)
		assert.LessOrEqual(t, used, int64(1000))
	})
	t.Run("AnArchiveMakesRoom", func(t *testing.T) {
		compact(t, opened, t.TempDir())
		require.NoError(t, store.RemoveArchived(opened))
		used := usageOf(t, opened, "acme").JournalBytes
		assert.Equal(t, journalBytes(t, config.DatabasePath, "acme"), used)
		assert.Less(t, used, int64(200), "the refused entry alone")
		require.NoError(t, commit())
	})
}

// The summary of a workspace counts, and a workspace whose summary has no room goes on.
func TestQuota_WorkspaceSummary_Bad(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
	opened := openStore(t, config)
	for name, quota := range map[string]store.Quota{
		"keys":          {MaxKeys: 1},
		"groups":        {MaxGroups: 1},
		"bytes":         {MaxBytes: 10},
		"value_bytes":   {MaxValueBytes: 4},
		"journal_bytes": {MaxJournalBytes: 4},
	} {
		namespace := "of-" + strings.ReplaceAll(name, "_", "-")
		require.NoError(t, opened.SetQuota(namespace, quota))
		require.NoError(t, opened.Set(namespace+":g", "a", "1"))
		workspace := newWorkspace(t, opened, namespace, "import")
		putEntries(t, workspace, "row", 3)
		_, err := workspace.Commit()
		var exceeded *store.QuotaExceededError
		require.ErrorAs(t, err, &exceeded, name)
		assert.Equal(t, name, exceeded.Quota)
		assert.Equal(t, int64(1), usageOf(t, opened, namespace).Keys)
		require.NoError(t, opened.SetQuota(namespace, store.Quota{}))
		commit, err := workspace.Commit()
		require.NoError(t, err)
		assert.Equal(t, map[string]int64{"row": 3}, commit.Summary)
	}
}

// sizeOnDisk is the size of the files of the workspaces of a namespace.
func sizeOnDisk(t *testing.T, folder string) (bytes int64) {
	t.Helper()
	for _, name := range workspaceFiles(t, folder) {
		if strings.HasSuffix(name, "-shm") {
			continue
		}
		found, err := os.Stat(filepath.Join(folder, name))
		require.NoError(t, err)
		bytes += found.Size()
	}
	return bytes
}

// A namespace cannot fill the disk with workspaces.
func TestQuota_MaxWorkspaceBytes_Bad(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed, WorkspaceStateDirectory: t.TempDir()}
	opened := openStore(t, config)
	const limit = 300 << 10
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxWorkspaceBytes: limit}))
	workspace := newWorkspace(t, opened, "acme", "import")
	text := strings.Repeat("x", 5000)
	put := func() (err error) {
		for range 100 {
			if err = workspace.Put("row", text); err != nil {
				break
			}
			require.LessOrEqual(t, sizeOnDisk(t, config.WorkspaceStateDirectory), int64(limit+64<<10))
		}
		return err
	}
	full := requireLimit(t, put(), "workspace_bytes", limit)
	entries, err := workspace.Count()
	require.NoError(t, err)
	assert.Greater(t, entries, 30, "the log beside a file makes room")
	check := func() {
		assert.Equal(t, sizeOnDisk(t, config.WorkspaceStateDirectory), usageOf(t, opened, "acme").WorkspaceBytes)
	}
	check()
	assert.Equal(t, usageOf(t, opened, "acme").WorkspaceBytes, full.Usage)
	_, _, err = opened.OpenWorkspace("acme", "another")
	requireLimit(t, err, "workspace_bytes", limit)
	putEntries(t, newWorkspace(t, opened, "other", "import"), "row", 3)
	require.NoError(t, opened.Set("acme:g", "a", text+text))

	opened = reopen(t, opened, config)
	assert.Positive(t, usageOf(t, opened, "acme").WorkspaceBytes, "before anybody has asked for a workspace")
	workspace, err = opened.FindWorkspace("acme", "import")
	require.NoError(t, err)
	requireLimit(t, put(), "workspace_bytes", limit)
	other, err := opened.FindWorkspace("other", "import")
	require.NoError(t, err)
	require.NoError(t, other.Discard())
	check()
	require.NoError(t, workspace.Discard())
	assert.Zero(t, usageOf(t, opened, "acme").WorkspaceBytes)
	newWorkspace(t, opened, "acme", "another")
	check()
}

// One quota holds for all namespaces without a quota of their own.
func TestQuota_AllNamespaces_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
	opened := openStore(t, config)
	require.NoError(t, opened.SetQuota("own", store.Quota{MaxKeys: 3}))
	usual := store.Quota{MaxKeys: 1, MaxJournalBytes: 60, MaxWorkspaceBytes: 1}
	require.NoError(t, opened.SetQuota(store.AllNamespaces, usual))
	check := func() {
		for _, namespace := range []string{"acme", "other"} {
			quota, err := opened.Quota(namespace)
			require.NoError(t, err)
			assert.Equal(t, usual, quota)
			assert.Equal(t, usual, usageOf(t, opened, namespace).Quota)
			require.NoError(t, opened.Set(namespace+":g", "a", "1"))
			requireLimit(t, opened.Set(namespace+":g", "b", "1"), "keys", 1)
			_, _, err = opened.OpenWorkspace(namespace, "import")
			requireLimit(t, err, "workspace_bytes", 1)
		}
		for key := range 3 {
			require.NoError(t, opened.Set("own:g", fmt.Sprint(key), "1"))
		}
		requireLimit(t, opened.Set("own:g", "4", "1"), "keys", 3)
		newWorkspace(t, opened, "own", "import")
		newWorkspace(t, opened, "", "import")
		require.NoError(t, opened.Set("outside", fmt.Sprint(time.Now().UnixNano()), "1"))
	}
	check()
	opened = reopen(t, opened, config)
	check()
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 2}))
	require.NoError(t, opened.Set("acme:g", "b", "1"))
	require.NoError(t, opened.SetQuota("acme", store.Quota{}))
	requireLimit(t, opened.Set("acme:g", "c", "1"), "keys", 1)
	_, err := opened.GetNamespaces(store.NamespacesQuery{})
	require.NoError(t, err)
	_, err = store.NewScoped(opened, store.AllNamespaces)
	require.ErrorIs(t, err, store.ErrInvalidName, "it is no namespace")
	require.NoError(t, opened.SetQuota(store.AllNamespaces, store.Quota{}))
	require.NoError(t, opened.Set("acme:g", "c", "1"))
	requireFollows(t, opened, t.TempDir())
}
