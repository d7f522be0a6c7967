// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// nowhere is an address where no broker listens.
const nowhere = "nats://127.0.0.1:1"

// saveContext writes a NATS context into the test's own configuration.
func saveContext(t *testing.T, name, url string) {
	t.Helper()
	folder := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "nats", "context")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".json"), fmt.Appendf(nil, `{"url":%q}`, url), 0o600))
}

// selectContext makes a NATS context the selected one.
func selectContext(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "nats", "context.txt")
	require.NoError(t, os.WriteFile(file, []byte(name), 0o600))
}

func TestConnection_Broker_Good(t *testing.T) {
	isolate(t)
	sidecar := startSidecar(t, storebus.Config{Listen: "127.0.0.1:0"})
	right := sidecar.NATSURL()
	shell := &shell{}

	t.Run("AFlagComesFirst", func(t *testing.T) {
		t.Setenv("STOREBUS_NATS", nowhere)
		t.Setenv("NATS_URL", nowhere)
		shell.mustRun(t, "status", "--nats", right)
	})
	t.Run("ThenTheVariableOfItsOwn", func(t *testing.T) {
		t.Setenv("STOREBUS_NATS", right)
		t.Setenv("NATS_URL", nowhere)
		shell.mustRun(t, "status")
	})
	t.Run("ThenTheVariableOfNATS", func(t *testing.T) {
		require.NoError(t, os.Unsetenv("STOREBUS_NATS")) // isolate puts it back
		t.Setenv("NATS_URL", right)
		shell.mustRun(t, "status")
	})
	t.Run("AContextBeforeVariables", func(t *testing.T) {
		isolate(t)
		saveContext(t, "production", right)
		t.Setenv("STOREBUS_NATS", nowhere)
		shell.mustRun(t, "status", "--context", "production")
	})
	t.Run("TheSelectedContextAfterVariables", func(t *testing.T) {
		isolate(t)
		saveContext(t, "wrong", nowhere)
		selectContext(t, "wrong")
		t.Setenv("STOREBUS_NATS", right)
		shell.mustRun(t, "status")
	})
	t.Run("TheSelectedContextWhereNothingIsGiven", func(t *testing.T) {
		isolate(t)
		saveContext(t, "right", right)
		selectContext(t, "right")
		shell.mustRun(t, "status")
	})
	t.Run("SeveralBrokers", func(t *testing.T) {
		shell.mustRun(t, "status", "--nats", nowhere+","+right)
	})
}

func TestConnection_Prefix_Good(t *testing.T) {
	isolate(t)
	sidecar := startSidecar(t, storebus.Config{Listen: "127.0.0.1:0", Prefix: "berlin"})
	t.Setenv("STOREBUS_NATS", sidecar.NATSURL())
	shell := &shell{}
	shell.mustRun(t, "status", "--prefix", "berlin")
	t.Setenv("STOREBUS_PREFIX", "berlin")
	shell.mustRun(t, "status")
}

func TestConnection_Broker_Bad(t *testing.T) {
	isolate(t)
	shell := &shell{}

	t.Run("NobodyListens", func(t *testing.T) {
		_, err := shell.run(t, "status", "--nats", "nats://me:secret@127.0.0.1:1")
		require.ErrorIs(t, err, nats.ErrNoServers)
		require.ErrorContains(t, err, "connect to nats://me:xxxxx@127.0.0.1:1 (is storebus serve running there?)")
		assert.NotContains(t, err.Error(), "secret")
	})
	t.Run("NoSuchContext", func(t *testing.T) {
		_, err := shell.run(t, "status", "--context", "missing")
		assert.ErrorContains(t, err, `unknown context "missing"`)
	})
	t.Run("NoSidecar", func(t *testing.T) {
		sidecar := startSidecar(t, storebus.Config{Listen: "127.0.0.1:0"})
		_, err := shell.run(t, "status", "--nats", sidecar.NATSURL(), "--prefix", "elsewhere")
		require.ErrorIs(t, err, nats.ErrNoResponders)
		assert.ErrorContains(t, err, "client.Status: no storebus answers on elsewhere.admin.status at "+sidecar.NATSURL())
	})
}

func TestConnection_BrokerNames_Good(t *testing.T) {
	assert.Equal(t, nats.DefaultURL, brokerNames(nil))
	assert.Equal(t, "nats://a:4222, a broker whose URL cannot be read", brokerNames([]string{"nats://a:4222", "nats://%zz:secret@b"}))
}
