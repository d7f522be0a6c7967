// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// filesOfNamespace returns the paths of the workspaces of a namespace.
func filesOfNamespace(t *testing.T, folder, namespace string) (paths []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*.workspace"))
	require.NoError(t, err)
	for _, path := range found {
		raw := openRaw(t, path)
		var owner string
		require.NoError(t, raw.QueryRow("SELECT namespace FROM workspace").Scan(&owner))
		require.NoError(t, raw.Close())
		if owner == namespace {
			paths = append(paths, path)
		}
	}
	return paths
}

// makeWorkspaces closes a store that has so many workspaces of a namespace, with an entry in each.
func makeWorkspaces(t *testing.T, config store.StoreConfig, namespaces map[string]int) {
	t.Helper()
	opened := openStore(t, config)
	for namespace, count := range namespaces {
		for index := range count {
			putEntries(t, newWorkspace(t, opened, namespace, fmt.Sprint("w", index)), "row", 1)
		}
	}
	require.NoError(t, opened.Close())
}

// A namespace waits for the files of its own workspaces alone: another one's cannot even be opened.
func TestWorkspaceFolder_Load_Ugly(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed, WorkspaceStateDirectory: t.TempDir()}
	makeWorkspaces(t, config, map[string]int{"busy": 3, "calm": 2, "": 1})
	var locks []*sql.DB
	for _, path := range filesOfNamespace(t, config.WorkspaceStateDirectory, "busy") {
		raw := openRaw(t, path)
		_, err := raw.Exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
		require.NoError(t, err)
		locks = append(locks, raw)
	}
	opened := openStore(t, config)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_, _ = opened.FindWorkspace("busy", "w0") // it waits for the locks, and may give up
	})
	for _, namespace := range []string{"calm", ""} {
		infos, err := opened.Workspaces(namespace)
		require.NoError(t, err)
		require.NotEmpty(t, infos)
		assert.True(t, infos[0].Orphaned)
		found, err := opened.FindWorkspace(namespace, "w0")
		require.NoError(t, err)
		requireSummary(t, map[string]int64{"row": 1}, found)
		_, created, err := opened.OpenWorkspace(namespace, "new")
		require.NoError(t, err)
		assert.True(t, created)
	}
	_, created, err := opened.OpenWorkspace("another", "new")
	require.NoError(t, err)
	assert.True(t, created)
	for _, raw := range locks {
		require.NoError(t, raw.Close())
	}
	waiting.Wait()
	infos, err := opened.Workspaces("busy")
	require.NoError(t, err)
	assert.Len(t, infos, 3)
	orphans, err := opened.RecoverOrphans("")
	require.NoError(t, err)
	assert.Len(t, orphans, 6, "of all namespaces")
}

// Callers of one namespace read its files once.
func TestWorkspaceFolder_Load_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed, WorkspaceStateDirectory: t.TempDir()}
	makeWorkspaces(t, config, map[string]int{"acme": 20})
	opened := openStore(t, config)
	var working sync.WaitGroup
	for index := range 20 {
		working.Go(func() {
			workspace, created, err := opened.OpenWorkspace("acme", fmt.Sprint("w", index))
			if assert.NoError(t, err) {
				assert.False(t, created)
				assert.NoError(t, workspace.Put("row", index))
			}
		})
		working.Go(func() {
			infos, err := opened.Workspaces("acme")
			assert.NoError(t, err)
			assert.Len(t, infos, 20)
		})
	}
	working.Wait()
}

// stripKeys gives files the names of an earlier version: the run id alone.
func stripKeys(t *testing.T, folder string) {
	t.Helper()
	for _, name := range workspaceFiles(t, folder) {
		_, runID, found := strings.Cut(name, "-")
		require.True(t, found, name)
		require.NoError(t, os.Rename(filepath.Join(folder, name), filepath.Join(folder, runID)))
	}
}

// Folders of an earlier version go on, and their files get the new names.
func TestWorkspaceFolder_OldNames_Good(t *testing.T) {
	t.Run("Closed", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
		makeWorkspaces(t, config, map[string]int{"acme": 2, "other": 1})
		stripKeys(t, config.WorkspaceStateDirectory)
		for range 2 {
			opened := openStore(t, config)
			infos, err := opened.Workspaces("acme")
			require.NoError(t, err)
			assert.Len(t, infos, 2)
			names := workspaceFiles(t, config.WorkspaceStateDirectory)
			assert.Len(t, names, 3)
			for _, name := range names {
				assert.Regexp(t, `^[0-9a-f]{16}-[0-9a-f]{32}\.workspace$`, name)
			}
			found, err := opened.FindWorkspace("other", "w0")
			require.NoError(t, err)
			requireSummary(t, map[string]int64{"row": 1}, found)
			require.NoError(t, opened.Close())
		}
	})
	t.Run("AfterACrash", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
		opened := openStore(t, config)
		putEntries(t, newWorkspace(t, opened, "acme", "goes-on"), "row", 5)
		ended := newWorkspace(t, opened, "acme", "ended")
		crashed := config
		store.FailWorkspaceCommits(opened, func(step string) {
			if step == "committed" {
				crashed.DatabasePath = crashCopy(t, opened, config.DatabasePath)
				crashed.WorkspaceStateDirectory = filepath.Join(t.TempDir(), "state")
				assert.NoError(t, copyWorkspaces(config.WorkspaceStateDirectory, crashed.WorkspaceStateDirectory))
			}
		})
		_, err := ended.Commit()
		require.NoError(t, err)
		stripKeys(t, crashed.WorkspaceStateDirectory)
		require.Len(t, filesOfNamespace(t, crashed.WorkspaceStateDirectory, "acme"), 2)
		opened = openStore(t, crashed)
		infos, err := opened.Workspaces("acme")
		require.NoError(t, err)
		require.Len(t, infos, 1)
		assert.Equal(t, []any{"goes-on", int64(5)}, []any{infos[0].Name, infos[0].Entries})
		assert.Len(t, filesOfNamespace(t, crashed.WorkspaceStateDirectory, "acme"), 1, "the ended one is removed")
	})
}
