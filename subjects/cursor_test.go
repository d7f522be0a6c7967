// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/subjects"
)

// cursors are the kinds of cursor, each with its two functions and a description of its
// content.
var cursors = map[string]struct {
	encode func(group, key string) string
	decode func(cursor string) (group, key string, err error)
}{
	"Key": {
		func(_, key string) string { return subjects.EncodeCursor(key) },
		func(cursor string) (string, string, error) {
			key, err := subjects.DecodeCursor(cursor)
			return "", key, err
		},
	},
	"Entry": {subjects.EncodeEntryCursor, subjects.DecodeEntryCursor},
	"Group": {
		func(group, _ string) string { return subjects.EncodeGroupCursor(group) },
		func(cursor string) (string, string, error) {
			group, err := subjects.DecodeGroupCursor(cursor)
			return group, "", err
		},
	},
	"Namespace": {
		func(group, _ string) string { return subjects.EncodeNamespaceCursor(group) },
		func(cursor string) (string, string, error) {
			namespace, err := subjects.DecodeNamespaceCursor(cursor)
			return namespace, "", err
		},
	},
	"Workspace": {
		func(group, _ string) string { return subjects.EncodeWorkspaceCursor(group) },
		func(cursor string) (string, string, error) {
			workspace, err := subjects.DecodeWorkspaceCursor(cursor)
			return workspace, "", err
		},
	},
}

func TestCursor_DecodeCursor_Good(t *testing.T) {
	for _, key := range []string{"theme", "a.b", "ü", "\x00", strings.Repeat(".", subjects.MaxKeyBytes)} {
		decoded, err := subjects.DecodeCursor(subjects.EncodeCursor(key))
		require.NoError(t, err)
		assert.Equal(t, key, decoded)
	}
	for name, cursor := range cursors {
		t.Run(name+"HoldsAnyNames", func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				encoded := cursor.encode(anyBytes.Draw(t, "group"), anyBytes.Draw(t, "key"))
				group, key, err := cursor.decode(encoded)
				require.NoError(t, err)
				require.Equal(t, encoded, cursor.encode(group, key))
				require.NotEmpty(t, encoded)
			})
		})
	}
	t.Run("NamesComeBack", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			group, key := anyBytes.Draw(t, "group"), anyBytes.Draw(t, "key")
			decodedGroup, decodedKey, err := subjects.DecodeEntryCursor(subjects.EncodeEntryCursor(group, key))
			require.NoError(t, err)
			require.Equal(t, group, decodedGroup)
			require.Equal(t, key, decodedKey)
		})
	})
	t.Run("FitsItsBound", func(t *testing.T) {
		longest := subjects.EncodeEntryCursor(strings.Repeat(".", subjects.MaxGroupBytes), strings.Repeat(".", subjects.MaxKeyBytes))
		assert.Len(t, longest, subjects.MaxCursorBytes)
	})
}

func TestCursor_DecodeCursor_Bad(t *testing.T) {
	for name, cursor := range cursors {
		t.Run(name, func(t *testing.T) {
			for _, text := range []string{"", "theme", ".", "x.a", "k", "e", "k.%41", "k.%2e", "k.a%", "k.a b", "k.a.b", "e.a", "e.%41.b", "e.a.%41", "e.a.b.c", "g.%41", "g.a.b", "n.%41"} {
				_, _, err := cursor.decode(text)
				requireBadField(t, err, "after")
			}
			for other, foreign := range cursors {
				if other != name {
					_, _, err := cursor.decode(foreign.encode("a", "b"))
					requireBadField(t, err, "after")
				}
			}
		})
	}
}

// FuzzCursor_DecodeCursor checks that a decoded cursor is encoded the same again. So each
// point has one cursor, and no text is the cursor of two kinds.
func FuzzCursor_DecodeCursor(f *testing.F) {
	for _, text := range []string{"k.theme", "e.config.a%2Eb", "g.config", "n.acme", "k.", "e..", "k.%41", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kinds := 0
		for _, cursor := range cursors {
			group, key, err := cursor.decode(text)
			if err != nil {
				requireBadField(t, err, "after")
				continue
			}
			kinds++
			assert.Equal(t, text, cursor.encode(group, key))
		}
		assert.LessOrEqual(t, kinds, 1)
	})
}
