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
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWorkspaceCommit_Kill_Ugly$")
	process.Env = append(os.Environ(), killFolder+"="+folder, killStep+"="+step)
	output, err := process.CombinedOutput()
	var failure *exec.ExitError
	require.ErrorAs(t, err, &failure, "it ended: %s", output)
	status, ok := failure.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	require.Equal(t, syscall.SIGKILL, status.Signal(), "%s", output)
}

func commitAndDie(t *testing.T, folder, at string) {
	t.Helper()
	opened, err := store.NewConfigured(killConfig(folder))
	require.NoError(t, err)
	workspace := newWorkspace(t, opened, "acme", "a")
	putEntries(t, workspace, "row", 2)
	store.FailWorkspaceCommits(opened, func(step string) {
		if step == at {
			assert.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
		}
	})
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
