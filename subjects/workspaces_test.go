// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestWorkspaces_CheckWorkspace_Good(t *testing.T) {
	for _, name := range []string{"a", "0", "Z9", "import-42", "a.b_c-d", "a.", "x.workspace", strings.Repeat("a", subjects.MaxWorkspaceBytes)} {
		require.NoError(t, subjects.CheckWorkspace(name), name)
	}
}

func TestWorkspaces_CheckWorkspace_Bad(t *testing.T) {
	for _, name := range []string{
		"", "..", ".", "../x", "/abs", "a/b", `a\b`, "a%2fb", "C:x", "a..b", "-a", "_a", ".a", "a ", "a\n", "a\x00", "~", "é", "\xff", "file:x?mode=rwc", "x#y",
		strings.Repeat("a", subjects.MaxWorkspaceBytes+1),
	} {
		requireBadField(t, subjects.CheckWorkspace(name), "workspace")
	}
}

// workspaceRule is the rule of the page for the name of a workspace, without the rule for
// two dots in a row.
var workspaceRule = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\z`)

// FuzzWorkspaces_CheckWorkspace checks the rule in another notation, and that a name that
// is taken comes back from a cursor.
func FuzzWorkspaces_CheckWorkspace(f *testing.F) {
	for _, name := range []string{"import-42", "a.b_c", "a..b", "", ".", "a.", "../a", "A", "-a", "é", "a\xff", "a\n", "a\x00", "Ａ", strings.Repeat("a", 128), strings.Repeat("a", 129)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := subjects.CheckWorkspace(name)
		assert.Equal(t, workspaceRule.MatchString(name) && !strings.Contains(name, ".."), err == nil)
		if err != nil {
			requireBadField(t, err, "workspace")
			assert.True(t, utf8.ValidString(err.Error()))
			return
		}
		cursor := subjects.EncodeWorkspaceCursor(name)
		assert.LessOrEqual(t, len(cursor), subjects.MaxCursorBytes)
		decoded, err := subjects.DecodeWorkspaceCursor(cursor)
		require.NoError(t, err)
		assert.Equal(t, name, decoded)
	})
}

// queryValues are values as SQLite has them, and as they travel.
var queryValues = map[string]any{
	`null`:                               nil,
	`0`:                                  int64(0),
	`-9007199254740992`:                  int64(-1 << 53),
	`9007199254740992`:                   int64(1 << 53),
	`{"integer":"9007199254740993"}`:     int64(1<<53 + 1),
	`{"integer":"9223372036854775807"}`:  int64(math.MaxInt64),
	`{"integer":"-9223372036854775808"}`: int64(math.MinInt64),
	`1.0`:                                1.0,
	`-0.0`:                               math.Copysign(0, -1),
	`0.1`:                                0.1,
	`1e+21`:                              1e21,
	`5e-324`:                             math.SmallestNonzeroFloat64,
	`1.7976931348623157e+308`:            math.MaxFloat64,
	`{"float":"Infinity"}`:               math.Inf(1),
	`{"float":"-Infinity"}`:              math.Inf(-1),
	`"größe"`:                            "größe",
	`""`:                                 "",
	`"a\u0000b"`:                         "a\x00b",
	`{"base64":"AP8="}`:                  []byte{0, 0xff},
	`{"base64":""}`:                      []byte{},
	`"{\"integer\":\"1\"}"`:              `{"integer":"1"}`,
	`"{\"base64\":\"AP8=\"}"`:            `{"base64":"AP8="}`,
}

func TestWorkspaceQuery_Values_Good(t *testing.T) {
	for text, value := range queryValues {
		travelling := subjects.NewQueryValue(value)
		assert.Equal(t, text, string(travelling))
		rows, err := subjects.WorkspaceQueryReply{Rows: [][]jsontext.Value{{travelling}}}.Values()
		require.NoError(t, err)
		assert.Equal(t, [][]any{{value}}, rows, text)
	}
	t.Run("TextThatIsNoUTF8IsBytes", func(t *testing.T) {
		assert.JSONEq(t, `{"base64":"/w=="}`, string(subjects.NewQueryValue("\xff")))
	})
	t.Run("OfAWholeReply", func(t *testing.T) {
		var reply subjects.WorkspaceQueryReply
		require.NoError(t, json.Unmarshal([]byte(`{"columns":["a","a"],"rows":[[1,"x"],[null,2.5]],"truncated":true}`), &reply))
		rows, err := reply.Values()
		require.NoError(t, err)
		assert.Equal(t, [][]any{{int64(1), "x"}, {nil, 2.5}}, rows)
	})
}

func TestWorkspaceQuery_Values_Bad(t *testing.T) {
	for _, text := range []string{
		`true`, `[]`, `{}`, `{"integer":"1.5"}`, `{"integer":1}`, `{"float":"NaN"}`, `{"base64":"?"}`, `9223372036854775808`, `1e999`,
	} {
		_, err := subjects.WorkspaceQueryReply{Rows: [][]jsontext.Value{{jsontext.Value(text)}}}.Values()
		requireBadField(t, err, "rows")
	}
}
