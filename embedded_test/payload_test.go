// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"errors"
	"fmt"
	"log/slog"
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

// startAccount starts a broker that takes a message of a megabyte, with two users in one
// account that may send less, and gives its address without a user.
func startAccount(t *testing.T, accountPayload int) (address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nats.conf")
	text := fmt.Sprintf(`accounts { A { users = [{user: a, password: p}], limits { max_payload: %d } } }`, accountPayload)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	return startServer(t, options).Addr().String()
}

// again makes a request until it is answered: who answers it is being replaced.
func (tenant *tenant) again(t *testing.T, subject string, data []byte) answer {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		reply, err := tenant.connection.Request(subject, data, time.Second)
		if err == nil {
			return answer{reply}
		}
		require.True(t, errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout), err)
		require.True(t, time.Now().Before(deadline), err)
	}
}

// An account may send less than its server takes, which the broker tells a moment after it
// has let the sidecar in. What is stored right behind a reconnect can be read all the same.
func TestPayload_Account_Ugly(t *testing.T) {
	const accountPayload = 128 << 10
	address := startAccount(t, accountPayload)
	between := startProxy(t, address)
	logged := &lockedBuffer{}
	config := outsideConfig(t, strings.Replace(between.URL(), "nats://", "nats://a:p@", 1))
	config.Logger = slog.New(slog.NewTextHandler(logged, nil))
	startSidecarWith(t, config)
	acme := &tenant{connection: connect(t, "nats://"+address, nats.UserInfo("a", "p")), namespace: "acme"}
	value := []byte(strings.Repeat("\x01", 110<<10)) // more than the account's bound, less than its payload
	for round := range 8 {
		refused := acme.again(t, "store.acme.set.g.k", value)
		failure := requireFailure(t, refused, 413, "too_large")
		assert.Equal(t, uint64(accountPayload-32<<10), *failure.Limit, "round %d", round)
		largest := strings.Repeat("x", accountPayload-32<<10-envelope)
		decode[setReply](t, acme.again(t, "store.acme.set.g.largest", []byte(largest)))
		assert.Len(t, acme.value(t, "g", "largest"), len(largest))
		between.cut(func(int) bool { return true })
	}
	acme.again(t, "store.acme.get", []byte(`{"group":"g","key":"largest"}`))
	assert.NotContains(t, strings.ToLower(logged.String()), "maximum payload")
}

// The account's limit counts at the start too.
func TestPayload_Account_Bad(t *testing.T) {
	config := outsideConfig(t, "nats://a:p@"+startAccount(t, 32<<10))
	for range 5 {
		requireStartFails(t, config, storebus.ErrPayloadTooSmall.Error())
	}
}

// A connection for events that carries less bounds what is stored, whichever of the two
// was connected last.
func TestPayload_Events_Good(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nats.conf")
	text := `accounts {
		A { users = [{user: a, password: p}] }
		B { users = [{user: b, password: p}], limits { max_payload: 131072 } }
	}`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	address := startServer(t, options).Addr().String()
	between := startProxy(t, address)
	config := outsideConfig(t, between.URL())
	config.NATS.User, config.NATS.Password = "a", "p"
	config.EventsNATS = storebus.NATSCredentials{User: "b", Password: "p"}
	startSidecarWith(t, config)
	acme := &tenant{connection: connect(t, "nats://"+address, nats.UserInfo("a", "p")), namespace: "acme"}
	for range 3 {
		refused := acme.again(t, "store.acme.set.g.k", []byte(strings.Repeat("x", 100<<10)))
		requireFailure(t, refused, 413, "too_large")
		between.cut(func(index int) bool { return index == 0 }) // that for requests
	}
	acme.again(t, "store.acme.set.g.k", []byte("v"))
}
