// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// nowhere is an address without a broker.
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
		require.ErrorContains(t, err, "connect to nats://me:xxxxx@127.0.0.1:1 (is storebus serve or a NATS server running there?)")
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
	assert.Equal(t, "a broker", brokerNames(nil))
	assert.Equal(t, "nats://a:4222, a broker whose URL cannot be read", brokerNames([]string{"nats://a:4222", "nats://%zz:secret@b"}))
}

// startBroker starts a broker with users and without a sidecar.
func startBroker(t *testing.T, options server.Options) string {
	t.Helper()
	options.Host, options.Port, options.NoSigs, options.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
	broker, err := server.NewServer(&options)
	require.NoError(t, err)
	broker.Start()
	t.Cleanup(broker.WaitForShutdown)
	t.Cleanup(broker.Shutdown)
	require.True(t, broker.ReadyForConnections(patience))
	return broker.ClientURL()
}

// connected asserts that a command line reaches the broker: only the sidecar is missing
// there.
func connected(t *testing.T, line ...string) {
	t.Helper()
	_, err := (&shell{}).run(t, append([]string{"status"}, line...)...)
	require.ErrorIs(t, err, nats.ErrNoResponders)
}

func TestConnection_Credentials_Good(t *testing.T) {
	isolate(t)
	key, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := key.PublicKey()
	require.NoError(t, err)
	seed, err := key.Seed()
	require.NoError(t, err)
	seedFile := filepath.Join(t.TempDir(), "user.nk")
	require.NoError(t, os.WriteFile(seedFile, seed, 0o600))
	url := startBroker(t, server.Options{
		Users: []*server.User{{Username: "ada", Password: "right"}}, Nkeys: []*server.NkeyUser{{Nkey: public}},
	})
	t.Run("Flags", func(t *testing.T) {
		connected(t, "-s", url, "--user", "ada", "--password", "right")
		connected(t, "--server", url, "--nkey", seedFile)
	})
	t.Run("Variables", func(t *testing.T) {
		t.Setenv("NATS_USER", "ada")
		t.Setenv("NATS_PASSWORD", "right")
		connected(t, "--nats", url)
	})
	t.Run("AFlagBeforeAVariableOfAnotherKind", func(t *testing.T) {
		t.Setenv("NATS_USER", "ada")
		t.Setenv("NATS_PASSWORD", "wrong")
		connected(t, "--nats", url, "--nkey", seedFile)
	})
	t.Run("AVariableBeforeTheSelectedContext", func(t *testing.T) {
		saveContext(t, "selected", strings.Replace(url, "//", "//ada:wrong@", 1))
		selectContext(t, "selected")
		t.Setenv("NATS_NKEY", seedFile)
		connected(t)
	})
	t.Run("AContextThatAFlagNamesBeforeAVariable", func(t *testing.T) {
		saveContext(t, "named", strings.Replace(url, "//", "//ada:right@", 1))
		t.Setenv("NATS_USER", "ada")
		t.Setenv("NATS_PASSWORD", "wrong")
		connected(t, "--context", "named")
		t.Setenv("NATS_PASSWORD", "right")
		t.Setenv("NATS_CONTEXT", "named")
		connected(t)
	})
	t.Run("AURLBeforeTheVariableOfAContext", func(t *testing.T) {
		saveContext(t, "elsewhere", nowhere)
		t.Setenv("NATS_CONTEXT", "elsewhere")
		connected(t, "-s", url, "--nkey", seedFile)
	})
	t.Run("AToken", func(t *testing.T) {
		connected(t, "-s", startBroker(t, server.Options{Authorization: "secret"}), "--user", "secret")
	})
}

func TestConnection_Credentials_Bad(t *testing.T) {
	isolate(t)
	for text, line := range map[string][]string{
		"--user and --nkey both say who connects": {"--user", "ada", "--nkey", "file"},
		"--creds and --nkey both say who":         {"--creds", "ada", "--nkey", "file"},
		"--tlscert and --tlskey come together":    {"--tlscert", "file"},
	} {
		_, err := (&shell{}).run(t, append([]string{"status"}, line...)...)
		require.ErrorIs(t, err, errUsage)
		require.ErrorContains(t, err, text)
	}
	t.Run("TheContextIsNamed", func(t *testing.T) {
		saveContext(t, "berlin", nowhere)
		isNamed := func(line ...string) {
			status, _, errorOutput := runProgram(append([]string{"status"}, line...)...)
			assert.Equal(t, exitUnavailable, status)
			assert.Contains(t, errorOutput, `connect to nats://127.0.0.1:1 of the NATS context "berlin" (is storebus serve or a NATS server running there?): nats: no servers`)
		}
		isNamed("--context", "berlin")
		selectContext(t, "berlin")
		isNamed()
		saveContext(t, "other", "nats://127.0.0.1:2")
		selectContext(t, "other")
		t.Setenv("NATS_CONTEXT", "berlin")
		isNamed()
	})
	t.Run("ThePasswordIsWrong", func(t *testing.T) {
		url := startBroker(t, server.Options{Users: []*server.User{{Username: "ada", Password: "right"}}})
		status, _, errorOutput := runProgram("status", "-s", url, "--user", "ada", "--password", "secret")
		assert.Equal(t, exitUnavailable, status)
		assert.Contains(t, errorOutput, "Authorization Violation")
		assert.NotContains(t, errorOutput, "secret")
	})
}
