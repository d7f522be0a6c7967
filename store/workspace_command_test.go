// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// The writes to workspace "a" of acme.
var (
	openA    = store.OpenWorkspaceCommand{Namespace: "acme", Workspace: "a"}
	putA     = store.PutWorkspaceCommand{Namespace: "acme", Workspace: "a", Kind: "row", Data: json.RawMessage(`{"stock":4}`)}
	commitA  = store.CommitWorkspaceCommand{Namespace: "acme", Workspace: "a"}
	discardA = store.DiscardWorkspaceCommand{Namespace: "acme", Workspace: "a"}
)

// workspaceRequest is a request of acme whose answer tells everything of the outcome.
func workspaceRequest(id string, command store.WorkspaceCommand) store.Request {
	request := store.Request{Namespace: "acme", ID: id, Answer: func(outcome store.Outcome) ([]byte, error) {
		return fmt.Appendf(nil, "%t %d %d %v", outcome.Created, outcome.Entries, outcome.Revision, outcome.Summary), nil
	}}
	copy(request.Digest[:], fmt.Sprintf("%T%v", command, command)[len("store."):])
	return request
}

// submitWorkspace waits for a write to a workspace.
func submitWorkspace(opened *store.Store, id string, command store.WorkspaceCommand) (store.Outcome, error) {
	type result struct {
		outcome store.Outcome
		err     error
	}
	results := make(chan result, 1)
	request := store.Request{Namespace: "acme"}
	if id != "" {
		request = workspaceRequest(id, command)
	}
	opened.SubmitWorkspace(request, command, func(outcome store.Outcome, err error) { results <- result{outcome, err} })
	got := <-results
	return got.outcome, got.err
}

// requireWorkspaceAnswer checks what a write to a workspace is answered.
func requireWorkspaceAnswer(t *testing.T, opened *store.Store, id string, command store.WorkspaceCommand, want string, replayed bool) {
	t.Helper()
	outcome, err := submitWorkspace(opened, id, command)
	require.NoError(t, err)
	assert.Equal(t, want, string(outcome.Answer))
	assert.Equal(t, replayed, outcome.Replayed)
}

func TestWorkspaceCommand_SubmitWorkspace_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	outcome, err := submitWorkspace(opened, "", openA)
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{Created: true}, outcome)
	outcome, err = submitWorkspace(opened, "", putA)
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{Entries: 1}, outcome)
	outcome, err = submitWorkspace(opened, "", openA)
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{Entries: 1}, outcome)
	changed := make(chan store.Event, 1)
	defer opened.OnChange(func(event store.Event) { changed <- event })()
	outcome, err = submitWorkspace(opened, "", commitA)
	require.NoError(t, err)
	assert.NotZero(t, outcome.CommittedAt)
	assert.Equal(t, store.Outcome{Revision: 1, EntryID: 1, Summary: map[string]int64{"row": 1}, CommittedAt: outcome.CommittedAt}, outcome)
	assert.Equal(t, "acme:workspace:a", (<-changed).Group, "callbacks hear of it too")
	_, err = submitWorkspace(opened, "", openA)
	require.NoError(t, err)
	outcome, err = submitWorkspace(opened, "", discardA)
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{}, outcome)
	infos, err := opened.Workspaces("acme")
	require.NoError(t, err)
	assert.Empty(t, infos)
}

