// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// lying is a server that answers unlike an endpoint, until a test gives it another handler.
type lying struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
}

func startLying(t *testing.T) *lying {
	t.Helper()
	started := &lying{}
	started.Server = httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		(*started.answer.Load())(writer, request)
	}))
	t.Cleanup(started.Close)
	return started
}

func (lying *lying) with(answer http.HandlerFunc) { lying.answer.Store(&answer) }

// If an answer confirms nothing, the points stay pending, and the operator can read that
// answer.
func TestJournal_Confirmations_Bad(t *testing.T) {
	endpoint, taking := startLying(t), startStandIn(t)
	endpoint.with(func(http.ResponseWriter, *http.Request) {})
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--journal-url", endpoint.URL, "--journal-bucket", "b")
	store, err := client.New(connect(t, address), client.Config{})
	require.NoError(t, err)
	endpoint.with(func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(http.StatusCreated) })
	commitNumbered(t, store, 10, 1, func(int64) {})
	for _, test := range []struct {
		status     int
		kind, body string
	}{
		{200, "text/plain", "ok"}, {200, "application/json", `{"status":"healthy"}`}, {200, "application/json", `{"error":"timeout"}`},
		{201, "text/plain", "<!DOCTYPE html>\n<title>Log in</title>"}, {202, "application/xhtml+xml", "<html xmlns=\"\">"}, {200, "text/plain", "\n"},
	} {
		endpoint.with(func(writer http.ResponseWriter, _ *http.Request) {
			writer.Header().Set("Content-Type", test.kind)
			writer.WriteHeader(test.status)
			fmt.Fprint(writer, test.body)
		})
		flushed, err := store.Flush(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []uint64{0, 10}, []uint64{flushed.Delivered, flushed.Pending})
		assert.Contains(t, flushed.LastError, fmt.Sprintf("the endpoint answers %d %s, and its body confirms nothing: %q", test.status, http.StatusText(test.status), test.body))
	}
	endpoint.with(taking.ServeHTTP)
	flushed, err := store.Flush(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []uint64{10, 0}, []uint64{flushed.Delivered, flushed.Pending})
	numbers, _ := taking.stored()
	assert.Len(t, numbers, 10)
}

// A refusal inside a success answer counts as a refusal: its points are rejected.
func TestJournal_Confirmations_Ugly(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"AsVersion1": {200, `{"error":"partial write: no texts here dropped=1"}`},
		"AsVersion2": {201, `{"code":"invalid","line":2,"message":"partial write: no texts here"}`},
	} {
		t.Run(name, func(t *testing.T) {
			const points, bad = 100, 42
			endpoint, taking := startLying(t), startStandIn(t)
			taking.refuse(func(fields map[string]any) string {
				if _, isText := fields["v"].(string); isText {
					return "no texts here"
				}
				return ""
			})
			endpoint.with(func(writer http.ResponseWriter, request *http.Request) {
				recorder := httptest.NewRecorder()
				taking.ServeHTTP(recorder, request)
				if recorder.Code == http.StatusNoContent {
					writer.WriteHeader(http.StatusNoContent)
					return
				}
				writer.WriteHeader(answer.status)
				fmt.Fprintln(writer, answer.body)
			})
			database := filepath.Join(t.TempDir(), "storebus.db")
			commitWithOneBad(t, database, points, bad)
			_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database, "--journal-url", endpoint.URL, "--journal-bucket", "b")
			store, err := client.New(connect(t, address), client.Config{})
			require.NoError(t, err)
			requireOneRejected(t, store, points, bad, answer.status, "and reports a refusal: partial write: no texts here")
			numbers, _ := taking.stored()
			assert.Len(t, numbers, points)
		})
	}
}

// If the token in its file is rotated, the new one is used without a restart. No point is
// lost or rejected, and the log has a line at the beginning and at the end.
func TestJournal_Rotation_Ugly(t *testing.T) {
	endpoint, taking := startLying(t), startStandIn(t)
	var right atomic.Value
	right.Store("first-s3cret")
	endpoint.with(func(writer http.ResponseWriter, request *http.Request) {
		if request.Header.Get("Authorization") != fmt.Sprint("Token ", right.Load()) {
			http.Error(writer, `{"code":"forbidden","message":"no access with this token"}`, http.StatusUnauthorized)
			return
		}
		taking.ServeHTTP(writer, request)
	})
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("first-s3cret\n"), 0o600))
	sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--journal-url", endpoint.URL, "--journal-bucket", "b", "--journal-token-file", file)
	store, err := client.New(connect(t, address), client.Config{})
	require.NoError(t, err)
	commitNumbered(t, store, 5, 1, func(int64) {})
	right.Store("second-s3cret")
	commitNumbered(t, store, 10, 1, func(int64) {})
	for range 5 {
		flushed, err := store.Flush(t.Context())
		require.NoError(t, err)
		assert.Contains(t, flushed.LastError, "no access with this token")
	}
	require.NoError(t, os.WriteFile(file, []byte("second-s3cret\n"), 0o600))
	flushed, err := store.Flush(t.Context())
	require.NoError(t, err)
	assert.Empty(t, flushed.LastError)
	status, err := store.JournalStatus(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, []uint64{0, 15, 0}, []uint64{status.Pending, status.Delivered, status.Rejected})
	assert.Zero(t, sidecar.terminate(t))
	log := sidecar.errors.String()
	for _, line := range []string{"journal entries are kept and tried again", "has been read again", "journal entries are delivered again"} {
		assert.Equal(t, 1, strings.Count(log, line), log)
	}
	assert.NotContains(t, log, "s3cret")
}
