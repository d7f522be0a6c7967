// SPDX-License-Identifier: EUPL-1.2

package storebus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
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

// saveContext writes a NATS context below XDG_CONFIG_HOME.
func saveContext(t *testing.T, name string, settings map[string]string) {
	t.Helper()
	contexts := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "nats", "context")
	require.NoError(t, os.MkdirAll(contexts, 0o700))
	content, err := json.Marshal(settings)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(contexts, name+".json"), content, 0o600))
}

func TestConnection_Connect_Good_ByContext(t *testing.T) {
	broker := startBroker(t, &server.Options{Users: []*server.User{{Username: "sidecar", Password: "secret"}}})
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	saveContext(t, "berlin", map[string]string{"url": broker.ClientURL(), "user": "sidecar", "password": "secret"})

	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{Context: "berlin"}})
	connection := connect(t, sidecar.NATSURL(), nats.UserInfo("sidecar", "secret"))
	assert.Equal(t, `{"exists":false}`, request(t, connection, "store.acme.exists.g.k", ""))

	_, err := storebus.Start(t.Context(), storebus.Config{DatabasePath: store.MemoryDatabase, NATS: storebus.NATSConfig{Context: "none"}})
	assert.ErrorContains(t, err, `unknown context "none"`)
}

func TestConnection_Connect_Good_ByUser(t *testing.T) {
	broker := startBroker(t, &server.Options{Users: []*server.User{{Username: "sidecar", Password: "secret"}}})
	start(t, storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL(), NATSCredentials: storebus.NATSCredentials{User: "sidecar", Password: "secret"}, InboxPrefix: "_INBOX_sidecar"}})
}

// startStrictBroker starts a broker with a user for each connection, and a client. Neither
// user may do the other's work.
func startStrictBroker(t *testing.T) *server.Server {
	t.Helper()
	everything := []string{">"}
	return startBroker(t, &server.Options{Users: []*server.User{
		{Username: "service", Password: "secret", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"store.events.>"}}}},
		{Username: "publisher", Password: "hidden", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"store.events.>"}}, Subscribe: &server.SubjectPermission{Deny: everything},
		}},
		{Username: "client", Password: "c"},
	}})
}

func TestConnection_Connect_Good_EventsByAnotherUser(t *testing.T) {
	broker := startStrictBroker(t)
	withUser := strings.Replace(broker.ClientURL(), "nats://", "nats://service:secret@", 1)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	saveContext(t, "by-user", map[string]string{"url": broker.ClientURL(), "user": "service", "password": "secret"})
	saveContext(t, "by-url", map[string]string{"url": withUser})
	for name, config := range map[string]storebus.NATSConfig{
		"ThanTheOneGiven":        {URL: broker.ClientURL(), NATSCredentials: storebus.NATSCredentials{User: "service", Password: "secret"}},
		"ThanTheOneInTheURL":     {URL: withUser},
		"ThanTheContexts":        {Context: "by-user"},
		"ThanTheOneOfItsAddress": {Context: "by-url"},
	} {
		t.Run(name, func(t *testing.T) {
			logs := newLogs()
			sidecar := start(t, storebus.Config{
				NATS: config, EventsNATS: storebus.NATSCredentials{User: "publisher", Password: "hidden"}, Logger: logs.logger(),
			})
			connection := connect(t, broker.ClientURL(), nats.UserInfo("client", "c"))
			events, err := connection.SubscribeSync("store.events.>")
			require.NoError(t, err)
			assert.Equal(t, `{"revision":1,"created":true}`, request(t, connection, "store.acme.set.g.k", "v"))
			_, err = events.NextMsg(patience)
			require.NoError(t, err)
			require.NoError(t, sidecar.Close())
			assert.NotContains(t, logs.String(), "permission")
			assert.NotContains(t, logs.String(), "secret")
			assert.NotContains(t, logs.String(), "hidden")
		})
	}
}

