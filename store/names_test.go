// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/store"
)

func TestNames_NamespaceOf_Good(t *testing.T) {
	longest := strings.Repeat("n", store.MaxNamespaceBytes)
	for group, want := range map[string][2]string{
		"acme:config":     {"acme", "config"},
		"acme:user:42":    {"acme", "user:42"},
		"acme:":           {"acme", ""},
		"acme::":          {"acme", ":"},
		"-:-":             {"-", "-"},
		longest + ":g":    {longest, "g"},
		"config":          {"", "config"},
		"acme":            {"", "acme"},
		"":                {"", ""},
		":":               {"", ":"},
		":config":         {"", ":config"},
		"events:x":        {"", "events:x"},
		"admin:x":         {"", "admin:x"},
		"workspace:x":     {"", "workspace:x"},
		"Events:x":        {"Events", "x"},
		"ac.me:x":         {"", "ac.me:x"},
		"ac me:x":         {"", "ac me:x"},
		"äcme:x":          {"", "äcme:x"},
		"\xff:x":          {"", "\xff:x"},
		longest + "n:g":   {"", longest + "n:g"},
		"acme\x00:config": {"", "acme\x00:config"},
	} {
		namespace, name := store.NamespaceOf(group)
		assert.Equal(t, want, [2]string{namespace, name}, "%q", group)
	}
}

func TestNames_Limits_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Limits: store.Limits{GroupBytes: 4, KeyBytes: 3, EntryBytes: 1000}})
	for _, name := range [][2]string{{"acme:g", "k"}, {"acme:grou", "key"}, {"acme:é:é", "ä"}} {
		err := opened.Set(name[0], name[1], "value")
		if len(name[0]) > len("acme:")+4 {
			require.ErrorIs(t, err, store.ErrInvalidName, "bytes count, not letters")
		} else {
			require.NoError(t, err, "%q", name)
		}
	}
	t.Run("OutsideEveryNamespaceThereAreNone", func(t *testing.T) {
		for _, name := range [][2]string{{"", ""}, {"a long group", "a long key"}, {"events:\xff", "\xff"}} {
			require.NoError(t, opened.Set(name[0], name[1], strings.Repeat("x", 2000)))
			require.NoError(t, opened.Delete(name[0], name[1]))
		}
	})
	t.Run("ReadingHasNone", func(t *testing.T) {
		_, err := opened.Get("acme:a long group", "\xff")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
	t.Run("ZeroIsNoLimit", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Limits: store.Limits{KeyBytes: 3}})
		require.NoError(t, opened.Set("acme:"+strings.Repeat("g", 1000), "key", strings.Repeat("x", 1<<20)))
		require.NoError(t, opened.Set("acme:", "key", ""))
		require.ErrorIs(t, opened.Set("acme:g", "keys", ""), store.ErrInvalidName)
	})
}

func TestNames_Limits_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Limits: store.Limits{GroupBytes: 4, KeyBytes: 3, EntryBytes: 1000}})
	for _, test := range []struct{ group, key, message string }{
		{"acme:", "k", "group has 0 bytes, 1 to 4 are allowed"},
		{"acme:group", "k", "group has 5 bytes, 1 to 4 are allowed"},
		{"acme:g", "", "key has 0 bytes, 1 to 3 are allowed"},
		{"acme:g", "keys", "key has 4 bytes, 1 to 3 are allowed"},
		{"acme:\xff", "k", `group "\xff" is not UTF-8`},
		{"acme:g", "\xff", `key "\xff" is not UTF-8`},
	} {
		for _, err := range []error{opened.Set(test.group, test.key, ""), opened.Delete(test.group, test.key)} {
			require.ErrorIs(t, err, store.ErrInvalidName)
			require.ErrorContains(t, err, test.message)
		}
	}
	t.Run("TooLargeSaysByHowMuch", func(t *testing.T) {
		err := opened.Set("acme:g", "k", strings.Repeat("x", 1000))
		require.ErrorIs(t, err, store.ErrTooLarge)
		var tooLarge *store.TooLargeError
		require.ErrorAs(t, err, &tooLarge)
		assert.Equal(t, store.TooLargeError{What: "entry", Size: store.EntryOverhead + len(`acme"g""k"""`) + 1000, Limit: 1000}, *tooLarge)
		room := 1000 - (tooLarge.Size - 1000)
		require.NoError(t, opened.Set("acme:g", "k", strings.Repeat("x", room)))
		require.ErrorIs(t, opened.Set("acme:g", "k", strings.Repeat("x", room+1)), store.ErrTooLarge)
	})
}

// TestNames_Limits_Ugly compares the size of an entry as it travels with what
// encoding/json makes of it, which escapes the same characters or more of them.
func TestNames_Limits_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase, Limits: store.Limits{EntryBytes: 1}})
	rapid.Check(t, func(t *rapid.T) {
		value := string(rapid.OneOf(
			rapid.SliceOf(rapid.Byte()),
			rapid.Map(rapid.String(), func(text string) []byte { return []byte(text) }),
			rapid.SliceOf(rapid.SampledFrom([]byte("ab\"\\\b\f\n\r\t\x00\x1f\x7f<é"))),
		).Draw(t, "value"))
		var tooLarge *store.TooLargeError
		require.ErrorAs(t, opened.Set("acme:g", "k", value), &tooLarge)
		want := store.EntryOverhead + len("acme") + len(`"g"`) + len(`"k"`) + encodedSize(t, value)
		require.Equal(t, want, tooLarge.Size, "%q", value)
	})
}

func encodedSize(t *rapid.T, value string) int {
	if !utf8.ValidString(value) {
		return base64.StdEncoding.EncodedLen(len(value)) + 2
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(value))
	// These two travel as they are; encoding/json escapes them for JavaScript's sake.
	separators := strings.Count(value, "\u2028") + strings.Count(value, "\u2029")
	return buffer.Len() - len("\n") - separators*(len(`\u2028`)-len("\u2028"))
}

func TestNames_SetLimits_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:g", "a long key", "value"))
	require.NoError(t, opened.SetLimits(store.Limits{KeyBytes: 3}))
	require.ErrorIs(t, opened.Set("acme:g", "a long key", "other"), store.ErrInvalidName)
	value, err := opened.Get("acme:g", "a long key")
	require.NoError(t, err)
	assert.Equal(t, "value", value, "what is there stays")
	require.NoError(t, opened.SetLimits(store.Limits{}))
	require.NoError(t, opened.Set("acme:g", "a long key", "other"))
}

func TestNames_SetLimits_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, limits := range []store.Limits{{GroupBytes: -1}, {KeyBytes: -1}, {EntryBytes: -1}} {
		require.ErrorContains(t, opened.SetLimits(limits), "store.SetLimits: Limits ")
	}
	require.NoError(t, opened.Close())
	require.ErrorIs(t, opened.SetLimits(store.Limits{}), store.ErrClosed)
}
