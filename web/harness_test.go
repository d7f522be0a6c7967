// SPDX-License-Identifier: EUPL-1.2

package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
	"dappco.re/go/storebus/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds the waits of a test.
const patience = 30 * time.Second

// bench is a service with an HTTP server before it.
type bench struct {
	t       testing.TB
	store   *store.Store
	service *handler.Service
	server  *web.Server
	client  *http.Client
}

// start starts a service on a store and a broker of its own, and an open HTTP server with
// config. adjust may change the backend.
func start(t testing.TB, config web.Config, adjust ...func(*web.Backend)) *bench {
	t.Helper()
	bench := &bench{t: t, client: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	bench.startService()
	backend := web.Backend{Service: bench.service, Open: true}
	for _, change := range adjust {
		change(&backend)
	}
	if config.Address == "" {
		config.Address = "127.0.0.1:0"
	}
	var err error
	bench.server, err = web.Start(config)
	require.NoError(t, err)
	bench.server.Open(backend)
	t.Cleanup(func() {
		bench.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, bench.server.Stop(ctx))
	})
	return bench
}

func (bench *bench) startService() {
	t := bench.t
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	broker.Start()
	require.True(t, broker.ReadyForConnections(patience))
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	connection, err := nats.Connect(broker.ClientURL())
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	bench.store, err = store.NewConfigured(store.StoreConfig{DatabasePath: store.MemoryDatabase})
	require.NoError(t, err)
	bench.service, err = handler.Announce(t.Context(), handler.Config{Store: bench.store, Connection: connection, AloneAtStart: true})
	require.NoError(t, err)
	require.NoError(t, bench.service.Serve(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, bench.service.Stop(ctx))
		require.NoError(t, bench.store.Close())
		bench.service.Close()
	})
}

func (bench *bench) set(group, key, value string) {
	bench.t.Helper()
	require.NoError(bench.t, bench.store.Set(group, key, value))
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

// failure is the error of a response that has one.
func (answer answer) failure(t testing.TB) *subjects.Error {
	t.Helper()
	failure, err := subjects.ParseError([]byte(answer.body))
	require.NoError(t, err, "%d %s", answer.status, answer.body)
	require.Equal(t, answer.status, failure.Code)
	require.Equal(t, "application/json", answer.header.Get("Content-Type"))
	return failure
}

// ask sends a request with headers, given as pairs of name and value. Host is one of them.
func (bench *bench) ask(method, path string, headers ...string) answer {
	bench.t.Helper()
	response := bench.send(bench.t.Context(), method, path, headers...)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(bench.t, err)
	return answer{status: response.StatusCode, header: response.Header, body: string(body)}
}

func (bench *bench) get(path string, headers ...string) answer {
	bench.t.Helper()
	return bench.ask(http.MethodGet, path, headers...)
}

func (bench *bench) send(ctx context.Context, method, path string, headers ...string) *http.Response {
	bench.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(bench.server.URL(), "/")+path, nil)
	require.NoError(bench.t, err)
	for index := 0; index < len(headers); index += 2 {
		if headers[index] == "Host" {
			request.Host = headers[index+1]
		}
		request.Header.Add(headers[index], headers[index+1])
	}
	response, err := bench.client.Do(request)
	require.NoError(bench.t, err)
	return response
}

// frame is one frame of a feed.
type frame struct {
	id, event, data, comment string
}

// revision is the revision of the change in a frame.
func (frame frame) revision(t testing.TB) uint64 {
	t.Helper()
	var change struct{ Revision uint64 }
	require.Equal(t, "change", frame.event, "%+v", frame)
	require.NoError(t, json.Unmarshal([]byte(frame.data), &change), "%+v", frame)
	require.Equal(t, frame.id, fmt.Sprint(change.Revision))
	return change.Revision
}

// feed is an open feed of changes.
type feed struct {
	t      testing.TB
	lines  *bufio.Reader
	body   io.Closer
	cancel context.CancelFunc
}

// follow opens a feed, which is closed with the test.
func (bench *bench) follow(path string, headers ...string) *feed {
	bench.t.Helper()
	ctx, cancel := context.WithTimeout(bench.t.Context(), patience)
	response := bench.send(ctx, http.MethodGet, path, headers...) //nolint:bodyclose // the feed closes it
	feed := &feed{t: bench.t, lines: bufio.NewReader(response.Body), body: response.Body, cancel: cancel}
	bench.t.Cleanup(feed.close)
	require.Equal(bench.t, http.StatusOK, response.StatusCode)
	require.Equal(bench.t, "text/event-stream", response.Header.Get("Content-Type"))
	return feed
}

func (feed *feed) close() {
	feed.cancel()
	feed.body.Close()
}

// frame reads the next frame of any kind, and returns io.EOF at the end.
func (feed *feed) frame() (next frame, err error) {
	for {
		line, err := feed.lines.ReadString('\n')
		if err != nil {
			return next, err
		}
		if line == "\n" {
			return next, nil
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "":
			next.comment = value
		case "id":
			next.id = value
		case "event":
			next.event = value
		case "data":
			next.data = value
		}
	}
}

// next reads frames up to an event.
func (feed *feed) next() frame {
	feed.t.Helper()
	for {
		next, err := feed.frame()
		require.NoError(feed.t, err)
		if next.event != "" {
			return next
		}
	}
}
