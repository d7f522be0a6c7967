// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shutdownBound is what docs/operations.md promises.
const shutdownBound = 10 * time.Second

// A sidecar ends in time although everybody it speaks with hangs. What the broker has not confirmed
// comes after the next start.
func TestShutdown_Terminate_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("TheBrokerHangs", func(t *testing.T) {
		t.Parallel()
		outside := startBroker(t, "127.0.0.1:0")
		database := filepath.Join(t.TempDir(), "storebus.db")
		sidecar, page := serveWithPage(t, outside.URL(), database)
		listener := startListener(t, outside.URL())
		acme := newTenant(t, outside.URL(), "acme")
		for key := range 3 {
			acme.setFor(t, "brief", fmt.Sprint(key), "500ms")
		}
		require.NoError(t, outside.native.Signal(syscall.SIGSTOP))
		page.awaitBacklog(t, 3)
		requireEndsInTime(t, sidecar)

		require.NoError(t, outside.native.Signal(syscall.SIGCONT))
		startServe(t, outside.URL(), database)
		listener.verifyAll(t, acme)
	})
	t.Run("EverybodyHangs", func(t *testing.T) {
		t.Parallel()
		outside := startBroker(t, "127.0.0.1:0")
		between := startProxy(t, outside.address)
		database := filepath.Join(t.TempDir(), "storebus.db")
		silent := startSilentEndpoint(t)
		sidecar, page := serveWithPage(t, between.URL(), database, "--journal-url", silent, "--journal-bucket", "b", "--journal-organisation", "o")
		listener := startListener(t, outside.URL())
		acme := newTenant(t, outside.URL(), "acme")
		requireFirst(t, acme.call(t, "journal_commit", `{"measurement":"deploy","fields":{"n":1}}`))
		page.leaveUnread(t, "/v1/acme/changes?after=0")

		between.hold(func(index int) bool { return index == 1 }) // the connection for events
		// More than the buffers of a connection take: a write to the broker waits.
		for key := range 80 {
			acme.set(t, "large", fmt.Sprint(key), strings.Repeat("x", 250_000))
		}
		between.hold(func(int) bool { return true })
		requireEndsInTime(t, sidecar)

		between.cut(func(int) bool { return true })
		startServe(t, outside.URL(), database)
		listener.verifyAll(t, acme)
	})
	t.Run("AClientOfTheEmbeddedBrokerHangs", func(t *testing.T) {
		t.Parallel()
		sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--http", "")
		silent, err := net.Dial("tcp", strings.TrimPrefix(address, "nats://"))
		require.NoError(t, err)
		defer silent.Close()
		_, err = fmt.Fprint(silent, "CONNECT {}\r\nSUB store.events.> 1\r\nPING\r\n")
		require.NoError(t, err)
		acme := newTenant(t, address, "acme")
		for key := range 80 {
			acme.set(t, "large", fmt.Sprint(key), strings.Repeat("x", 250_000))
		}
		requireEndsInTime(t, sidecar)
	})
}

// requireEndsInTime ends a sidecar with SIGTERM.
func requireEndsInTime(t *testing.T, sidecar *process) {
	t.Helper()
	began := time.Now()
	assert.Zero(t, sidecar.terminate(t))
	assert.Less(t, time.Since(began), shutdownBound)
}

// verifyAll is verify for one tenant, who has made all changes.
func (listener *listener) verifyAll(t *testing.T, tenant *tenant) {
	t.Helper()
	logs := map[string][]json.RawMessage{tenant.namespace: tenant.wholeLog(t)}
	listener.verify(t, logs, readStatus(t, tenant.connection).Store)
}

// startSilentEndpoint starts an endpoint of the journal that takes requests and never answers.
func startSilentEndpoint(t *testing.T) (url string) {
	t.Helper()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		select {
		case <-ended:
		case <-request.Context().Done():
		}
	}))
	t.Cleanup(func() { close(ended); server.Close() })
	return server.URL
}

// pageOf is the HTTP of a sidecar.
type pageOf struct{ url, token string }

// serveWithPage is startServe with HTTP and a token for it.
func serveWithPage(t *testing.T, url, database string, flags ...string) (*process, pageOf) {
	t.Helper()
	page := pageOf{token: "a-token-of-the-tests"}
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(page.token), 0o600))
	address := freeAddress(t)
	page.url = "http://" + address
	return startServe(t, url, database, append(flags, "--http", address, "--http-token-file", file)...), page
}

// get returns the body of a path.
func (page pageOf) get(t *testing.T, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page.url+path, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+page.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

// metric returns a metric without labels, 0 if it is not there.
func (page pageOf) metric(t *testing.T, name string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(page.get(t, "/metrics"))
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)
	return value
}

// awaitBacklog waits until so many changes are not published.
func (page pageOf) awaitBacklog(t *testing.T, changes float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for page.metric(t, "storebus_events_backlog") < changes {
		require.NoError(t, ctx.Err())
	}
}

// leaveUnread asks for a path and reads nothing of the answer.
func (page pageOf) leaveUnread(t *testing.T, path string) {
	t.Helper()
	address := strings.TrimPrefix(page.url, "http://")
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { connection.Close() })
	_, err = fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, address, page.token)
	require.NoError(t, err)
}
