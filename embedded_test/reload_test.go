// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// configuredBroker is a running broker whose configuration file a test can change.
type configuredBroker struct {
	*server.Server

	path, listen string
}

// startConfigured starts a broker with a configuration file.
func startConfigured(t *testing.T, text string) *configuredBroker {
	t.Helper()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listen := port.Addr().String()
	require.NoError(t, port.Close())
	configured := &configuredBroker{path: filepath.Join(t.TempDir(), "nats.conf"), listen: listen}
	configured.write(t, text)
	options, err := server.ProcessConfigFile(configured.path)
	require.NoError(t, err)
	options.NoSigs, options.NoLog = true, true
	configured.Server, err = server.NewServer(options)
	require.NoError(t, err)
	configured.Start()
	require.True(t, configured.ReadyForConnections(patience))
	t.Cleanup(func() { configured.Shutdown(); configured.WaitForShutdown() })
	return configured
}

func (configured *configuredBroker) write(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(configured.path, fmt.Appendf(nil, "listen: %q\n%s", configured.listen, text), 0o600))
}

// reload gives a running broker another configuration.
func (configured *configuredBroker) reload(t *testing.T, text string) {
	t.Helper()
	configured.write(t, text)
	require.NoError(t, configured.Reload())
}

// account is one account with three users: for a sidecar, for its events, and for a tenant.
func account(limits string) string {
	return fmt.Sprintf(`accounts { A { users = [{user: a, password: p}, {user: e, password: p}, {user: t, password: p}]%s } }`, limits)
}

// If a broker reloads its configuration, it announces a lower max_payload to nobody: it
// closes a connection that sends more. The sidecar reconnects and uses the new limit.
func TestReload_MaxPayload_Ugly(t *testing.T) {
	t.Parallel()
	const large, small = 300 << 10, 128 << 10
	for name, texts := range map[string][2]string{
		"OfTheServer":  {account(""), account("") + fmt.Sprintf("\nmax_payload: %d", small)},
		"OfTheAccount": {account(""), account(fmt.Sprintf(`, limits { max_payload: %d }`, small))},
	} {
		for _, first := range []string{"AReply", "AnEvent"} {
			t.Run(name+"/"+first, func(t *testing.T) {
				broker := startConfigured(t, texts[0])
				config := outsideConfig(t, "nats://"+broker.listen)
				config.NATS.User, config.NATS.Password = "a", "p"
				config.EventsNATS = storebus.NATSCredentials{User: "e", Password: "p"}
				logged := &lockedBuffer{}
				config.Logger = slog.New(slog.NewTextHandler(logged, nil))
				sidecar := startSidecarWith(t, config)
				acme := &tenant{connection: connect(t, "nats://"+broker.listen, nats.UserInfo("t", "p"), nats.MaxReconnects(-1)), namespace: "acme"}
				acme.again(t, "store.acme.set.g.before", []byte(strings.Repeat("x", large)))

				broker.reload(t, texts[1])
				if first == "AReply" {
					requireFailure(t, acme.again(t, "store.acme.get.g.before", nil), 413, "too_large")
				} else {
					// The sidecar gets the raw text. Its event in JSON has six times the
					// size.
					acme.again(t, "store.acme.set.g.event", []byte(strings.Repeat("\x01", 60<<10)))
				}
				require.Eventually(t, func() bool { return strings.Contains(logged.String(), "serving again") }, patience, time.Millisecond)
				refused := acme.again(t, "store.acme.set.g.k", []byte(strings.Repeat("x", 100<<10)))
				assert.Equal(t, uint64(small-32<<10), *requireFailure(t, refused, 413, "too_large").Limit)

				changes, err := acme.connection.SubscribeSync("store.events.acme.g")
				require.NoError(t, err)
				acme.again(t, "store.acme.set.g.after", []byte("v"))
				for {
					event, err := changes.NextMsg(patience)
					require.NoError(t, err, logged)
					if strings.Contains(string(event.Data), `"key":"after"`) {
						break
					}
				}
				assert.NoError(t, sidecar.Err())
			})
		}
	}
}

// readiness asks a sidecar whether it is ready. It returns the HTTP status and the reasons.
func readiness(t *testing.T, sidecar *storebus.Sidecar) (status int, reasons string) {
	t.Helper()
	reply, err := http.Get(sidecar.HTTPURL() + "readyz")
	require.NoError(t, err)
	body, err := io.ReadAll(reply.Body)
	require.NoError(t, errors.Join(err, reply.Body.Close()))
	return reply.StatusCode, string(body)
}

