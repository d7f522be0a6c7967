// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// webAddress matches the URL of the page in the output of serve.
var webAddress = regexp.MustCompile(`http://[0-9a-z.:\[\]]+/`)

// browser follows the feed of a namespace as a browser does. If the connection breaks, it
// connects again and sends the last id it received.
type browser struct {
	url, token, namespace string
	client                *http.Client

	mutex   sync.Mutex
	changes []json.RawMessage
	cuts    int
	lastID  string
	// ended is the name of an event other than a change, "" if there was none.
	ended string
}

// startBrowser follows a namespace from the beginning until the test ends.
func startBrowser(t *testing.T, url, token, namespace string) *browser {
	t.Helper()
	started := &browser{url: url, token: token, namespace: namespace, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	running.Go(func() {
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for ctx.Err() == nil {
			started.connect(ctx)
			<-again.C
		}
	})
	return started
}

// connect reads a feed until it ends.
func (browser *browser) connect(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, browser.url+"/v1/"+browser.namespace+"/changes?after=0", nil)
	if err != nil {
		return
	}
	request.Header.Set("Authorization", "Bearer "+browser.token)
	browser.mutex.Lock()
	if browser.lastID != "" {
		request.Header.Set("Last-Event-ID", browser.lastID)
	}
	browser.mutex.Unlock()
	response, err := browser.client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	browser.read(response)
}

func (browser *browser) read(response *http.Response) {
	lines := bufio.NewReader(response.Body)
	fields := map[string]string{}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			browser.mutex.Lock()
			browser.cuts++
			browser.mutex.Unlock()
			return
		}
		if name, value, isField := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); isField {
			fields[name] = value
			continue
		}
		browser.handleFrame(fields)
		clear(fields)
	}
}

// handleFrame processes a complete frame as a browser does.
func (browser *browser) handleFrame(fields map[string]string) {
	browser.mutex.Lock()
	defer browser.mutex.Unlock()
	if id, given := fields["id"]; given {
		browser.lastID = id
	}
	switch event := fields["event"]; event {
	case "":
	case "change":
		browser.changes = append(browser.changes, json.RawMessage(fields["data"]))
	case "closed":
	default:
		browser.ended = event
	}
}

func (browser *browser) count() int {
	browser.mutex.Lock()
	defer browser.mutex.Unlock()
	return len(browser.changes)
}

// A browser that follows the feed receives every change once and in order, even if the
// sidecar is killed.
func TestHTTP_Changes_Ugly_TheSidecarIsKilled(t *testing.T) {
	t.Parallel()
	const kills = 5
	random := seeded(t)
	outside := startBroker(t, "127.0.0.1:0")
	database, address := filepath.Join(t.TempDir(), "storebus.db"), freeAddress(t)
	token := filepath.Join(t.TempDir(), "http.token")
	require.NoError(t, os.WriteFile(token, []byte("a-token-of-some-length"), 0o600))
	flags := []string{"--http", address, "--http-token-file", token}
	browsers := map[string]*browser{}
	for _, namespace := range loadNamespaces {
		browsers[namespace] = startBrowser(t, "http://"+address, "a-token-of-some-length", namespace)
	}
	load := startLoad(t, outside.URL())
	for kill := range kills {
		sidecar := startServe(t, outside.URL(), database, flags...)
		load.settle()
		reached := load.beginUntil(50+random.IntN(500), func() { assert.NoError(t, sidecar.native.Kill()) })
		waitFor(t, reached, "acknowledgements after start %d", kill)
		sidecar.wait(t)
		load.shut()
	}
	last := startServe(t, outside.URL(), database, flags...)
	load.settle()
	waitFor(t, load.begin(200), "acknowledgements after the last start")
	load.finish()
	cuts := 0
	for namespace, log := range load.verify(t, connect(t, outside.URL())) {
		browser := browsers[namespace]
		require.Eventually(t, func() bool { return browser.count() >= len(log) }, patience, time.Millisecond, namespace)
		browser.mutex.Lock()
		require.Len(t, browser.changes, len(log), "none comes twice")
		for index := range log {
			require.Equal(t, string(log[index]), string(browser.changes[index]), "%s, change %d", namespace, index)
		}
		assert.Empty(t, browser.ended)
		cuts += browser.cuts
		browser.mutex.Unlock()
	}
	assert.Positive(t, cuts, "the feeds were cut off")
	assert.Zero(t, last.terminate(t), "feeds do not hold up the end")
}

func TestHTTP_Serve_Good(t *testing.T) {
	t.Run("SaysWhereAndServesByDefault", func(t *testing.T) {
		sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0")
		newTenant(t, address, "acme").set(t, "config", "theme", "dark")
		sidecar.says(t, "  Web ")
		url := webAddress.FindString(sidecar.errors.String())
		require.NotEmpty(t, url)
		for path, text := range map[string]string{
			"healthz": `"healthy":true`, "readyz": `"ready":true`, "metrics": `storebus_keys{namespace="acme"} 1`, "": "storebus", "v1/acme/config/theme": "dark",
		} {
			assert.Contains(t, string(fetch(t, http.MethodGet, url+path)), text)
		}
		assert.Zero(t, sidecar.terminate(t))
	})
	t.Run("TwoByDefaultDoNotCollide", func(t *testing.T) {
		urls := map[string]bool{}
		for range 2 {
			sidecar, _ := serveOwn(t, nil, "--listen", "127.0.0.1:0")
			sidecar.says(t, "  Web ")
			urls[webAddress.FindString(sidecar.errors.String())] = true
		}
		assert.Len(t, urls, 2)
	})
	t.Run("IsOffIfItIsAskedToBe", func(t *testing.T) {
		for _, arguments := range [][]string{{"--http", ""}, {"--http="}} {
			sidecar, _ := serveOwn(t, nil, append([]string{"--listen", "127.0.0.1:0"}, arguments...)...)
			sidecar.says(t, "  Try it ")
			assert.Zero(t, sidecar.terminate(t))
			assert.Regexp(t, `\n  Web +off\n`, sidecar.printed())
		}
	})
}

func TestHTTP_Serve_Bad(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { taken.Close() })
	given := run(t, "", "serve", "--listen", "127.0.0.1:0", "--http", taken.Addr().String())
	assert.NotZero(t, given.code)
	assert.Contains(t, given.stderr, "--http", "an address that was given is not replaced")
	gone := run(t, "", "serve", "--events-stream", "events")
	assert.NotZero(t, gone.code)
	assert.Contains(t, gone.stderr, "events-stream")
}
