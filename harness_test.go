// SPDX-License-Identifier: EUPL-1.2

package storebus_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds the waits of a test.
const patience = 10 * time.Second

// start starts a sidecar that is closed with the test. By default it has a broker of its
// own at a free port, and nothing on disk.
func start(t testing.TB, config storebus.Config) *storebus.Sidecar {
	t.Helper()
	sidecar, err := storebus.Start(t.Context(), withTestDefaults(config))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sidecar.Close()) })
	return sidecar
}

func withTestDefaults(config storebus.Config) storebus.Config {
	if config.DatabasePath == "" {
		config.DatabasePath = store.MemoryDatabase
	}
	if config.Listen == "" && config.NATS.URL == "" && config.NATS.Context == "" {
		config.Listen = "127.0.0.1:0"
	}
	return config
}

func connect(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	connection, err := nats.Connect(url, options...)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

// request sends a request and gives the body of its reply.
func request(t testing.TB, connection *nats.Conn, subject, body string) string {
	t.Helper()
	reply, err := connection.Request(subject, []byte(body), patience)
	require.NoError(t, err, subject)
	return string(reply.Data)
}

// startBroker starts a broker that is ended with the test.
func startBroker(t testing.TB, options *server.Options) *server.Server {
	t.Helper()
	options.Host, options.NoSigs, options.NoLog = "127.0.0.1", true, true
	if options.Port == 0 {
		options.Port = server.RANDOM_PORT
	}
	broker, err := server.NewServer(options)
	require.NoError(t, err)
	broker.Start()
	require.True(t, broker.ReadyForConnections(patience))
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	return broker
}

// logs keeps the log, and signals each line.
type logs struct {
	mutex sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func newLogs() *logs { return &logs{lines: make(chan string, 1024)} }

func (logs *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(logs, nil)) }

func (logs *logs) Write(line []byte) (int, error) {
	logs.mutex.Lock()
	defer logs.mutex.Unlock()
	logs.lines <- string(line)
	return logs.text.Write(line)
}

func (logs *logs) String() string {
	logs.mutex.Lock()
	defer logs.mutex.Unlock()
	return logs.text.String()
}

// waitFor waits for a line that holds a text.
func (logs *logs) waitFor(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case line := <-logs.lines:
			if bytes.Contains([]byte(line), []byte(text)) {
				return
			}
		case <-ctx.Done():
			t.Fatalf("no line with %q in:\n%s", text, logs)
		}
	}
}
