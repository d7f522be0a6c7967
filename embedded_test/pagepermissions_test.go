// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pageUser connects as one of the users of the page's permissions, with an inbox
// prefix of its own.
func pageUser(t *testing.T, url, name string) *nats.Conn {
	t.Helper()
	return connect(t, url, nats.UserInfo(name, name+"-secret"), nats.CustomInboxPrefix("_INBOX_"+name),
		nats.PermissionErrOnSubscribe(true), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

func TestPagePermissions_Broker_Good(t *testing.T) {
	_, blocks := readProtocolPage(t)
	index := slices.IndexFunc(blocks, func(block pageBlock) bool { return block.kind == "permissions" })
	require.GreaterOrEqual(t, index, 0)
	url := startConfiguredBroker(t, blocks[index].payload)
	config := outsideConfig(t, url)
	config.NATS.User, config.NATS.Password, config.NATS.InboxPrefix = "sidecar", "sidecar-secret", "_INBOX_sidecar"
	startSidecarWith(t, config)

	acme := &tenant{connection: pageUser(t, url, "acme"), namespace: "acme"}
	consumer := &tenant{connection: pageUser(t, url, "consumer"), namespace: "acme"}
	operator := pageUser(t, url, "operator")
	events := subscribe(t, consumer.connection, "store.events.acme.>")
	own := subscribe(t, acme.connection, "store.events.acme.config")
	assert.Equal(t, uint64(1), acme.set(t, "config", "theme", "dark"))
	acme.raw(t, "get", "config", "theme", nil)
	for _, subscription := range []*nats.Subscription{events, own} {
		assert.Equal(t, uint64(1), decodeBody[event](t, receive(t, subscription).Data).Revision)
	}
	assert.Len(t, consumer.changes(t, "after", 0).Changes, 1)
	assert.Equal(t, "dark", *decode[entry](t, consumer.call(t, "get", `{"group":"config","key":"theme"}`)).Value)
	assert.Equal(t, "full", readStatus(t, operator).Durability)
	assert.Equal(t, "storebus", discover[micro.Info](t, operator, "INFO").Name)

	for _, refused := range []struct {
		connection *nats.Conn
		subjects   []string
	}{
		{acme.connection, []string{"store.other.get", "store.admin.status", "store.events.acme.config", "$SRV.INFO.storebus"}},
		{consumer.connection, []string{"store.acme.set", "store.acme.get.config.theme", "store.acme.list", "store.events.acme.config"}},
		{operator, []string{"store.acme.get", "store.events.acme.config"}},
	} {
		for _, subject := range refused.subjects {
			requireRefused(t, refused.connection, subject, func() error { return refused.connection.Publish(subject, nil) })
		}
	}
	for connection, subject := range map[*nats.Conn]string{
		acme.connection: "store.events.other.>", consumer.connection: "store.events.>", operator: "store.events.acme.>",
	} {
		requireRefused(t, connection, subject, func() error { _, err := connection.SubscribeSync(subject); return err })
	}
}

// startConfiguredBroker starts a NATS server in this process as a configuration says.
func startConfiguredBroker(t *testing.T, configuration string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(path, []byte(configuration), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	options.Host, options.Port, options.NoLog, options.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	broker, err := server.NewServer(options)
	require.NoError(t, err)
	go broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	require.True(t, broker.ReadyForConnections(patience), "the broker starts")
	return broker.ClientURL()
}