func TestWorkspaceCommand_SubmitWorkspace_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, command := range []store.WorkspaceCommand{putA, commitA, discardA} {
		for _, id := range []string{"", "x"} {
			_, err := submitWorkspace(opened, id, command)
			require.ErrorIs(t, err, store.ErrNotFound)
		}
	}
	newWorkspace(t, opened, "acme", "a")
	_, err := submitWorkspace(opened, "x", store.PutWorkspaceCommand{Namespace: "acme", Workspace: "a", Kind: "", Data: json.RawMessage("1")})
	require.ErrorIs(t, err, store.ErrInvalidName)
	_, err = submitWorkspace(opened, "x", store.PutWorkspaceCommand{Namespace: "acme", Workspace: "a", Kind: "row", Data: json.RawMessage("{")})
	require.ErrorIs(t, err, store.ErrInvalidData)
	_, err = submitWorkspace(opened, "x", store.OpenWorkspaceCommand{Namespace: "acme", Workspace: "../a"})
	require.ErrorIs(t, err, store.ErrInvalidName)
	requireWorkspaceAnswer(t, opened, "x", putA, "false 1 0 map[]", false)
	t.Run("TooManyOfANamespace", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		for index := range 8 {
			newWorkspace(t, opened, "acme", fmt.Sprint(index))
		}
		opened = reopen(t, opened, config)
		store.BoundWorkspaces(opened, 8)
		_, err := submitWorkspace(opened, "", openA)
		var exceeded *store.QuotaExceededError
		require.ErrorAs(t, err, &exceeded)
		assert.Equal(t, store.QuotaExceededError{Quota: "workspaces", Limit: 8, Usage: 8}, *exceeded)
		newWorkspace(t, opened, "acme", "7")
		newWorkspace(t, opened, "other", "a")
		_, err = submitWorkspace(opened, "", store.DiscardWorkspaceCommand{Namespace: "acme", Workspace: "7"})
		require.NoError(t, err)
		_, err = submitWorkspace(opened, "", openA)
		require.NoError(t, err)
	})
	t.Run("StoreThatIsClosed", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Close())
		_, err := submitWorkspace(opened, "", openA)
		require.ErrorIs(t, err, store.ErrClosed)
		opened.SubmitWorkspaces(store.WorkspacesQuery{Namespace: "acme"}, func(_ store.WorkspacesPage, err error) { assert.ErrorIs(t, err, store.ErrClosed) })
		opened.SubmitWorkspaceQuery(store.WorkspaceQuery{}, func(_ store.QueryRows, err error) { assert.ErrorIs(t, err, store.ErrClosed) })
	})
}

// everyWrite makes one of each write with an id, and gives what they were answered.
func everyWrite(t *testing.T, opened *store.Store, replayed bool) {
	t.Helper()
	requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", replayed)
	requireWorkspaceAnswer(t, opened, "put", putA, "false 1 0 map[]", replayed)
	requireWorkspaceAnswer(t, opened, "put again", putA, "false 2 0 map[]", replayed)
	requireWorkspaceAnswer(t, opened, "commit", commitA, "false 0 1 map[row:2]", replayed)
	requireWorkspaceAnswer(t, opened, "reopen", openA, "true 0 0 map[]", replayed)
	requireWorkspaceAnswer(t, opened, "discard", discardA, "false 0 0 map[]", replayed)
}

func TestWorkspaceCommand_MessageID_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	everyWrite(t, opened, false)
	everyWrite(t, opened, true)
	opened = reopen(t, opened, config)
	everyWrite(t, opened, true)
	assert.Len(t, changes(t, opened, "acme", 0), 1)
	requireCounts(t, opened, "acme", 1, 0, 0)
	infos, err := opened.Workspaces("acme")
	require.NoError(t, err)
	assert.Empty(t, infos, "nothing is opened again")
	t.Run("NotLongerThanTheWindow", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", false)
		for entries := range 5 {
			requireWorkspaceAnswer(t, opened, "put", putA, fmt.Sprintf("false %d 0 map[]", entries+1), false)
			clock.Advance(store.RetryWindow)
		}
		requireWorkspaceAnswer(t, opened, "open", openA, "false 5 0 map[]", false)
	})
}

// A request with an id that wants no answer is remembered all the same.
func TestWorkspaceCommand_WithoutAnswer_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	submitOnce := func(id string, command store.WorkspaceCommand, replayed bool) {
		t.Helper()
		done := make(chan error, 1)
		opened.SubmitWorkspace(store.Request{Namespace: "acme", ID: id}, command, func(outcome store.Outcome, err error) {
			assert.Equal(t, replayed, outcome.Replayed)
			assert.Empty(t, outcome.Answer)
			done <- err
		})
		require.NoError(t, <-done)
	}
	for _, replayed := range []bool{false, true} {
		submitOnce("open", openA, replayed)
		submitOnce("put", putA, replayed)
		submitOnce("commit", commitA, replayed)
		submitOnce("open again", openA, replayed)
		submitOnce("discard", discardA, replayed)
		opened = reopen(t, opened, config)
	}
	assert.Len(t, changes(t, opened, "acme", 0), 1)
}

