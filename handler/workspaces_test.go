// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

func TestWorkspaces_Verbs_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	assert.Equal(t, subjects.WorkspaceOpenReply{Workspace: "import-42", Created: true}, ask[subjects.WorkspaceOpenReply](bench, "store.acme.workspace_open", `{"workspace":"import-42"}`))
	for entries, body := range []string{
		`{"workspace":"import-42","kind":"row","data": {"sku":"A-17", "n":9007199254740993} }`,
		`{"workspace":"import-42","kind":"row","data":[null,"\u0000ü"]}`,
		`{"workspace":"import-42","kind":"a \"kind\"","data":false}`,
		`{"workspace":"import-42","kind":"row","data":1e400}`,
	} {
		assert.Equal(t, uint64(entries+1), ask[subjects.WorkspacePutReply](bench, "store.acme.workspace_put", body).Entries)
	}
	assert.Equal(t, subjects.WorkspaceOpenReply{Workspace: "import-42", Entries: 4}, ask[subjects.WorkspaceOpenReply](bench, "store.acme.workspace_open", `{"workspace":"import-42"}`))
	assert.Equal(t, map[string]uint64{"row": 3, `a "kind"`: 1}, ask[subjects.WorkspaceAggregateReply](bench, "store.acme.workspace_aggregate", `{"workspace":"import-42"}`).Summary)
	listed := ask[subjects.WorkspacesReply](bench, "store.acme.workspaces", ``).Workspaces
	require.Len(t, listed, 1)
	assert.WithinDuration(t, time.Now(), listed[0].OpenedAt, patience)
	assert.Equal(t, subjects.WorkspaceStatus{Workspace: "import-42", Entries: 4, OpenedAt: listed[0].OpenedAt}, listed[0])
	t.Run("Query", func(t *testing.T) {
		reply := bench.request("store.acme.workspace_query", `{"workspace":"import-42","sql":"SELECT id, data, x'00ff' AS b, 0.5, NULL, 9007199254740993 AS m FROM entries WHERE id IN (1, 2) ORDER BY id"}`)
		assert.JSONEq(t, `{"columns":["id","data","b","0.5","NULL","m"],"truncated":false,"rows":[
			[1,"{\"sku\":\"A-17\", \"n\":9007199254740993}",{"base64":"AP8="},0.5,null,{"integer":"9007199254740993"}],
			[2,"[null,\"\\u0000ü\"]",{"base64":"AP8="},0.5,null,{"integer":"9007199254740993"}]]}`, string(reply.Data))
		reply = bench.request("store.acme.workspace_query", `{"workspace":"import-42","sql":"SELECT id FROM entries WHERE id = 9"}`)
		assert.JSONEq(t, `{"columns":["id"],"rows":[],"truncated":false}`, string(reply.Data))
		found := ask[subjects.WorkspaceQueryReply](bench, "store.acme.workspace_query", `{"workspace":"import-42","sql":"SELECT id FROM entries","limit":3}`)
		assert.Len(t, found.Rows, 3)
		assert.True(t, found.Truncated)
		many := `{"workspace":"import-42","sql":"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c"}`
		found = ask[subjects.WorkspaceQueryReply](bench, "store.acme.workspace_query", many)
		assert.Len(t, found.Rows, subjects.DefaultLimit)
	})
	reply := ask[subjects.WorkspaceCommitReply](bench, "store.acme.workspace_commit", `{"workspace":"import-42"}`)
	assert.Equal(t, subjects.WorkspaceCommitReply{EntryID: 1, Summary: map[string]uint64{"row": 3, `a "kind"`: 1}, Revision: 1}, reply)
	entry := ask[subjects.Lookup](bench, "store.acme.get", `{"group":"workspace:import-42","key":"summary"}`)
	assert.JSONEq(t, `{"row":3,"a \"kind\"":1}`, *entry.Value)
	assert.Empty(t, ask[subjects.WorkspacesReply](bench, "store.acme.workspaces", ``).Workspaces)
	t.Run("WithoutEntriesThereIsNoPoint", func(t *testing.T) {
		bench.request("store.acme.workspace_open", `{"workspace":"empty"}`)
		assert.JSONEq(t, `{"summary":{},"revision":2}`, string(bench.request("store.acme.workspace_commit", `{"workspace":"empty"}`).Data))
	})
	bench.request("store.acme.workspace_open", `{"workspace":"import-42"}`)
	assert.JSONEq(t, `{"discarded":true}`, string(bench.request("store.acme.workspace_discard", `{"workspace":"import-42"}`).Data))
}

