// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWorkspaceRename_RenamedWorkspace_Good(t *testing.T) {
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
		renamed := renamedWorkspace(name)
		assert.Equal(t, want, renamed, "%q", name)
		assert.NoError(t, checkWorkspaceName(renamed), "%q", name)
		assert.Equal(t, name, OriginalName(renamed))
	}
}

// oddNames are names that come near to escape sequences, and any others.
var oddNames = rapid.OneOf(
	rapid.StringOf(rapid.SampledFrom([]rune("_xX00AF2.-: üx\x00"))),
	rapid.StringMatching(`(_|x|_x[0-9A-F]{4}|[0-9A-F]{4}_|_x[0-9A-F]{8}_|\.|ü|time){0,6}`),
	rapid.Map(rapid.SliceOf(rapid.Byte()), func(bytes []byte) string { return string(bytes) }),
)

func TestWorkspaceRename_RenamedWorkspace_Ugly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := strings.ReplaceAll(oddNames.Draw(t, "name"), "\x00", "") // no file has such a name
		renamed := renamedWorkspace(name)
		require.NoError(t, checkWorkspaceName(renamed))
		if len(renamed) < MaxWorkspaceNameBytes { // else it may have been cut
			require.Equal(t, name, OriginalName(renamed))
		}
	})
	t.Run("OneThatIsTooLongIsCut", func(t *testing.T) {
		first, second := renamedWorkspace(strings.Repeat("ü", 100)+"1"), renamedWorkspace(strings.Repeat("ü", 100)+"2")
		assert.Len(t, first, MaxWorkspaceNameBytes)
		assert.NoError(t, checkWorkspaceName(first))
		assert.NotEqual(t, first, second)
		assert.Equal(t, first, renamedWorkspace(strings.Repeat("ü", 100)+"1"))
	})
}

func TestWorkspaceRename_RenamedKind_Good(t *testing.T) {
	for kind, want := range map[string]string{
		"row": "row", "größe 1": "größe 1", "time": "x_x0074_ime", "namespace": "x_x006E_amespace", "workspace": "x_x0077_orkspace",
		"a\nb": "a_x000A_b", `a\`: "a_x005C_", "": "x_x0000_", "\xff": "x_xDCFF_", "x_x0074_ime": "x_x0078__x005F_x0074_ime", "_private": "x_x005F_private",
	} {
		renamed := renamedKind(kind)
		assert.Equal(t, want, renamed)
		assert.Equal(t, kind, OriginalName(renamed))
	}
}

func TestWorkspaceRename_RenamedKind_Ugly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := oddNames.Draw(t, "kind")
		renamed := renamedKind(kind)
		require.NoError(t, CheckWorkspaceKind(renamed))
		if len(renamed) < MaxWorkspaceKindBytes-utf8.UTFMax && kind != emptyName {
			require.Equal(t, kind, OriginalName(renamed))
		}
	})
	assert.NoError(t, CheckWorkspaceKind(renamedKind(strings.Repeat("ü", MaxWorkspaceKindBytes))))
	assert.Equal(t, "_x0000110000_", unescape("_x0000110000_"))
	assert.Equal(t, "_xFFFFFFFF_", unescape("_xFFFFFFFF_"), "no code point")
}

func FuzzWorkspaceRename_RenamedWorkspace(f *testing.F) {
	for _, name := range []string{"import-42", "my notes", "_draft", "a..b", "xü", "_x0041ü", "a_x0020_b", "\xff", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		renamed, kind := renamedWorkspace(name), renamedKind(name)
		require.NoError(t, checkWorkspaceName(renamed))
		require.NoError(t, CheckWorkspaceKind(kind))
		if len(renamed) < MaxWorkspaceNameBytes && name != emptyName {
			require.Equal(t, name, OriginalName(renamed))
		}
		if len(kind) < MaxWorkspaceKindBytes-utf8.UTFMax && name != emptyName {
			require.Equal(t, name, OriginalName(kind))
		}
	})
}