// startReloaded starts a sidecar with HTTP on a broker that a test can reload, and a
// tenant.
func startReloaded(t *testing.T, broker *configuredBroker) (*storebus.Sidecar, *tenant) {
	t.Helper()
	config := outsideConfig(t, "nats://"+broker.listen)
	config.NATS.User, config.NATS.Password, config.HTTPAddress = "a", "p", "127.0.0.1:0"
	config.EventsNATS = storebus.NATSCredentials{User: "e", Password: "p"}
	sidecar := startSidecarWith(t, config)
	return sidecar, &tenant{connection: connect(t, "nats://"+broker.listen, nats.UserInfo("t", "p"), nats.MaxReconnects(-1)), namespace: "acme"}
}

// reloadPatience is the time in which a sidecar asks the broker again for its limits.
const reloadPatience = 30 * time.Second

// If the broker begins to carry too little, the sidecar stops all writes, expiries
// included, and every surface says why. No event is lost. Writes go on once the broker
// carries enough, which it does not announce.
func TestReload_TooLittle_Ugly(t *testing.T) {
	t.Parallel()
	broker := startConfigured(t, account(""))
	sidecar, acme := startReloaded(t, broker)
	acme.again(t, "store.acme.set.g.before", []byte(strings.Repeat("x", 100<<10)))
	acme.again(t, "store.acme.set", []byte(`{"group":"g","key":"expires","value":"v","ttl":1}`))
	broker.reload(t, account("")+"\nmax_payload: 8192")
	_, err := acme.connection.Request("store.acme.get.g.before", nil, time.Second) // the broker closes the connection
	require.Error(t, err)
	require.Eventually(t, func() bool {
		status, reasons := readiness(t, sidecar)
		return status == http.StatusServiceUnavailable && strings.Contains(reasons, "max_payload")
	}, patience, 10*time.Millisecond)
	for verb, body := range map[string]string{"set.g.k": "v", "delete.g.before": ""} {
		failure := requireFailure(t, acme.again(t, "store.acme."+verb, []byte(body)), 503, "unavailable")
		assert.Contains(t, failure.Message, "max_payload is 8192 bytes, and the sidecar needs 65536")
	}

	events, err := acme.connection.SubscribeSync("store.events.acme.g")
	require.NoError(t, err)
	require.NoError(t, acme.connection.Flush())
	broker.reload(t, account(""))
	require.Eventually(t, func() bool {
		reply, err := acme.connection.Request("store.acme.delete.g.before", nil, time.Second)
		return err == nil && strings.Contains(string(reply.Data), `"deleted":true`)
	}, reloadPatience, 50*time.Millisecond)
	for revision := uint64(3); revision <= 4; { // the expiry and the deletion, in either order
		event, err := events.NextMsg(patience)
		require.NoError(t, err)
		var change struct {
			Revision uint64 `json:"revision"`
		}
		require.NoError(t, json.Unmarshal(event.Data, &change))
		require.LessOrEqual(t, change.Revision, revision)
		if change.Revision == revision {
			revision++
		}
	}
	status, reasons := readiness(t, sidecar)
	assert.Equal(t, http.StatusOK, status, reasons)
}

// If the broker has refused the subscription of a verb, the sidecar subscribes again once
// the broker permits it. Until then the sidecar is not ready.
func TestReload_Subscription_Ugly(t *testing.T) {
	t.Parallel()
	denied := strings.Replace(account(""), "{user: a, password: p}", `{user: a, password: p, permissions: {subscribe: {deny: "store.*.set"}}}`, 1)
	broker := startConfigured(t, account(""))
	sidecar, acme := startReloaded(t, broker)
	acme.again(t, "store.acme.set", []byte(`{"group":"g","key":"k","value":"v"}`))
	broker.reload(t, denied)
	require.Eventually(t, func() bool {
		status, reasons := readiness(t, sidecar)
		return status == http.StatusServiceUnavailable && strings.Contains(reasons, "store.*.set")
	}, reloadPatience, 10*time.Millisecond)
	broker.reload(t, account(""))
	require.Eventually(t, func() bool {
		_, err := acme.connection.Request("store.acme.set", []byte(`{"group":"g","key":"k","value":"w"}`), time.Second)
		return err == nil
	}, reloadPatience, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		status, _ := readiness(t, sidecar)
		return status == http.StatusOK
	}, patience, 10*time.Millisecond)
}