func TestConnection_Connect_Bad(t *testing.T) {
	broker := startBroker(t, &server.Options{Users: []*server.User{{Username: "sidecar", Password: "secret"}}})
	right := storebus.NATSCredentials{User: "sidecar", Password: "secret"}
	wrong := storebus.NATSCredentials{User: "sidecar", Password: "wrong"}
	for name, config := range map[string]storebus.NATSConfig{
		"TheBrokerRefuses":         {URL: broker.ClientURL(), NATSCredentials: wrong},
		"TheURLIsNone":             {URL: "nats://%zz"},
		"TheCredentialsAreMissing": {URL: broker.ClientURL(), NATSCredentials: storebus.NATSCredentials{CredentialsFile: filepath.Join(t.TempDir(), "none.creds")}},
		"TheSeedIsMissing":         {URL: broker.ClientURL(), NATSCredentials: storebus.NATSCredentials{SeedFile: filepath.Join(t.TempDir(), "none.nk")}},
		"TheAuthorityIsMissing":    {URL: broker.ClientURL(), AuthorityFile: filepath.Join(t.TempDir(), "none.pem")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := storebus.Start(t.Context(), storebus.Config{DatabasePath: store.MemoryDatabase, NATS: config})
			assert.Error(t, err)
		})
	}
	t.Run("TheBrokerRefusesWhoPublishesEvents", func(t *testing.T) {
		config := storebus.Config{
			DatabasePath: store.MemoryDatabase, NATS: storebus.NATSConfig{URL: broker.ClientURL(), NATSCredentials: right}, EventsNATS: wrong,
		}
		_, err := storebus.Start(t.Context(), config)
		require.ErrorIs(t, err, nats.ErrAuthorization)
		require.ErrorContains(t, err, "the connection for events")
		assert.NotContains(t, err.Error(), "wrong")
	})
}

func TestConnection_Reconnect_Ugly_TheBrokerIsStartedAgain(t *testing.T) {
	t.Parallel()
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

// A broker that answers a connection with an error that the client does not know ends it for
// good. The sidecar makes both anew, each time, and goes on with the next revision.
func TestConnection_Closed_Ugly_TheBrokerRefusesForGood(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, &server.Options{})
	proxy := startInjector(t, broker)
	logs := newLogs()
	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{URL: proxy.url()}, Logger: logs.logger(), HTTPAddress: "127.0.0.1:0"})
	connection := connect(t, broker.ClientURL())
	events, err := connection.SubscribeSync("store.events.>")
	require.NoError(t, err)
	for revision := range 3 {
		assert.Equal(t, fmt.Sprintf(`{"revision":%d,"created":true}`, revision+1), request(t, connection, fmt.Sprintf("store.acme.set.g.k%d", revision), "v"))
		for id := fmt.Sprintf("%s:acme:%d", sidecar.StoreID(), revision+1); ; {
			event, err := events.NextMsg(patience)
			require.NoError(t, err)
			if event.Header.Get("Nats-Msg-Id") == id {
				break // events that were not confirmed in time come again before it
			}
		}
		proxy.inject("-ERR 'Go Away'\r\n")
		logs.waitFor(t, "Go Away")
		logs.waitFor(t, "serving again")
		assert.NoError(t, sidecar.Err())
	}
	reply, err := http.Get(sidecar.HTTPURL() + "readyz")
	require.NoError(t, err)
	require.NoError(t, reply.Body.Close())
	assert.Equal(t, http.StatusOK, reply.StatusCode)
}

// A sidecar that finds another one in its place afterwards does not take it back.
func TestConnection_Closed_Ugly_AnotherSidecarServesMeanwhile(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, &server.Options{})
	proxy := startInjector(t, broker)
	logs := newLogs()
	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{URL: proxy.url()}, Logger: logs.logger()})
	proxy.refuse.Store(true)
	proxy.inject("-ERR 'Go Away'\r\n")
	logs.waitFor(t, "the broker is away: waiting for it")
	start(t, storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
	proxy.refuse.Store(false)
	select {
	case <-sidecar.Done():
	case <-time.After(patience):
		t.Fatal("two sidecars serve one prefix")
	}
	assert.ErrorIs(t, sidecar.Err(), storebus.ErrOtherSidecar)
}

// A sidecar can be closed while it waits for the broker.
func TestConnection_Closed_Ugly_TheSidecarIsClosedMeanwhile(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	proxy := startInjector(t, broker)
	logs := newLogs()
	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{URL: proxy.url()}, Logger: logs.logger()})
	proxy.refuse.Store(true)
	proxy.inject("-ERR 'Go Away'\r\n")
	logs.waitFor(t, "the broker is away: waiting for it")
	assert.Empty(t, sidecar.NATSURL())
	require.NoError(t, sidecar.Close())
	assert.NoError(t, sidecar.Err())
}

// injector stands between connections and a broker, and can speak for the broker.
type injector struct {
	listener net.Listener
	running  sync.WaitGroup
	// refuse has it end each new connection at once.
	refuse atomic.Bool

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
		if injector.refuse.Load() {
			near.Close()
			continue
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
