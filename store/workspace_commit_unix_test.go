// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// The variables that make a process of this test one that dies.
const (
	killFolder = "STOREBUS_TEST_KILL_FOLDER"
	killStep   = "STOREBUS_TEST_KILL_STEP"
)

func killConfig(folder string) store.StoreConfig {
	return store.StoreConfig{DatabasePath: filepath.Join(folder, "storebus.db"), WorkspaceStateDirectory: filepath.Join(folder, "state")}
}

// TestWorkspaceCommit_Kill_Ugly kills a process at each step of a commit, and of the
// commit of another run of the same name.
func TestWorkspaceCommit_Kill_Ugly(t *testing.T) {
	if folder := os.Getenv(killFolder); folder != "" {
		commitAndDie(t, folder, os.Getenv(killStep))
		return
	}
	for _, step := range []string{"summarised", "committed", "removed"} {
		t.Run(step, func(t *testing.T) {
			folder := t.TempDir()
			dieCommitting(t, folder, step)
			config := killConfig(folder)
			if step == "summarised" {
				commitOrphan(t, config)
			}
			requireCommittedOnce(t, config)
			t.Run("TheNameUsedAgain", func(t *testing.T) {
				dieCommitting(t, folder, step)
				opened := openStore(t, config)
				committed := 1
				if step != "summarised" {
					committed = 2
				} else {
					requireSummary(t, map[string]int64{"row": 2}, newWorkspace(t, opened, "acme", "a"))
				}
				assert.Len(t, changes(t, opened, "acme", 0), committed)
				requireCounts(t, opened, "acme", int64(committed), 0, 0)
			})
		})
	}
}

// dieCommitting commits two rows in a process that dies at a step of that.
func dieCommitting(t *testing.T, folder, step string) {
	t.Helper()
	dieIn(t, "TestWorkspaceCommit_Kill_Ugly", folder, step)
}

// dieIn runs a test in a process that dies at a step.
func dieIn(t *testing.T, test, folder, step string) {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$")
	process.Env = append(os.Environ(), killFolder+"="+folder, killStep+"="+step)
	output, err := process.CombinedOutput()
	var failure *exec.ExitError
	require.ErrorAs(t, err, &failure, "it ended: %s", output)
	status, ok := failure.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	require.Equal(t, syscall.SIGKILL, status.Signal(), "%s", output)
}

// die ends this process as a loss of power does for its memory.
func die(t *testing.T) {
	t.Helper()
	assert.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
}

// dieAt has this process die at a step of the next commit of a workspace.
func dieAt(t *testing.T, opened *store.Store, at string) {
	t.Helper()
	store.FailWorkspaceCommits(opened, func(step string) {
		if step == at {
			die(t)
		}
	})
}

func commitAndDie(t *testing.T, folder, at string) {
	t.Helper()
	opened, err := store.NewConfigured(killConfig(folder))
	require.NoError(t, err)
	workspace := newWorkspace(t, opened, "acme", "a")
	putEntries(t, workspace, "row", 2)
	dieAt(t, opened, at)
	_, err = workspace.Commit()
	require.NoError(t, err)
}

// commitOrphan finds a workspace as it was before its commit, and commits it.
func commitOrphan(t *testing.T, config store.StoreConfig) {
	t.Helper()
	opened := openStore(t, config)
	assert.Empty(t, changes(t, opened, "acme", 0))
	orphans, err := opened.RecoverOrphans("")
	require.NoError(t, err)
	require.Len(t, orphans, 1)
	requireSummary(t, map[string]int64{"row": 2}, orphans[0])
	_, err = orphans[0].Commit()
	require.NoError(t, err)
	require.NoError(t, opened.Close())
}

// TestWorkspaceCommit_KillRequest_Ugly kills a process at each step of a commit with an id, which
// is repeated afterwards.
func TestWorkspaceCommit_KillRequest_Ugly(t *testing.T) {
	if folder := os.Getenv(killFolder); folder != "" {
		opened, err := store.NewConfigured(killConfig(folder))
		require.NoError(t, err)
		putEntries(t, newWorkspace(t, opened, "acme", "a"), "row", 2)
		dieAt(t, opened, os.Getenv(killStep))
		_, err = submitWorkspace(opened, "the commit", commitA)
		require.NoError(t, err)
		return
	}
	for step, known := range map[string]bool{"summarised": false, "committed": true, "removed": true} {
		t.Run(step, func(t *testing.T) {
			folder := t.TempDir()
			dieIn(t, "TestWorkspaceCommit_KillRequest_Ugly", folder, step)
			config := killConfig(folder)
			opened := openStore(t, config)
			requireWorkspaceAnswer(t, opened, "the commit", commitA, "false 0 1 map[row:2]", known)
			requireWorkspaceAnswer(t, opened, "the commit", commitA, "false 0 1 map[row:2]", true)
			require.NoError(t, opened.Close())
			requireCommittedOnce(t, config)
		})
	}
}

// TestWorkspaceCommit_KillMarks_Ugly kills a process that has discarded "b". The mark of that is
// removed with the commit of "a", or by itself.
func TestWorkspaceCommit_KillMarks_Ugly(t *testing.T) {
	if folder := os.Getenv(killFolder); folder != "" {
		discardBAndDie(t, folder, os.Getenv(killStep))
		return
	}
	for step, marks := range map[string][]int{"summarised": {0, 1}, "committed": {1}, "removed": {1}, "before the mark": {1}, "after the mark": {0}} {
		t.Run(step, func(t *testing.T) {
			folder := t.TempDir()
			dieIn(t, "TestWorkspaceCommit_KillMarks_Ugly", folder, step)
			config := killConfig(folder)
			config.WorkspaceStateDirectory = filepath.Join(folder, "elsewhere")
			opened := openStore(t, config)
			marked, err := store.MarkedRuns(opened)
			require.NoError(t, err)
			assert.Contains(t, marks, marked)
			require.NoError(t, opened.Close())
			config = killConfig(folder)
			switch step {
			case "summarised":
				commitOrphan(t, config)
			case "committed", "removed":
			default:
				opened := openStore(t, config)
				putEntries(t, newWorkspace(t, opened, "acme", "a"), "row", 2)
				require.NoError(t, opened.Close())
				commitOrphan(t, config)
			}
			requireCommittedOnce(t, config)
		})
	}
}

func discardBAndDie(t *testing.T, folder, at string) {
	t.Helper()
	opened, err := store.NewConfigured(killConfig(folder))
	require.NoError(t, err)
	workspace := newWorkspace(t, opened, "other", "b")
	putEntries(t, workspace, "row", 1)
	alone := at == "before the mark" || at == "after the mark"
	if alone {
		store.FailWorkspaceCommits(opened, func(step string) {
			if step == "removed" {
				dieForgetting(t, opened, at)
			}
		})
	}
	require.NoError(t, workspace.Discard())
	if alone {
		require.NoError(t, store.Settle(opened))
		return
	}
	workspace = newWorkspace(t, opened, "acme", "a")
	putEntries(t, workspace, "row", 2)
	dieAt(t, opened, at)
	_, err = workspace.Commit()
	require.NoError(t, err)
}

// dieForgetting has this process die in the next transaction of the store, which removes the
// mark: there is nothing else to write.
func dieForgetting(t *testing.T, opened *store.Store, at string) {
	t.Helper()
	assert.NoError(t, store.Settle(opened))
	assert.NoError(t, store.OnCommit(opened, func(commit func() error) error {
		if at == "after the mark" {
			assert.NoError(t, commit())
		}
		die(t)
		return nil
	}))
}
