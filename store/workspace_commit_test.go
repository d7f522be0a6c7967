// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestWorkspaceCommit_Commit_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
	opened := openStore(t, config)
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 2, MaxGroups: 2}))
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	workspace := newWorkspace(t, opened, "acme", "import")
	putEntries(t, workspace, "row", 3)
	putEntries(t, workspace, "warning", 1)
	commit, err := workspace.Commit()
	require.NoError(t, err)
	assert.Equal(t, store.WorkspaceCommit{EntryID: 1, Summary: map[string]int64{"row": 3, "warning": 1}, Revision: 2}, commit)
	value, err := opened.Get("acme:workspace:import", "summary")
	require.NoError(t, err)
	assert.JSONEq(t, `{"row":3,"warning":1}`, value)
	assert.Equal(t, []string{"set a", "set summary"}, brief(changes(t, opened, "acme", 0)), "a change like any other")
	assert.Empty(t, workspaceFiles(t, config.WorkspaceStateDirectory))
	entries, _, err := opened.PendingJournal(10, 1<<20)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, store.JournalEntry{
		EntryID: 1, Namespace: "acme", Measurement: "import", Fields: map[string]any{"row": int64(3), "warning": int64(1)},
		Tags: map[string]string{"workspace": "import"}, CommittedAt: entries[0].CommittedAt,
	}, entries[0])
	t.Run("ItHappensOnce", func(t *testing.T) {
		_, err := workspace.Commit()
		require.ErrorIs(t, err, store.ErrNotFound)
		require.ErrorIs(t, workspace.Put("row", nil), store.ErrNotFound)
	})
	t.Run("ANameUsedAgainKeepsTheSecondsEntries", func(t *testing.T) {
		second := newWorkspace(t, opened, "acme", "import")
		putEntries(t, second, "row", 1)
		opened := reopen(t, opened, config)
		orphans, err := opened.RecoverOrphans("")
		require.NoError(t, err)
		require.Len(t, orphans, 1)
		commit, err := orphans[0].Commit()
		require.NoError(t, err)
		assert.Equal(t, map[string]int64{"row": 1}, commit.Summary)
		runs, err := store.EndedRuns(opened)
		require.NoError(t, err)
		assert.Zero(t, runs, "what has no file any more is forgotten")
	})
	t.Run("OutsideEveryNamespace", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "", "empty")
		commit, err := workspace.Commit()
		require.NoError(t, err)
		assert.Equal(t, store.WorkspaceCommit{Summary: map[string]int64{}, Revision: 1}, commit)
		value, err := opened.Get("workspace:empty", "summary")
		require.NoError(t, err)
		assert.Equal(t, "{}", value)
		requireCounts(t, opened, "", 0, 0, 0)
	})
	t.Run("ACallbackMayUseTheNameAgain", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		called := false
		defer opened.OnChange(func(store.Event) {
			called = true
			assert.ErrorIs(t, workspace.Put("row", nil), store.ErrNotFound)
			newWorkspace(t, opened, "acme", "a")
		})()
		_, err := workspace.Commit()
		require.NoError(t, err)
		assert.True(t, called)
	})
}

// Each end of a run takes along the marks of the runs that have no file any more.
func TestWorkspaceCommit_Marks_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for index := range 20 {
		workspace := newWorkspace(t, opened, "acme", "a")
		if index%2 == 0 {
			_, err := workspace.Commit()
			require.NoError(t, err)
		} else {
			require.NoError(t, workspace.Discard())
		}
		marked, err := store.MarkedRuns(opened)
		require.NoError(t, err)
		assert.LessOrEqual(t, marked, 1)
	}
	ended, err := store.EndedRuns(opened)
	require.NoError(t, err)
	assert.Zero(t, ended, "the last mark is removed when nothing is written for a while")
}

// A mark that cannot be removed stays, and is removed later.
func TestWorkspaceCommit_Marks_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)})
	workspace := newWorkspace(t, opened, "acme", "a")
	store.FailWorkspaceCommits(opened, func(step string) {
		if step == "removed" {
			assert.NoError(t, store.Execute(opened, `CREATE TRIGGER stays BEFORE DELETE ON workspace_runs BEGIN SELECT RAISE(ABORT, 'it stays'); END`))
		}
	})
	require.NoError(t, workspace.Discard())
	ended, err := store.EndedRuns(opened)
	require.NoError(t, err)
	assert.Equal(t, 1, ended)
	store.FailWorkspaceCommits(opened, nil)
	_, err = newWorkspace(t, opened, "acme", "a").Commit()
	require.ErrorContains(t, err, "it stays")
	assert.Empty(t, changes(t, opened, "acme", 0))
	require.NoError(t, store.Execute(opened, `DROP TRIGGER stays`))
	_, err = newWorkspace(t, opened, "acme", "a").Commit()
	require.NoError(t, err)
	ended, err = store.EndedRuns(opened)
	require.NoError(t, err)
	assert.Zero(t, ended)
}

