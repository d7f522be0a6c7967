// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

var tokens = map[string]string{
	"config":               "config",
	"a.b*":                 "a%2Eb%2A",
	"AZaz09-_:/=@+~":       "AZaz09-_:/=@+~",
	"*":                    "%2A",
	">":                    "%3E",
	".":                    "%2E",
	"a b\t\r\n":            "a%20b%09%0D%0A",
	"100%":                 "100%25",
	"%41":                  "%2541",
	"$SYS":                 "%24SYS",
	"ünï":                  "%C3%BCn%C3%AF",
	"\x00\x7f\xff":         "%00%7F%FF",
	strings.Repeat(".", 9): strings.Repeat("%2E", 9),
}

func TestToken_EncodeToken_Good(t *testing.T) {
	for name, token := range tokens {
		assert.Equal(t, token, subjects.EncodeToken(name))
		assert.Equal(t, "x"+token, string(subjects.AppendToken([]byte("x"), name)))
	}
}

func TestToken_EncodeToken_Ugly(t *testing.T) {
	t.Run("EmptyNameHasNoToken", func(t *testing.T) {
		assert.Empty(t, subjects.EncodeToken(""))
	})
	t.Run("PlainNameAllocatesNothing", func(t *testing.T) {
		assert.Zero(t, testing.AllocsPerRun(10, func() { subjects.EncodeToken("config:theme") }))
		assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = subjects.DecodeToken("config:theme") }))
	})
}

func TestToken_DecodeToken_Good(t *testing.T) {
	for name, token := range tokens {
		decoded, err := subjects.DecodeToken(token)
		require.NoError(t, err, token)
		assert.Equal(t, name, decoded)
	}
}

func TestToken_DecodeToken_Bad(t *testing.T) {
	for token, want := range map[string]string{
		"":          "cannot be empty",
		"%41":       "write A, not %41",
		"%2e":       "upper-case",
		"%7e":       "write ~, not %7e",
		"a%2":       "upper-case",
		"a%":        "upper-case",
		"%":         "upper-case",
		"%%":        "upper-case",
		"%G0":       "upper-case",
		"%0G":       "upper-case",
		"%+1":       "upper-case",
		"%2E%2e":    "upper-case",
		"a.b":       "write %2E",
		"*":         "write %2A",
		">":         "write %3E",
		"a b":       "write %20",
		"ü":         "write %C3",
		"\xff":      "write %FF",
		"a\nb":      "write %0A",
		"%2E.":      "write %2E",
		"x%2Ey%2D":  "write -, not %2D",
		"%00%2":     "upper-case",
		"$SYS":      "write %24",
		"a%25%5a":   "write Z, not %5a",
		"a%25%5A":   "write Z, not %5A",
		"name=%E2z": "",
	} {
		name, err := subjects.DecodeToken(token)
		if want == "" {
			require.NoError(t, err, token)
			continue
		}
		require.ErrorIs(t, err, subjects.ErrBadRequest, token)
		assert.Empty(t, name)
		assert.ErrorContains(t, err, want)
	}
}

func FuzzToken_EncodeToken(f *testing.F) {
	for name := range tokens {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		token := subjects.EncodeToken(name)
		assert.NotRegexp(t, `[^A-Za-z0-9_:/=@+~%-]`, token)
		if name == "" {
			return
		}
		decoded, err := subjects.DecodeToken(token)
		require.NoError(t, err)
		assert.Equal(t, name, decoded)
	})
}

func FuzzToken_DecodeToken(f *testing.F) {
	for _, token := range tokens {
		f.Add(token)
	}
	f.Add("%2e")
	f.Fuzz(func(t *testing.T, token string) {
		name, err := subjects.DecodeToken(token)
		if err == nil {
			assert.Equal(t, token, subjects.EncodeToken(name), "one name has one token")
		}
	})
}

func ExampleEncodeToken() {
	fmt.Println(subjects.EncodeToken("config"))
	fmt.Println(subjects.EncodeToken("a.b*"))
	// Output:
	// config
	// a%2Eb%2A
}

func BenchmarkEncodeToken(b *testing.B) {
	for _, name := range []string{"config:theme", "config.theme"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var token string
			for b.Loop() {
				token = subjects.EncodeToken(name)
			}
			decoded, err := subjects.DecodeToken(token)
			require.NoError(b, err)
			require.Equal(b, name, decoded)
		})
	}
}