// The end of a workspace is one visit to the committer, with an id and without.
func TestWorkspaceCommand_Visits_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", false)
	visits := store.RecordVisits(opened)
	requireWorkspaceAnswer(t, opened, "put", putA, "false 1 0 map[]", false)
	assert.Equal(t, []string{"recall", "rememberCommand"}, visits())
	requireWorkspaceAnswer(t, opened, "commit", commitA, "false 0 1 map[row:1]", false)
	assert.Equal(t, []string{"commitWorkspaceCommand"}, visits())
	requireWorkspaceAnswer(t, opened, "commit", commitA, "false 0 1 map[row:1]", true)
	assert.Equal(t, []string{"recall"}, visits(), "its workspace has ended")
	newWorkspace(t, opened, "acme", "a")
	requireWorkspaceAnswer(t, opened, "discard", discardA, "false 0 0 map[]", false)
	assert.Equal(t, []string{"discardWorkspaceCommand"}, visits())
	newWorkspace(t, opened, "acme", "a")
	_, err := submitWorkspace(opened, "", commitA)
	require.NoError(t, err)
	assert.Equal(t, []string{"commitWorkspaceCommand"}, visits())
}

// The end of an earlier run is not the end of the run that has its name now.
func TestWorkspaceCommand_MessageIDOfAnEnd_Good(t *testing.T) {
	for end, answer := range map[store.WorkspaceCommand]string{commitA: "false 0 1 map[row:1]", discardA: "false 0 0 map[]"} {
		t.Run(fmt.Sprintf("%T", end), func(t *testing.T) {
			config := store.StoreConfig{DatabasePath: databasePath(t)}
			opened := openStore(t, config)
			requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", false)
			requireWorkspaceAnswer(t, opened, "put", putA, "false 1 0 map[]", false)
			requireWorkspaceAnswer(t, opened, "end", end, answer, false)
			requireWorkspaceAnswer(t, opened, "open again", openA, "true 0 0 map[]", false)
			requireWorkspaceAnswer(t, opened, "put again", putA, "false 1 0 map[]", false)
			requireWorkspaceAnswer(t, opened, "end", end, answer, true)
			requireWorkspaceAnswer(t, opened, "one more", putA, "false 2 0 map[]", false)
			opened = reopen(t, opened, config)
			requireWorkspaceAnswer(t, opened, "end", end, answer, true)
			require.NoError(t, opened.Suspend("no writes"))
			requireWorkspaceAnswer(t, opened, "end", end, answer, true)
			_, err := submitWorkspace(opened, "another end", end)
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.NoError(t, opened.Suspend(""))
			requireSummary(t, map[string]int64{"row": 2}, newWorkspace(t, opened, "acme", "a"))
		})
	}
}

func TestWorkspaceCommand_MessageID_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	newWorkspace(t, opened, "acme", "b")
	requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", false)
	requireWorkspaceAnswer(t, opened, "put", putA, "false 1 0 map[]", false)
	refused := func(id string, command store.WorkspaceCommand) {
		t.Helper()
		_, err := submitWorkspace(opened, id, command)
		require.ErrorIs(t, err, store.ErrRequestMismatch)
	}
	refused("put", openA)
	refused("put", commitA)
	refused("open", putA)
	refused("put", store.PutWorkspaceCommand{Namespace: "acme", Workspace: "b", Kind: "row", Data: putA.Data})
	t.Run("OfAnotherCommand", func(t *testing.T) {
		_, err := submit(opened, counted("put"))
		require.ErrorIs(t, err, store.ErrRequestMismatch)
		_, err = submit(opened, counted("count"))
		require.NoError(t, err)
		refused("count", putA)
		refused("count", discardA)
	})
	t.Run("AnswerThatIsRefused", func(t *testing.T) {
		for _, command := range []store.WorkspaceCommand{
			putA, commitA, discardA, openA, store.OpenWorkspaceCommand{Namespace: "acme", Workspace: "c"},
		} {
			done := make(chan error, 1)
			request := workspaceRequest("refused", command)
			limit := store.MaxAnswerBytes
			if command == commitA {
				limit = store.MaxSummaryAnswerBytes
			}
			request.Answer = func(store.Outcome) ([]byte, error) { return make([]byte, limit+1), nil }
			opened.SubmitWorkspace(request, command, func(_ store.Outcome, err error) { done <- err })
			require.ErrorIs(t, <-done, store.ErrTooLarge)
		}
		_, err := opened.FindWorkspace("acme", "c")
		require.ErrorIs(t, err, store.ErrNotFound)
		requireSummary(t, map[string]int64{"row": 1}, newWorkspace(t, opened, "acme", "a"))
	})
}

