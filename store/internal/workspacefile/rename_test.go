// SPDX-License-Identifier: EUPL-1.2

package workspacefile_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

func TestRename_RenamedWorkspace_Good(t *testing.T) {
	for name, want := range map[string]string{
		"import-42":      "import-42",
		"2026_03.final-": "2026_03.final-",
		"my notes":       "my_x0020_notes",
		"grüße":          "gr_x00FC__x00DF_e",
		"a:b":            "a_x003A_b",
		"_draft":         "x_x005F_draft",
		".hidden":        "x_x002E_hidden",
		"a..b":           "a._x002E_b",
		"日記":             "x_x65E5__x8A18_",
		"😀":              "x_x0001F600_",
		"\xff\x80":       "x_xDCFF__xDC80_",
		"":               "x_x0000_",
		// What looks like an escape sequence is escaped, so that it comes back.
		"a_x0020_b": "a_x005F_x0020_b",
		"_x0041ü":   "x_x005F_x0041_x00FC_",
		"xü":        "x_x0078__x00FC_",
	} {
		renamed := workspacefile.RenamedWorkspace(name)
		assert.Equal(t, want, renamed, "%q", name)
		assert.NoError(t, workspacefile.CheckName(renamed), "%q", name)
		assert.Equal(t, name, workspacefile.OriginalName(renamed))
	}
}

// oddNames are names that come near to escape sequences, and any others.
var oddNames = rapid.OneOf(
	rapid.StringOf(rapid.SampledFrom([]rune("_xX00AF2.-: üx\x00"))),
	rapid.StringMatching(`(_|x|_x[0-9A-F]{4}|[0-9A-F]{4}_|_x[0-9A-F]{8}_|\.|ü|time){0,6}`),
	rapid.Map(rapid.SliceOf(rapid.Byte()), func(bytes []byte) string { return string(bytes) }),
)

func TestRename_RenamedWorkspace_Ugly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := strings.ReplaceAll(oddNames.Draw(t, "name"), "\x00", "") // no file has such a name
		renamed := workspacefile.RenamedWorkspace(name)
		require.NoError(t, workspacefile.CheckName(renamed))
		if len(renamed) < workspacefile.MaxNameBytes { // else it may have been cut
			require.Equal(t, name, workspacefile.OriginalName(renamed))
		}
	})
	t.Run("OneThatIsTooLongIsCut", func(t *testing.T) {
		first, second := workspacefile.RenamedWorkspace(strings.Repeat("ü", 100)+"1"), workspacefile.RenamedWorkspace(strings.Repeat("ü", 100)+"2")
		assert.Len(t, first, workspacefile.MaxNameBytes)
		assert.NoError(t, workspacefile.CheckName(first))
		assert.NotEqual(t, first, second)
		assert.Equal(t, first, workspacefile.RenamedWorkspace(strings.Repeat("ü", 100)+"1"))
	})
}

func TestRename_RenamedKind_Good(t *testing.T) {
	for kind, want := range map[string]string{
		"row": "row", "größe 1": "größe 1", "time": "x_x0074_ime", "namespace": "x_x006E_amespace", "workspace": "x_x0077_orkspace",
		"a\nb": "a_x000A_b", `a\`: "a_x005C_", "": "x_x0000_", "\xff": "x_xDCFF_", "x_x0074_ime": "x_x0078__x005F_x0074_ime", "_private": "x_x005F_private",
	} {
		renamed := workspacefile.RenamedKind(kind, store.CheckWorkspaceKind)
		assert.Equal(t, want, renamed)
		assert.Equal(t, kind, workspacefile.OriginalName(renamed))
	}
}

func TestRename_RenamedKind_Ugly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := oddNames.Draw(t, "kind")
		renamed := workspacefile.RenamedKind(kind, store.CheckWorkspaceKind)
		require.NoError(t, store.CheckWorkspaceKind(renamed))
		if len(renamed) < workspacefile.MaxKindBytes-utf8.UTFMax && kind != workspacefile.EmptyName {
			require.Equal(t, kind, workspacefile.OriginalName(renamed))
		}
	})
	assert.NoError(t, store.CheckWorkspaceKind(workspacefile.RenamedKind(strings.Repeat("ü", workspacefile.MaxKindBytes), store.CheckWorkspaceKind)))
	assert.Equal(t, "_x0000110000_", workspacefile.Unescape("_x0000110000_"))
	assert.Equal(t, "_xFFFFFFFF_", workspacefile.Unescape("_xFFFFFFFF_"), "no code point")
}

func FuzzRename_RenamedWorkspace(f *testing.F) {
	for _, name := range []string{"import-42", "my notes", "_draft", "a..b", "xü", "_x0041ü", "a_x0020_b", "\xff", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		renamed, kind := workspacefile.RenamedWorkspace(name), workspacefile.RenamedKind(name, store.CheckWorkspaceKind)
		require.NoError(t, workspacefile.CheckName(renamed))
		require.NoError(t, store.CheckWorkspaceKind(kind))
		if len(renamed) < workspacefile.MaxNameBytes && name != workspacefile.EmptyName {
			require.Equal(t, name, workspacefile.OriginalName(renamed))
		}
		if len(kind) < workspacefile.MaxKindBytes-utf8.UTFMax && name != workspacefile.EmptyName {
			require.Equal(t, name, workspacefile.OriginalName(kind))
		}
	})
}