func TestWorkspaceCommit_Commit_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	workspace := newWorkspace(t, opened, "acme", "a")
	for _, kind := range []string{"some kind", "another kind", "and one more"} {
		putEntries(t, workspace, kind, 1)
	}
	require.NoError(t, opened.SetLimits(store.Limits{EntryBytes: store.EntryOverhead + 60}))
	_, err := workspace.Commit()
	require.ErrorIs(t, err, store.ErrTooLarge)
	require.ErrorContains(t, err, `the summary of workspace "a", 3 kinds, takes`)
	assert.Empty(t, changes(t, opened, "acme", 0))
	requireCounts(t, opened, "acme", 0, 0, 0)
	require.ErrorIs(t, workspace.Put("some kind", nil), store.ErrTooLarge, "nothing is gathered that cannot be committed now")
	require.NoError(t, opened.SetLimits(store.Limits{}))
	require.NoError(t, workspace.Put("some kind", nil), "a commit that is refused changes nothing")
	commit, err := workspace.Commit()
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"some kind": 2, "another kind": 1, "and one more": 1}, commit.Summary)
	t.Run("AnEntryOfTheJournalThatIsTooLarge", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		for index := range 20 {
			putEntries(t, workspace, fmt.Sprint("kind ", index), 1)
		}
		// The integers of a journal entry take more than those of the summary.
		require.NoError(t, opened.SetLimits(store.Limits{EntryBytes: store.EntryOverhead + 400}))
		_, err := workspace.Commit()
		require.ErrorIs(t, err, store.ErrTooLarge)
		require.ErrorContains(t, err, `the summary of workspace "a", 20 kinds, takes`)
		assert.Empty(t, changes(t, opened, "acme", 0), "nothing of it is done")
		requireCounts(t, opened, "acme", 0, 0, 0)
	})
}

// anyKinds are names of kinds that take as much room as they can, and as little.
var anyKinds = map[string]func(index int) string{
	"Short":      func(index int) string { return fmt.Sprint(index) },
	"Long":       func(index int) string { return fmt.Sprintf("%0128d", index) },
	"Quotes":     func(index int) string { return strings.Repeat(`"`, 124) + fmt.Sprint(index) },
	"Signs":      func(index int) string { return strings.Repeat("<", 124) + fmt.Sprint(index) },
	"Separators": func(index int) string { return strings.Repeat("\u2028", 41) + fmt.Sprint(index) },
}

// Whatever a workspace has taken can be committed, however large its counts become: what
// would be too much is refused by the put.
func TestWorkspaceCommit_Commit_Good_WhatWasTaken(t *testing.T) {
	t.Parallel()
	for name, kindOf := range anyKinds {
		for _, entryBytes := range []int{2048, 32 << 10, 1<<20 - 32<<10} {
			t.Run(fmt.Sprint(name, "Within", entryBytes), func(t *testing.T) {
				config := store.StoreConfig{WorkspaceStateDirectory: t.TempDir(), DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed, Limits: store.Limits{EntryBytes: entryBytes, KeyBytes: 2048, GroupBytes: 512}}
				opened := openStore(t, config)
				workspace := newWorkspace(t, opened, "acme", strings.Repeat("w", store.MaxWorkspaceNameBytes))
				taken := 0
				var refusal error
				for ; refusal == nil && taken < store.MaxWorkspaceKinds; taken++ {
					if refusal = workspace.Put(kindOf(taken), nil); refusal != nil {
						break
					}
				}
				if refusal == nil {
					assert.Greater(t, entryBytes, 32<<10, "all were taken")
				} else {
					require.ErrorIs(t, refusal, store.ErrTooLarge)
					require.ErrorContains(t, refusal, fmt.Sprintf("the summary of workspace %q, %d kinds, takes", workspace.Name(), taken+1))
				}
				require.NoError(t, workspace.Put(kindOf(0), nil), "a kind that is there takes no more")
				require.NoError(t, opened.Close())
				found, err := filepath.Glob(filepath.Join(config.WorkspaceStateDirectory, "*.workspace"))
				require.NoError(t, err)
				execute(t, found[0], fmt.Sprintf(`UPDATE kinds SET entries = %d`, int64(math.MaxInt64)-1))
				opened = openStore(t, config)
				workspace = newWorkspace(t, opened, "acme", workspace.Name())
				if refusal != nil {
					require.ErrorIs(t, workspace.Put(kindOf(taken), nil), store.ErrTooLarge, "after a restart too")
				}
				done := make(chan error, 1)
				request := store.Request{Namespace: "acme", ID: "the commit", Answer: func(outcome store.Outcome) ([]byte, error) { return json.Marshal(outcome.Summary) }}
				opened.SubmitWorkspace(request, store.CommitWorkspaceCommand{Namespace: "acme", Workspace: workspace.Name()}, func(outcome store.Outcome, err error) {
					assert.NotEmpty(t, outcome.Answer)
					done <- err
				})
				require.NoError(t, <-done)
				entry, err := opened.GetEntry("acme:workspace:"+workspace.Name(), "summary")
				require.NoError(t, err)
				assert.NotEmpty(t, entry.Value)
			})
		}
	}
}