func TestWorkspaces_Verbs_Bad(t *testing.T) {
	t.Parallel()
	bench := startService(t, handler.Config{})
	bench.request("store.other.workspace_open", `{"workspace":"a"}`)
	t.Run("AnotherTenantsIsNotThere", func(t *testing.T) {
		for verb, body := range map[string]string{
			"put": `{"workspace":"a","kind":"row","data":1}`, "aggregate": `{"workspace":"a"}`, "query": `{"workspace":"a","sql":"SELECT 1"}`,
			"commit": `{"workspace":"a"}`, "discard": `{"workspace":"a"}`,
		} {
			failure := bench.refuse("store.acme.workspace_"+verb, body)
			require.ErrorIs(t, failure, subjects.ErrNotFound)
			assert.Equal(t, "store.Workspace"+strings.ToUpper(verb[:1])+verb[1:]+": workspace a is not there", failure.Message)
		}
		assert.Empty(t, ask[subjects.WorkspacesReply](bench, "store.acme.workspaces", ``).Workspaces)
	})
	bench.request("store.acme.workspace_open", `{"workspace":"a"}`)
	// JSON escapes are escaped once more as a text in a reply.
	bench.request("store.acme.workspace_put", `{"workspace":"a","kind":"row","data":"`+strings.Repeat(`\"`, 300<<10)+`"}`)
	for _, refusal := range []struct {
		name, verb, body, field string
		is                      error
	}{
		{"KindThatIsNoField", "put", `{"workspace":"a","kind":"time","data":1}`, "kind", subjects.ErrBadRequest},
		{"KindThatIsATag", "put", `{"workspace":"a","kind":"workspace","data":1}`, "kind", subjects.ErrBadRequest},
		{"KindWithALineBreak", "put", `{"workspace":"a","kind":"a\nb","data":1}`, "kind", subjects.ErrBadRequest},
		{"NoData", "put", `{"workspace":"a","kind":"row","data":null}`, "data", subjects.ErrBadRequest},
		{"SQLThatIsRefused", "query", `{"workspace":"a","sql":"DELETE FROM entries"}`, "sql", subjects.ErrBadRequest},
		{"SQLThatIsNone", "query", `{"workspace":"a","sql":""}`, "sql", subjects.ErrBadRequest},
		{"SQLThatIsTooLong", "query", `{"workspace":"a","sql":"SELECT 1 -- ` + strings.Repeat("x", store.MaxQueryTextBytes) + `"}`, "", subjects.ErrTooLarge},
		{"ValueThatIsTooLong", "query", `{"workspace":"a","sql":"SELECT printf('%2000000s', 'x')"}`, "", subjects.ErrTooLarge},
		{"QueryThatDoesNotEnd", "query", `{"workspace":"a","sql":"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c WHERE x = 1 OR x = -1"}`, "", subjects.ErrDeadlineExceeded},
		{"ResultThatFitsNoMessage", "query", `{"workspace":"a","sql":"SELECT data FROM entries"}`, "", subjects.ErrTooLarge},
	} {
		t.Run(refusal.name, func(t *testing.T) {
			failure := bench.refuse("store.acme.workspace_"+refusal.verb, refusal.body)
			require.ErrorIs(t, failure, refusal.is)
			assert.Equal(t, refusal.field, failure.Field)
			assert.NotContains(t, failure.Message, ".workspace")
		})
	}
}

func TestWorkspaces_MessageID_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	exchange := func(verb, body string, replayed string) {
		t.Helper()
		reply := bench.request("store.acme.workspace_"+verb, body, subjects.HeaderMessageID, verb)
		require.Empty(t, reply.Header.Get(subjects.HeaderError), "%s", reply.Data)
		assert.Equal(t, replayed, reply.Header.Get(subjects.HeaderReplayed))
		answered, err := json.Marshal(json.RawMessage(reply.Data))
		require.NoError(t, err)
		assert.Equal(t, map[string]string{
			"open": `{"workspace":"a","created":true,"entries":0}`, "put": `{"entries":1}`,
			"commit": `{"entry_id":1,"summary":{"row":1},"revision":1}`, "discard": `{"discarded":true}`,
		}[verb], string(answered))
	}
	for _, replayed := range []string{"", subjects.ReplayedTrue} {
		exchange("open", `{"workspace":"a"}`, replayed)
		exchange("put", `{"workspace":"a","kind":"row","data":1}`, replayed)
		exchange("commit", `{"workspace":"a"}`, replayed)
		if replayed == "" {
			bench.request("store.acme.workspace_open", `{"workspace":"a"}`)
		}
		exchange("discard", `{"workspace":"a"}`, replayed)
	}
	failure := bench.refuse("store.acme.workspace_put", `{"workspace":"a","kind":"row","data":2}`, subjects.HeaderMessageID, "put")
	require.ErrorIs(t, failure, subjects.ErrBadRequest)
	assert.Equal(t, subjects.HeaderMessageID, failure.Field)
	assert.ErrorIs(t, bench.refuse("store.acme.set", `{"key":"k","value":"v"}`, subjects.HeaderMessageID, "put"), subjects.ErrBadRequest)
}
