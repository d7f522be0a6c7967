// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"log/slog"
	"net"
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

// configuredBroker is a broker whose configuration file can be changed while it runs.
type configuredBroker struct {
	*server.Server

	path, listen string
}

// startConfigured starts a broker by a configuration file.
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

// account has the users of a sidecar, of its events, and of a tenant in one account.
func account(limits string) string {
	return fmt.Sprintf(`accounts { A { users = [{user: a, password: p}, {user: e, password: p}, {user: t, password: p}]%s } }`, limits)
}

// A broker that only reloads its configuration tells nobody of a lower max_payload: it ends
// the connection that carries more. The sidecar joins it anew and goes by the new limit.
func TestReload_MaxPayload_Ugly(t *testing.T) {
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
					// The text is sent as it is and travels in JSON at six times its size.
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
