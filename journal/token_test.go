// SPDX-License-Identifier: EUPL-1.2

package journal_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/journal"
)

// guarded is a delivery with a token in a file, to an endpoint that lets in who has another one.
type guarded struct {
	*bench
	file string
}

func startGuarded(t *testing.T, right string, refusal int) *guarded {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
	started := &guarded{file: file, bench: startBench(t, func(config *journal.Config) {
		config.Token, config.TokenFile = "", file
	})}
	started.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
		started.endpoint.mutex.Lock()
		given := started.endpoint.header.Get("Authorization")
		started.endpoint.mutex.Unlock()
		if given != "Token "+right {
			http.Error(writer, "not with "+given, refusal)
			return
		}
		writer.WriteHeader(http.StatusNoContent)
	})
	started.queue.keep(1, 2)
	return started
}

func (guarded *guarded) rotate(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(guarded.file, []byte(text), 0o600))
}

func TestToken_ReadAgain_Good(t *testing.T) {
	for _, refusal := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(http.StatusText(refusal), func(t *testing.T) {
			guarded := startGuarded(t, "n3w", refusal)
			guarded.rotate(t, " n3w\r\n")
			outcome, err := flush(t, guarded.bench)
			require.NoError(t, err)
			assert.Equal(t, journal.FlushOutcome{Delivered: 2}, outcome)
			assert.Equal(t, [][]int64{{1, 2}, {1, 2}}, guarded.endpoint.ids(), "the same once more")
			assert.Equal(t, 1, strings.Count(guarded.logs.String(), "\n"))
			assert.Contains(t, guarded.logs.String(), "has been read again")
			assert.NotContains(t, guarded.logs.String(), "n3w")
		})
	}
	t.Run("AfterAWhile", func(t *testing.T) {
		guarded := startGuarded(t, "n3w", http.StatusUnauthorized)
		for range 5 {
			_, err := flush(t, guarded.bench)
			require.ErrorIs(t, err, journal.ErrNotDelivered)
		}
		guarded.rotate(t, "n3w")
		_, err := flush(t, guarded.bench)
		require.NoError(t, err)
		assert.Equal(t, []int64{1, 2}, guarded.queue.delivered)
		lines := strings.Split(strings.TrimSpace(guarded.logs.String()), "\n")
		require.Len(t, lines, 3, "%v", lines)
		assert.Contains(t, lines[0], "journal entries are kept and tried again")
		assert.Contains(t, lines[2], "journal entries are delivered again")
	})
}

func TestToken_ReadAgain_Bad(t *testing.T) {
	t.Run("TheSameTokenIsNotSentTwice", func(t *testing.T) {
		guarded := startGuarded(t, "n3w", http.StatusForbidden)
		_, err := flush(t, guarded.bench)
		require.ErrorContains(t, err, "403 Forbidden: not with Token ***")
		assert.Len(t, guarded.endpoint.ids(), 1)
		assert.Equal(t, 2, guarded.queue.left())
		assert.Empty(t, guarded.queue.rejected)
	})
	t.Run("AnotherWrongOneIsSentOnce", func(t *testing.T) {
		guarded := startGuarded(t, "n3w", http.StatusUnauthorized)
		guarded.rotate(t, "wr0ng")
		_, err := flush(t, guarded.bench)
		require.ErrorContains(t, err, "not with Token ***")
		assert.Len(t, guarded.endpoint.ids(), 2)
		assert.Equal(t, 2, guarded.queue.left())
	})
	for name, content := range map[string]string{"Empty": "\n", "TwoLines": "n3w\nother"} {
		t.Run(name, func(t *testing.T) {
			guarded := startGuarded(t, "n3w", http.StatusUnauthorized)
			guarded.rotate(t, content)
			_, err := flush(t, guarded.bench)
			require.ErrorContains(t, err, ": not with Token ***; the token file "+guarded.file)
			assert.Equal(t, "the endpoint answers 401 "+http.StatusText(http.StatusUnauthorized), guarded.Status().Brief)
			assert.Len(t, guarded.endpoint.ids(), 1)
			guarded.rotate(t, "n3w")
			_, err = flush(t, guarded.bench)
			require.NoError(t, err)
			assert.Equal(t, []int64{1, 2}, guarded.queue.delivered)
		})
	}
	t.Run("Missing", func(t *testing.T) {
		guarded := startGuarded(t, "n3w", http.StatusUnauthorized)
		require.NoError(t, os.Remove(guarded.file))
		_, err := flush(t, guarded.bench)
		require.ErrorContains(t, err, "read the token: open "+guarded.file)
		guarded.rotate(t, "n3w")
		_, err = flush(t, guarded.bench)
		require.NoError(t, err)
	})
}

func TestToken_ReadAgain_Ugly_TheOldTokenIsRepeated(t *testing.T) {
	guarded := startGuarded(t, "n3w", http.StatusUnauthorized)
	guarded.rotate(t, "n3w")
	_, err := flush(t, guarded.bench)
	require.NoError(t, err)
	guarded.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
		http.Error(writer, "neither "+token+" nor n3w", http.StatusServiceUnavailable)
	})
	guarded.queue.keep(3)
	_, err = flush(t, guarded.bench)
	require.ErrorContains(t, err, "neither *** nor ***")
}

func TestToken_Start_Bad(t *testing.T) {
	folder := t.TempDir()
	empty, two := filepath.Join(folder, "empty"), filepath.Join(folder, "two")
	require.NoError(t, os.WriteFile(empty, []byte(" \n"), 0o600))
	require.NoError(t, os.WriteFile(two, []byte(token+"\nother"), 0o600))
	for name, test := range map[string]struct {
		config journal.Config
		want   string
	}{
		"Missing":           {journal.Config{TokenFile: filepath.Join(folder, "none")}, "read the token"},
		"Empty":             {journal.Config{TokenFile: empty}, "is empty"},
		"TwoLines":          {journal.Config{TokenFile: two}, "control character"},
		"Both":              {journal.Config{TokenFile: two, Token: token}, "give one of them"},
		"NoLineOfAHeader":   {journal.Config{Token: token + "\nother"}, "control character"},
		"FileThatIsAFolder": {journal.Config{TokenFile: folder}, "read the token"},
	} {
		t.Run(name, func(t *testing.T) {
			test.config.Queue, test.config.URL, test.config.Bucket = &queue{}, "http://h", "b"
			_, err := journal.Start(test.config)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, test.config.CheckEndpoint(), test.want)
			assert.NotContains(t, err.Error(), token)
		})
	}
}
