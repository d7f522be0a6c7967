// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// originalWorkspace is what the original library has written into a workspace.
const originalWorkspace = `CREATE TABLE workspace_entries (entry_id INTEGER PRIMARY KEY, entry_kind TEXT NOT NULL, entry_data TEXT NOT NULL, created_at INTEGER NOT NULL);
	CREATE VIEW entries AS SELECT entry_id AS id, entry_kind AS kind, entry_data AS data, created_at FROM workspace_entries;
	INSERT INTO workspace_entries VALUES (3, 'row', '{"sku":"A-17"}', 1700000000000), (7, 'row', '{"sku":"B-2"}', 1700000001000), (8, 'warning', 'no JSON', 1700000002000)`

func TestWorkspaceOriginal_RecoverOrphans_Good(t *testing.T) {
	folder := t.TempDir()
	original := filepath.Join(folder, "import-42.duckdb")
	execute(t, original, originalWorkspace)
	content, err := os.ReadFile(original)
	require.NoError(t, err)
	execute(t, filepath.Join(folder, "empty.duckdb"), `CREATE TABLE workspace_entries (entry_id, entry_kind, entry_data, created_at)`)
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	orphans, err := opened.RecoverOrphans(folder)
	require.NoError(t, err)
	require.Len(t, orphans, 2)
	assert.Equal(t, "import-42", orphans[0].Name())
	requireSummary(t, map[string]int64{"row": 2, "warning": 1}, orphans[0])
	rows, err := orphans[0].Query("SELECT id, kind, data, created_at FROM entries ORDER BY id")
	require.NoError(t, err)
	assert.Equal(t, [][]any{
		{int64(1), "row", `{"sku":"A-17"}`, int64(1700000000000)}, {int64(2), "row", `{"sku":"B-2"}`, int64(1700000001000)}, {int64(3), "warning", `"no JSON"`, int64(1700000002000)},
	}, rows.Rows)
	infos, err := opened.Workspaces("")
	require.NoError(t, err)
	require.Len(t, infos, 2)
	assert.Equal(t, store.WorkspaceInfo{Name: "import-42", Entries: 3, OpenedAt: time.UnixMilli(1700000000000).UTC()}, infos[1])
	requireSummary(t, map[string]int64{}, newWorkspace(t, opened, "", "empty"))
	imported, err := filepath.Glob(filepath.Join(folder, "imported", "*", "*.duckdb"))
	require.NoError(t, err)
	assert.Len(t, imported, 2)
	t.Run("ACrashBeforeItIsSetAsideTakesItOverOnce", func(t *testing.T) {
		require.NoError(t, opened.Close())
		require.NoError(t, os.WriteFile(original, content, 0o600))
		opened := openStore(t, config)
		orphans, err := opened.RecoverOrphans(folder)
		require.NoError(t, err)
		require.Len(t, orphans, 2)
		assert.NoFileExists(t, original)
		commit, err := orphans[0].Commit()
		require.NoError(t, err)
		assert.Equal(t, map[string]int64{"row": 2, "warning": 1}, commit.Summary)
	})
}

func TestWorkspaceOriginal_RecoverOrphans_Ugly(t *testing.T) {
	folder := t.TempDir()
	for name, statements := range map[string]string{
		"other.duckdb":   `CREATE TABLE customers (name TEXT)`,
		"crowded.duckdb": originalWorkspace + `; WITH RECURSIVE c(x) AS (SELECT 100 UNION ALL SELECT x+1 FROM c WHERE x < 1200) INSERT INTO workspace_entries SELECT x, 'kind ' || x, '1', 0 FROM c`,
	} {
		execute(t, filepath.Join(folder, name), statements)
	}
	execute(t, filepath.Join(folder, "null.duckdb"), `CREATE TABLE workspace_entries (entry_id, entry_kind, entry_data, created_at); INSERT INTO workspace_entries VALUES (NULL, NULL, NULL, NULL)`)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "later.duckdb"), append(make([]byte, 8), "DUCK and so on, which is longer than the header of a SQLite file, so that it is looked at, and more of it"...), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "later.duckdb.wal"), []byte("what DuckDB has not taken into the file yet"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "folder.duckdb"), 0o700))
	orphans, err := openStore(t, store.StoreConfig{}).RecoverOrphans(folder)
	require.NoError(t, err)
	require.Len(t, orphans, 1)
	assert.Equal(t, "null", orphans[0].Name())
	count, err := orphans[0].Count()
	require.NoError(t, err)
	assert.Equal(t, 1, count)
	for _, name := range []string{"other", "crowded", "later", "folder"} {
		found, err := filepath.Glob(filepath.Join(folder, "quarantine", name+".duckdb.*", name+".duckdb"))
		require.NoError(t, err)
		assert.Len(t, found, 1, name)
	}
	assert.Equal(t, []string{"imported", "quarantine"}, foldersIn(t, folder))
	log, err := filepath.Glob(filepath.Join(folder, "quarantine", "later.duckdb.*", "later.duckdb.wal"))
	require.NoError(t, err)
	assert.Len(t, log, 1, "the log of a DuckDB file stays beside it")
}

// TestWorkspaceOriginal_Names_Good takes over workspaces whose names and kinds no
// workspace may have here: each is reported, can be committed, and gives its names back.
func TestWorkspaceOriginal_Names_Good(t *testing.T) {
	folder := t.TempDir()
	names := []string{"my notes", "grüße", "_draft", ".hidden", "a..b", strings.Repeat("n", 140)}
	if runtime.GOOS != "windows" {
		names = append(names, "tenant:7", `a\b "c"?`)
	}
	for _, name := range names {
		execute(t, filepath.Join(folder, name+".duckdb"), originalWorkspace+`; INSERT INTO workspace_entries VALUES (20, 'time', '1', 0), (21, '_private', '1', 0), (22, '', '1', 0)`)
	}
	log := &logged{}
	opened := openStore(t, store.StoreConfig{Logger: log.logger()})
	orphans, err := opened.RecoverOrphans(folder)
	require.NoError(t, err)
	require.Len(t, orphans, len(names))
	var came []string
	for _, orphan := range orphans {
		came = append(came, store.OriginalName(orphan.Name()))
		assert.Contains(t, log.String(), ":"+orphan.Name(), "the log has each name")
		commit, err := orphan.Commit()
		require.NoError(t, err, orphan.Name())
		assert.Equal(t, map[string]int64{"row": 2, "warning": 1, "x_x0074_ime": 1, "x_x005F_private": 1, "x_x0000_": 1}, commit.Summary)
	}
	assert.Subset(t, came, slices.Delete(slices.Clone(names), 5, 6), "all but the one that is too long")
	assert.NoDirExists(t, filepath.Join(folder, "quarantine"))
}

func TestWorkspaceOriginal_MissingFolder_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	folder := filepath.Join(t.TempDir(), "state")
	for range 2 {
		orphans, err := opened.RecoverOrphans(folder)
		assert.NoError(t, err)
		assert.Empty(t, orphans)
	}
	require.NoError(t, os.Mkdir(folder, 0o700))
	execute(t, filepath.Join(folder, "import-42.duckdb"), originalWorkspace)
	orphans, err := opened.RecoverOrphans(folder)
	require.NoError(t, err)
	assert.Len(t, orphans, 1, "it was looked for again")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = opened.RecoverOrphans(file)
	assert.Error(t, err, "a file is no folder")
}

func foldersIn(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}
