// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// influxConfiguration is that of an InfluxDB 1.8 in a folder, at an address.
const influxConfiguration = `reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = %[1]q
[data]
  dir = %[2]q
  wal-dir = %[3]q
[http]
  bind-address = %[4]q
  log-enabled = false
[monitor]
  store-enabled = false
`

// influx is a real InfluxDB, which can be killed and started again.
type influx struct {
	binary, configuration, address string
	process                        *process
}

// startInflux starts an InfluxDB with an empty database b, where influxd is installed.
func startInflux(t *testing.T) *influx {
	t.Helper()
	binary, err := exec.LookPath("influxd")
	if err != nil {
		home, _ := os.UserHomeDir()
		binary = filepath.Join(home, "go", "bin", "influxd")
		if _, err := os.Stat(binary); err != nil {
			t.Skip("influxd is not installed: .ci/run installs it")
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	folder := t.TempDir()
	started := &influx{binary: binary, configuration: filepath.Join(folder, "influxd.conf"), address: listener.Addr().String()}
	configuration := fmt.Sprintf(influxConfiguration, filepath.Join(folder, "meta"), filepath.Join(folder, "data"), filepath.Join(folder, "wal"), started.address)
	require.NoError(t, os.WriteFile(started.configuration, []byte(configuration), 0o600))
	started.start(t)
	started.query(t, "CREATE DATABASE b")
	return started
}

func (influx *influx) start(t *testing.T) {
	t.Helper()
	influx.process = startProcess(t, influx.binary, nil, "-config", influx.configuration)
	influx.process.says(t, "Listening on HTTP")
}

func (influx *influx) URL() string { return "http://" + influx.address }

// query returns the values of the first row of the answer.
func (influx *influx) query(t *testing.T, query string) []any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, influx.URL()+"/query?"+url.Values{"db": {"b"}, "epoch": {"ns"}, "q": {query}}.Encode(), nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var answer struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	require.NoError(t, json.Unmarshal(body, &answer), "%s", body)
	require.Len(t, answer.Results, 1)
	require.Empty(t, answer.Results[0].Error)
	if len(answer.Results[0].Series) == 0 {
		return nil
	}
	return answer.Results[0].Series[0].Values[0]
}

// Every point that was acknowledged is in the endpoint exactly once, although the
// endpoint and the sidecar are killed while points are committed and delivered.
func TestJournal_Kill_Ugly(t *testing.T) {
	points, workers := 100_000, 128
	if raceEnabled {
		points = 10_000
	}
	endpoint := startInflux(t)
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	flags := []string{"--journal-url", endpoint.URL(), "--journal-bucket", "b", "--journal-organisation", "o"}
	sidecar := startServe(t, outside.URL(), database, flags...)
	connection := connect(t, outside.URL())
	store, err := client.New(connection, client.Config{Timeout: time.Minute, Patience: time.Minute})
	require.NoError(t, err)

	var next, acknowledged atomic.Int64
	thresholds := map[int64]chan struct{}{}
	for _, share := range []int{20, 40, 60} {
		thresholds[int64(points*share/100)] = make(chan struct{})
	}
	var working sync.WaitGroup
	for worker := range workers {
		working.Go(func() {
			tags := map[string]string{"worker": fmt.Sprint(worker)}
			for number := next.Add(1); number <= int64(points); number = next.Add(1) {
				_, err := store.JournalCommit(t.Context(), "acme", "m", map[string]any{"n": number}, client.JournalOptions{Tags: tags})
				if !assert.NoError(t, err) {
					return
				}
				if reached := thresholds[acknowledged.Add(1)]; reached != nil {
					close(reached)
				}
			}
		})
	}
	waitFor(t, thresholds[int64(points/5)], "a fifth")
	endpoint.process.kill(t)
	waitFor(t, thresholds[int64(points*2/5)], "two fifths")
	sidecar.kill(t)
	sidecar = startServe(t, outside.URL(), database, flags...)
	waitFor(t, thresholds[int64(points*3/5)], "three fifths")
	endpoint.start(t)
	working.Wait()

	reply, err := store.Flush(context.Background())
	require.NoError(t, err)
	assert.Zero(t, reply.Pending, reply.LastError)
	status, err := store.JournalStatus(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, []uint64{0, uint64(points), 0}, []uint64{status.Pending, status.Delivered, status.Rejected})
	assert.Zero(t, sidecar.terminate(t))
	assert.InDelta(t, points, endpoint.query(t, "SELECT count(n) FROM m")[1], 0)
	assert.InDelta(t, points, endpoint.query(t, "SELECT count(distinct(n)) FROM m WHERE namespace = 'acme'")[1], 0)
}

// What is pending when the sidecar is told to stop is delivered before it ends.
func TestJournal_Terminate_Good(t *testing.T) {
	endpoint := startInflux(t)
	sidecar, address := serveOwn(t, []string{"STOREBUS_JOURNAL_TOKEN=s3cret-token"},
		"--listen", "127.0.0.1:0", "--journal-url", endpoint.URL(), "--journal-bucket", "b")
	store, err := client.New(connect(t, address), client.Config{})
	require.NoError(t, err)
	reply, err := store.JournalCommit(t.Context(), "acme", "de ploy,=", map[string]any{
		"f": 1.5, "i": -5, "b": true, "s": `say "hi" \ ☂`,
	}, client.JournalOptions{Tags: map[string]string{"host=": `a 1,\b`}})
	require.NoError(t, err)
	assert.Zero(t, sidecar.terminate(t))
	row := endpoint.query(t, `SELECT time, b, f, i, s, "host=", namespace FROM "de ploy,="`)
	require.Len(t, row, 7)
	assert.Equal(t, []any{true, 1.5, -5.0, `say "hi" \ ☂`, `a 1,\b`, "acme"}, row[1:])
	assert.InDelta(t, float64(reply.CommittedAt.UnixNano()), row[0], 1e3)
	assert.NotContains(t, sidecar.printed(), "s3cret")
	assert.NotContains(t, sidecar.errors.String(), "s3cret")
}

// What the endpoint refuses is kept aside with its reason, is delivered when it is
// requeued, and holds up nobody.
func TestJournal_Rejected_Bad(t *testing.T) {
	var healed atomic.Bool
	endpoint := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		// A body of one bad point is larger than that of a comment.
		if body, _ := io.ReadAll(request.Body); !healed.Load() && len(body) > 60 {
			http.Error(writer, `{"code":"invalid","message":"field type conflict"}`, http.StatusBadRequest)
			return
		}
		writer.WriteHeader(http.StatusNoContent)
	}))
	defer endpoint.Close()
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--journal-url", endpoint.URL, "--journal-bucket", "b")
	store, err := client.New(connect(t, address), client.Config{})
	require.NoError(t, err)
	committed, err := store.JournalCommit(t.Context(), "acme", "m", map[string]any{"n": 1, "u": uint64(1) << 63, "s": "x"}, client.JournalOptions{})
	require.NoError(t, err)
	flushed, err := store.Flush(t.Context())
	require.NoError(t, err)
	assert.Zero(t, flushed)
	page, err := store.JournalRejected(t.Context(), "acme", client.JournalRejectedOptions{})
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	rejected := page.Entries[0]
	assert.Equal(t, []any{committed.EntryID, "m", 400, committed.CommittedAt}, []any{rejected.EntryID, rejected.Measurement, rejected.Status, rejected.CommittedAt})
	assert.Contains(t, rejected.Reason, "field type conflict")
	values, err := rejected.Fields.Values()
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"n": int64(1), "u": uint64(1) << 63, "s": "x"}, values)
	other, err := store.JournalRejected(t.Context(), "other", client.JournalRejectedOptions{})
	require.NoError(t, err)
	assert.Empty(t, other.Entries, "each tenant sees its own")

	healed.Store(true)
	requeued, err := store.JournalRequeue(t.Context(), "acme", client.JournalRequeueOptions{EntryIDs: []uint64{committed.EntryID}})
	require.NoError(t, err)
	assert.Equal(t, uint64(1), requeued.Requeued)
	_, err = store.Flush(t.Context())
	require.NoError(t, err)
	status, err := store.JournalStatus(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, []uint64{0, 1, 0}, []uint64{status.Pending, status.Delivered, status.Rejected})
	require.NotNil(t, status.Endpoint)
	assert.Equal(t, endpoint.URL, *status.Endpoint)
}