func TestWorkspaceCommit_Commit_Ugly(t *testing.T) {
	t.Run("FileThatCannotBeRemoved", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
		opened := openStore(t, config)
		workspace := newWorkspace(t, opened, "acme", "a")
		putEntries(t, workspace, "row", 2)
		before := copyFolder(t, config.WorkspaceStateDirectory)
		store.FailWorkspaceCommits(opened, func(step string) {
			if step == "committed" {
				require.NoError(t, os.RemoveAll(config.WorkspaceStateDirectory))
			}
		})
		_, err := workspace.Commit()
		require.NoError(t, err, "it is committed")
		require.NoError(t, opened.Close())
		require.NoError(t, os.Rename(before, config.WorkspaceStateDirectory))
		requireCommittedOnce(t, config)
	})
	t.Run("NameThatIsOpenedMeanwhile", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		var opening sync.WaitGroup
		var made atomic.Int32
		store.FailWorkspaceCommits(opened, func(step string) {
			if step != "committed" {
				return
			}
			begun := make(chan struct{})
			for range 20 {
				opening.Go(func() {
					begun <- struct{}{}
					_, created, err := opened.OpenWorkspace("acme", "a")
					assert.NoError(t, err)
					if created {
						made.Add(1)
					}
				})
				<-begun
			}
		})
		_, err := workspace.Commit()
		require.NoError(t, err)
		opening.Wait()
		assert.EqualValues(t, 1, made.Load(), "all of them get the next run")
	})
	t.Run("CommitOfTheStoreThatIsRefused", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		putEntries(t, workspace, "row", 2)
		require.NoError(t, store.LeaveRoom(opened, 0))
		_, err := workspace.Commit()
		for err == nil { // What room there is within the file is used first.
			workspace = newWorkspace(t, opened, "acme", "a")
			putEntries(t, workspace, "row", 2)
			_, err = workspace.Commit()
		}
		require.ErrorIs(t, err, store.ErrUnavailable)
		requireSummary(t, map[string]int64{"row": 2}, workspace)
		require.NoError(t, store.LeaveRoom(opened, -1))
		_, err = workspace.Commit()
		require.NoError(t, err)
	})
	t.Run("CommitOfTheStoreOfWhichNobodyKnows", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
		opened := openStore(t, config)
		workspace := newWorkspace(t, opened, "acme", "a")
		putEntries(t, workspace, "row", 2)
		require.NoError(t, store.OnCommit(opened, func(commit func() error) error {
			require.NoError(t, commit())
			return os.ErrDeadlineExceeded
		}))
		_, err := workspace.Commit()
		require.ErrorIs(t, err, store.ErrOutcomeUnknown)
		require.ErrorIs(t, workspace.Put("row", nil), store.ErrUnavailable, "it may be committed")
		require.NoError(t, opened.Close())
		requireCommittedOnce(t, config)
	})
}

// requireCommittedOnce opens a store whose workspace "a" of acme, with two rows, was
// being committed when it ended, and checks that it is finished.
func requireCommittedOnce(t *testing.T, config store.StoreConfig) {
	t.Helper()
	for range 2 {
		opened := openStore(t, config)
		value, err := opened.Get("acme:workspace:a", "summary")
		require.NoError(t, err)
		assert.JSONEq(t, `{"row":2}`, value)
		assert.Equal(t, []string{"set summary"}, brief(changes(t, opened, "acme", 0)))
		entries, _, err := opened.PendingJournal(10, 1<<20)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		assert.Equal(t, map[string]any{"row": int64(2)}, entries[0].Fields)
		orphans, err := opened.RecoverOrphans("")
		require.NoError(t, err)
		assert.Empty(t, orphans)
		assert.Empty(t, workspaceFiles(t, config.WorkspaceStateDirectory))
		require.NoError(t, opened.Close())
	}
}
