// SPDX-License-Identifier: EUPL-1.2

package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/web"
)

// replaceToken puts a token into a file as an operator does: another file in its place.
func replaceToken(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text+"\n"), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

func TestToken_Matches_Good_TheFileIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "http.token")
	replaceToken(t, path, "the-first-of-some-tokens")
	bench := start(t, web.Config{TokenFile: path}, func(backend *web.Backend) { backend.Open = false })
	bench.set("acme:config", "theme", "dark")
	status := func(token string) int {
		return bench.get("/v1/acme/config/theme", "Authorization", "Bearer "+token).status
	}
	assert.Equal(t, http.StatusOK, status("the-first-of-some-tokens"))
	replaceToken(t, path, "the-other-of-some-tokens")
	assert.Equal(t, http.StatusUnauthorized, status("the-first-of-some-tokens"), "the old one is worth nothing, and nobody has shown the new one yet")
	assert.Equal(t, http.StatusOK, status("the-other-of-some-tokens"))
	for _, useless := range []string{"", "short"} {
		replaceToken(t, path, useless)
		assert.Equal(t, http.StatusOK, status("the-other-of-some-tokens"), "a file without a token changes nothing")
		assert.Equal(t, http.StatusUnauthorized, status(useless))
	}
	require.NoError(t, os.Remove(path))
	assert.Equal(t, http.StatusOK, status("the-other-of-some-tokens"))
}

func TestToken_New_Bad(t *testing.T) {
	folder := t.TempDir()
	short := filepath.Join(folder, "short")
	require.NoError(t, os.WriteFile(short, []byte("short\n"), 0o600))
	for text, config := range map[string]web.Config{
		"web.Start: the token has 5 characters: use 16 or more": {Token: "short"},
		short + ": the token has 5 characters":                  {TokenFile: short},
		"no such file":                                          {TokenFile: filepath.Join(folder, "absent")},
		"both Token and TokenFile":                              {Token: token, TokenFile: short},
		"read the token: read " + folder:                        {TokenFile: folder},
	} {
		config.Address = "127.0.0.1:0"
		_, err := web.Start(config)
		assert.ErrorContains(t, err, text)
	}
}