func TestWorkspaceCommand_MessageID_Ugly(t *testing.T) {
	t.Run("AtTheSameTime", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		for _, command := range []store.WorkspaceCommand{openA, putA, commitA} {
			outcomes := make([]store.Outcome, 20)
			var working sync.WaitGroup
			for index := range outcomes {
				working.Go(func() {
					var err error
					outcomes[index], err = submitWorkspace(opened, fmt.Sprintf("%T", command), command)
					assert.NoError(t, err)
				})
			}
			working.Wait()
			first := slices.DeleteFunc(slices.Clone(outcomes), func(outcome store.Outcome) bool { return outcome.Replayed })
			require.Len(t, first, 1)
			for _, outcome := range outcomes {
				assert.Equal(t, first[0].Answer, outcome.Answer)
			}
		}
		requireCounts(t, opened, "acme", 1, 0, 0)
	})
	t.Run("ACrashBeforeTheStoreKnows", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		requireWorkspaceAnswer(t, opened, "other", store.OpenWorkspaceCommand{Namespace: "acme", Workspace: "b"}, "true 0 0 map[]", false)
		require.NoError(t, store.OnCommit(opened, func(func() error) error { return os.ErrDeadlineExceeded }))
		require.ErrorIs(t, opened.Set("acme:g", "a", "1"), store.ErrOutcomeUnknown, "it writes nothing any more")
		requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", false)
		requireWorkspaceAnswer(t, opened, "put", putA, "false 1 0 map[]", false)
		requireWorkspaceAnswer(t, opened, "put", putA, "false 1 0 map[]", true)
		requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", true)
		_, err := submitWorkspace(opened, "discard", discardA)
		require.ErrorIs(t, err, store.ErrUnavailable)
		rows, _, err := store.RememberedAnswers(opened)
		require.NoError(t, err)
		require.Equal(t, 1, rows, "that of before")
		opened = reopen(t, opened, config)
		newer, err := newWorkspace(t, opened, "acme", "a").Commit()
		require.NoError(t, err)
		assert.Equal(t, map[string]int64{"row": 1}, newer.Summary)
		requireWorkspaceAnswer(t, opened, "put", putA, "false 1 0 map[]", true)
		requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", true)
	})
	t.Run("ACrashLongAgo", func(t *testing.T) {
		clock := newClock()
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
		opened := openStore(t, config)
		requireWorkspaceAnswer(t, opened, "open", openA, "true 0 0 map[]", false)
		clock.Advance(store.RetryWindow)
		opened = reopen(t, opened, config)
		requireWorkspaceAnswer(t, opened, "open", openA, "false 0 0 map[]", false)
	})
}

func TestWorkspaceCommand_Queries_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
	putEntries(t, newWorkspace(t, opened, "other", "a"), "row", 1)
	newWorkspace(t, opened, "acme", "a")
	store.BoundQueries(opened, time.Hour, 1<<40)
	var working sync.WaitGroup
	for range 50 {
		working.Add(1)
		opened.SubmitWorkspaceQuery(store.WorkspaceQuery{Namespace: "acme", Workspace: "a", SQL: runaway + "SELECT count(*) FROM c", Limit: 1}, func(_ store.QueryRows, err error) {
			assert.ErrorIs(t, err, store.ErrNotFound)
			working.Done()
		})
	}
	for range 5 {
		rows := make(chan store.QueryRows, 1)
		opened.SubmitWorkspaceQuery(store.WorkspaceQuery{Namespace: "other", Workspace: "a", SQL: "SELECT count(*) FROM entries", Limit: 1}, func(found store.QueryRows, err error) {
			assert.NoError(t, err)
			rows <- found
		})
		assert.Equal(t, [][]any{{int64(1)}}, (<-rows).Rows, "others do not wait for queries that do not end")
	}
	_, err := submitWorkspace(opened, "", putA)
	require.NoError(t, err, "nor does anything else")
	summaries := make(chan map[string]int64, 1)
	opened.SubmitWorkspaceAggregate("acme", "a", func(summary map[string]int64, err error) {
		assert.NoError(t, err)
		summaries <- summary
	})
	assert.Equal(t, map[string]int64{"row": 1}, <-summaries)
	pages := make(chan store.WorkspacesPage, 1)
	opened.SubmitWorkspaces(store.WorkspacesQuery{Namespace: "acme"}, func(page store.WorkspacesPage, err error) {
		assert.NoError(t, err)
		pages <- page
	})
	assert.Len(t, (<-pages).Workspaces, 1)
	opened.SubmitWorkspaceAggregate("acme", "none", func(_ map[string]int64, err error) {
		assert.ErrorIs(t, err, store.ErrNotFound)
		summaries <- nil
	})
	<-summaries
	_, err = submitWorkspace(opened, "", discardA)
	require.NoError(t, err)
	working.Wait()
}
