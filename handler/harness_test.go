// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// patience bounds the waits of a test.
const patience = 30 * time.Second

// startBroker starts a broker on a free port and waits until it is ready.
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

// connect connects a client that is closed with the test.
func connect(t testing.TB, broker *server.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	connection, err := nats.Connect(broker.ClientURL(), options...)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

// openStore opens a store that is closed with the test.
func openStore(t testing.TB, config store.StoreConfig) *store.Store {
	t.Helper()
	if config.DatabasePath == "" {
		config.DatabasePath = store.MemoryDatabase
	}
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	return opened
}

// limits are the limits of a sidecar on a broker with a max_payload of 1 MiB.
var limits = store.Limits{GroupBytes: subjects.MaxGroupBytes, KeyBytes: subjects.MaxKeyBytes, EntryBytes: 1<<20 - 32<<10}

// bench is a service on a store and a broker of its own, and a client of it.
type bench struct {
	t       testing.TB
	broker  *server.Server
	store   *store.Store
	service *handler.Service
	client  *nats.Conn
	logs    *logs
}

// startService starts a service with everything around it, and stops it in the
// order that a sidecar does.
func startService(t testing.TB, config handler.Config) *bench {
	t.Helper()
	bench := &bench{t: t, broker: startBroker(t, &server.Options{}), logs: &logs{}}
	bench.store = config.Store
	if bench.store == nil {
		bench.store = openStore(t, store.StoreConfig{Limits: limits})
	}
	bench.client = connect(t, bench.broker)
	config.Store, config.Connection, config.AloneAtStart = bench.store, connect(t, bench.broker), true
	config.Logger = slog.New(slog.NewTextHandler(bench.logs, nil))
	service, err := handler.Announce(t.Context(), config)
	require.NoError(t, err)
	require.NoError(t, service.Serve(t.Context()))
	bench.service = service
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, service.Stop(ctx))
		require.NoError(t, bench.store.Close())
		service.Close()
	})
	return bench
}

// request sends a request with headers, given as name and value in turn.
func (bench *bench) request(subject, body string, headers ...string) *nats.Msg {
	bench.t.Helper()
	reply, err := bench.client.RequestMsg(newMessage(subject, body, headers...), patience)
	require.NoError(bench.t, err, subject)
	return reply
}

func newMessage(subject, body string, headers ...string) *nats.Msg {
	message := nats.NewMsg(subject)
	message.Data = []byte(body)
	for index := 0; index < len(headers); index += 2 {
		message.Header.Add(headers[index], headers[index+1])
	}
	return message
}

// ask sends a request that must succeed, and decodes its reply.
func ask[Reply any](bench *bench, subject, body string, headers ...string) (reply Reply) {
	bench.t.Helper()
	message := bench.request(subject, body, headers...)
	require.Empty(bench.t, message.Header.Get(subjects.HeaderError), "%s %s: %s", subject, body, message.Data)
	require.NoError(bench.t, json.Unmarshal(message.Data, &reply), "%s", message.Data)
	return reply
}

// refuse sends a request that must fail, and gives the error.
func (bench *bench) refuse(subject, body string, headers ...string) *subjects.Error {
	bench.t.Helper()
	message := bench.request(subject, body, headers...)
	failure, err := subjects.ParseError(message.Data)
	require.NoError(bench.t, err, "%s %s: %s", subject, body, message.Data)
	require.Equal(bench.t, message.Header.Get(subjects.HeaderError), subjects.HeaderText(failure.Message))
	require.Equal(bench.t, message.Header.Get(subjects.HeaderErrorCode), jsonNumber(failure.Code))
	return failure
}

func jsonNumber(number int) string {
	text, _ := json.Marshal(number)
	return string(text)
}

// logs keeps the log.
type logs struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (logs *logs) Write(line []byte) (int, error) {
	logs.mutex.Lock()
	defer logs.mutex.Unlock()
	return logs.text.Write(line)
}

func (logs *logs) String() string {
	logs.mutex.Lock()
	defer logs.mutex.Unlock()
	return logs.text.String()
}
