// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/store"
)

// nestedData are texts of JSON that is nested so deep.
var nestedData = map[string]func(depth int) string{
	"Lists":   func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) },
	"Objects": func(depth int) string { return strings.Repeat(`{"x":`, depth) + "1" + strings.Repeat("}", depth) },
	"Both": func(depth int) string {
		return strings.Repeat(`[{"x":`, depth/2) + []string{"1", "[]"}[depth%2] + strings.Repeat("}]", depth/2)
	},
	"ListsBehindATextOfBrackets": func(depth int) string {
		return `["[[\"{{[[\\",` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth)
	},
}

// questions are what anybody asks of JSON.
var questions = []string{
	"SELECT data ->> '$.x', length(data -> '$'), json_type(data) FROM entries WHERE id = (SELECT max(id) FROM entries)",
	"SELECT count(*) FROM entries, json_each(data) WHERE entries.id = (SELECT max(id) FROM entries)",
	"SELECT count(*) FROM entries, json_tree(data) WHERE entries.id = (SELECT max(id) FROM entries)",
}

// requireReadable says that the newest entry can be asked about.
func requireReadable(t require.TestingT, workspace *store.Workspace, data string) {
	for _, question := range questions {
		_, err := workspace.QueryLimit(question, 1)
		require.NoError(t, err, "%.200s: %s", data, question)
	}
}

func TestWorkspaceData_Put_Good(t *testing.T) {
	workspace := newWorkspace(t, openStore(t, store.StoreConfig{}), "acme", "a")
	for name, nested := range nestedData {
		data := nested(store.MaxWorkspaceDataDepth)
		require.NoError(t, workspace.Put("row", json.RawMessage(data)), name)
		requireReadable(t, workspace, data)
	}
	for _, data := range []string{
		`{"x":1e999999}`, `{"x":-0}`, `{"x":123456789012345678901234567890}`, `{"x":` + strings.Repeat("9", 10_000) + `}`, `{"x":1e-` + strings.Repeat("9", 10_000) + `}`,
		`{"x":"\ud800"}`, `{"x":"a\u0000b"}`, `{"a\u0000b":1}`, `{"x":1,"x":2}`, `{"":1}`, `{"a\"b":1}`, `{"x":"\\"}`, "{\"x\":\"\u2028\x7f\"}", `"x"`, `1`, `true`, `null`,
		`{"x":"` + strings.Repeat(`\"`, 50_000) + `"}`, `[` + strings.Repeat("{},", 10_000) + `1]`,
	} {
		require.NoError(t, workspace.Put("row", json.RawMessage(data)), "%.200s", data)
		requireReadable(t, workspace, data)
	}
}

func TestWorkspaceData_Put_Bad(t *testing.T) {
	workspace := newWorkspace(t, openStore(t, store.StoreConfig{}), "acme", "a")
	for name, nested := range nestedData {
		for _, depth := range []int{store.MaxWorkspaceDataDepth + 1, 9_999} {
			err := workspace.Put("row", json.RawMessage(nested(depth)))
			require.ErrorIs(t, err, store.ErrInvalidData, name)
			require.ErrorContains(t, err, "SQLite's JSON reads 1000", name)
		}
	}
	requireSummary(t, map[string]int64{}, workspace)
}

// Whatever is accepted can be asked about.
func TestWorkspaceData_Property_Good(t *testing.T) {
	workspace := newWorkspace(t, openStore(t, store.StoreConfig{}), "acme", "a")
	letters := rapid.StringOfN(rapid.RuneFrom([]rune("ab\"\\\x00\n\u2028é😀{[")), 0, 8, -1)
	var anyJSON func(depth int) *rapid.Generator[any]
	anyJSON = func(depth int) *rapid.Generator[any] {
		kinds := []*rapid.Generator[any]{
			rapid.Just[any](nil), rapid.Bool().AsAny(), letters.AsAny(), rapid.Float64().AsAny(), rapid.Int64().AsAny(),
			rapid.SampledFrom([]any{json.Number("1e400"), json.Number("-1E-400"), json.Number("18446744073709551616"), json.RawMessage(`"\ud800\u0000"`)}),
		}
		if depth > 0 {
			kinds = append(kinds, rapid.SliceOfN(anyJSON(depth-1), 0, 4).AsAny(), rapid.MapOfN(letters, anyJSON(depth-1), 0, 4).AsAny())
		}
		return rapid.OneOf(kinds...)
	}
	rapid.Check(t, func(t *rapid.T) {
		data, err := json.Marshal(anyJSON(4).Draw(t, "data"))
		require.NoError(t, err)
		require.NoError(t, workspace.Put("row", json.RawMessage(data)), "%s", data)
		requireReadable(t, workspace, string(data))
	})
}

// FuzzWorkspaceData_Put checks of any bytes that they are refused, or can be asked about.
func FuzzWorkspaceData_Put(f *testing.F) {
	for _, seed := range []string{`{"x":1}`, `[1e999,"\ud800\u0000"]`, ` "x" `, `{"a\"b":[{}]}`, "[\"\xff\"]", "1 2", "\x0c1", "{'x':+1,}", "NaN", "[//\n]", strings.Repeat("[", 1001) + strings.Repeat("]", 1001)} {
		f.Add([]byte(seed))
	}
	workspace := newWorkspace(f, openStore(f, store.StoreConfig{}), "", "fuzz")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := workspace.Put("row", json.RawMessage(data)); err == nil {
			requireReadable(t, workspace, string(data))
		}
	})
}

// What an earlier version has taken is named where a query comes upon it.
func TestWorkspaceData_Query_Bad(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
	opened := openStore(t, config)
	workspace := newWorkspace(t, opened, "acme", "a")
	putEntries(t, workspace, "row", 2)
	require.NoError(t, opened.Close())
	found, err := filepath.Glob(filepath.Join(config.WorkspaceStateDirectory, "*.workspace"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	deep := nestedData["Lists"](1200)
	execute(t, found[0], `INSERT INTO entries (kind, data, created_at) VALUES ('odd "kind"', '`+deep+`', 0), ('later', '`+deep+`', 0); INSERT INTO kinds VALUES ('odd "kind"', 1), ('later', 1)`)
	workspace = newWorkspace(t, openStore(t, config), "acme", "a")
	for _, query := range []string{
		"SELECT data ->> '$.x' FROM entries", "SELECT count(*) FROM entries, json_each(data)", "SELECT count(*) FROM entries, json_tree(data)", "SELECT json_type(data) FROM entries WHERE id = 4",
	} {
		_, err := workspace.Query(query)
		require.ErrorIs(t, err, store.ErrInvalidQuery, query)
		require.ErrorContains(t, err, `entry 3, of kind "odd \"kind\"", is the first that it cannot read`, query)
		require.ErrorContains(t, err, "reads 1000 levels", query)
	}
	rows, err := workspace.Query("SELECT key FROM entries, json_each(data) WHERE json_valid(data)")
	require.NoError(t, err)
	assert.Len(t, rows.Rows, 2, "what it says to do does")
	t.Run("AQueryThatIsAtFaultItself", func(t *testing.T) {
		workspace := newWorkspace(t, openStore(t, store.StoreConfig{}), "acme", "b")
		putEntries(t, workspace, "row", 1)
		_, err := workspace.Query("SELECT '{' ->> '$.x' FROM entries")
		require.ErrorIs(t, err, store.ErrInvalidQuery)
		assert.NotContains(t, err.Error(), "entry")
	})
}
