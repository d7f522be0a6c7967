// SPDX-License-Identifier: EUPL-1.2

package storebus_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

// startAgain ends a broker and starts another at the same port.
func startAgain(t testing.TB, broker *server.Server) *server.Server {
	t.Helper()
	port := portOf(t, broker)
	broker.Shutdown()
	broker.WaitForShutdown()
	return startBroker(t, &server.Options{Port: port})
}

func portOf(t testing.TB, broker *server.Server) int {
	t.Helper()
	address, ok := broker.Addr().(*net.TCPAddr)
	require.True(t, ok)
	return address.Port
}

func TestConnection_Connect_Good_WaitsForABrokerThatIsAway(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	port, url := portOf(t, broker), broker.ClientURL()
	broker.Shutdown()
	broker.WaitForShutdown()
	logs := newLogs()
	started := make(chan *storebus.Sidecar, 1)
	go func() {
		sidecar, err := storebus.Start(context.Background(), storebus.Config{
			DatabasePath: store.MemoryDatabase, NATS: storebus.NATSConfig{URL: url}, Logger: logs.logger(),
		})
		assert.NoError(t, err)
		started <- sidecar
	}()
	logs.waitFor(t, "the broker is away: waiting for it")
	startBroker(t, &server.Options{Port: port})
	sidecar := <-started
	require.NotNil(t, sidecar)
	assert.Equal(t, `{"exists":false}`, request(t, connect(t, url), "store.acme.exists.g.k", ""))
	require.NoError(t, sidecar.Close())
}

func TestConnection_Connect_Good_ByContext(t *testing.T) {
	broker := startBroker(t, &server.Options{Users: []*server.User{{Username: "sidecar", Password: "secret"}}})
	folder := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", folder)
	contexts := filepath.Join(folder, "nats", "context")
	require.NoError(t, os.MkdirAll(contexts, 0o700))
	settings, err := json.Marshal(map[string]string{"url": broker.ClientURL(), "user": "sidecar", "password": "secret"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(contexts, "berlin.json"), settings, 0o600))

	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{Context: "berlin"}})
	connection := connect(t, sidecar.NATSURL(), nats.UserInfo("sidecar", "secret"))
	assert.Equal(t, `{"exists":false}`, request(t, connection, "store.acme.exists.g.k", ""))

	_, err = storebus.Start(t.Context(), storebus.Config{DatabasePath: store.MemoryDatabase, NATS: storebus.NATSConfig{Context: "none"}})
	assert.ErrorContains(t, err, `unknown context "none"`)
}

func TestConnection_Connect_Good_ByUser(t *testing.T) {
	broker := startBroker(t, &server.Options{Users: []*server.User{{Username: "sidecar", Password: "secret"}}})
	start(t, storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL(), User: "sidecar", Password: "secret", InboxPrefix: "_INBOX_sidecar"}})
}

func TestConnection_Connect_Bad(t *testing.T) {
	broker := startBroker(t, &server.Options{Users: []*server.User{{Username: "sidecar", Password: "secret"}}})
	for name, config := range map[string]storebus.NATSConfig{
		"TheBrokerRefuses":         {URL: broker.ClientURL(), User: "sidecar", Password: "wrong"},
		"TheURLIsNone":             {URL: "nats://%zz"},
		"TheCredentialsAreMissing": {URL: broker.ClientURL(), CredentialsFile: filepath.Join(t.TempDir(), "none.creds")},
		"TheSeedIsMissing":         {URL: broker.ClientURL(), SeedFile: filepath.Join(t.TempDir(), "none.nk")},
		"TheAuthorityIsMissing":    {URL: broker.ClientURL(), AuthorityFile: filepath.Join(t.TempDir(), "none.pem")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := storebus.Start(t.Context(), storebus.Config{DatabasePath: store.MemoryDatabase, NATS: config})
			assert.Error(t, err)
		})
	}
}

func TestConnection_Reconnect_Ugly_TheBrokerIsStartedAgain(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	logs := newLogs()
	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL()}, Logger: logs.logger()})
	assert.Equal(t, `{"revision":1,"created":true}`, request(t, connect(t, broker.ClientURL()), "store.acme.set.g.k", "v"))
	broker = startAgain(t, broker)
	logs.waitFor(t, "the broker is back")
	logs.waitFor(t, "the broker is back")
	connection := connect(t, broker.ClientURL())
	// The client says that it is back before the broker has its subscriptions.
	require.Eventually(t, func() bool {
		_, err := connection.Request("store.acme.exists.g.k", nil, patience)
		return err == nil
	}, patience, time.Millisecond)
	events, err := connection.SubscribeSync("store.events.>")
	require.NoError(t, err)
	assert.Equal(t, `{"revision":2,"created":false}`, request(t, connection, "store.acme.set.g.k", "w"))
	_, err = events.NextMsg(patience)
	assert.NoError(t, err)
	assert.NoError(t, sidecar.Err())
}

func TestConnection_Closed_Ugly_TheBrokerRefusesForGood(t *testing.T) {
	// A broker that answers a connection with an error that the client does not know
	// ends it for good.
	broker := startBroker(t, &server.Options{})
	proxy := startInjector(t, broker)
	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{URL: proxy.url()}})
	proxy.inject("-ERR 'Go Away'\r\n")
	select {
	case <-sidecar.Done():
	case <-time.After(patience):
		t.Fatal("the sidecar goes on without a connection")
	}
	assert.ErrorIs(t, sidecar.Err(), storebus.ErrDisconnected)
	assert.ErrorContains(t, sidecar.Err(), "Go Away")
}

// injector stands between connections and a broker, and can speak for the broker.
type injector struct {
	listener net.Listener
	running  sync.WaitGroup

	mutex sync.Mutex
	near  []net.Conn
	all   []net.Conn
}

func startInjector(t testing.TB, broker *server.Server) *injector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	injector := &injector{listener: listener}
	injector.running.Go(func() { injector.accept(broker.Addr().String()) })
	t.Cleanup(func() {
		listener.Close()
		injector.close()
		injector.running.Wait()
	})
	return injector
}

func (injector *injector) url() string { return "nats://" + injector.listener.Addr().String() }

func (injector *injector) accept(target string) {
	for {
		near, err := injector.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			near.Close()
			continue
		}
		injector.mutex.Lock()
		injector.near, injector.all = append(injector.near, near), append(injector.all, near, far)
		injector.mutex.Unlock()
		for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
			injector.running.Go(func() {
				_, _ = io.Copy(pair[1], pair[0])
				pair[1].Close()
			})
		}
	}
}

func (injector *injector) inject(text string) {
	injector.mutex.Lock()
	defer injector.mutex.Unlock()
	for _, near := range injector.near {
		_, _ = near.Write([]byte(text))
	}
}

func (injector *injector) close() {
	injector.mutex.Lock()
	defer injector.mutex.Unlock()
	for _, connection := range injector.all {
		connection.Close()
	}
}
