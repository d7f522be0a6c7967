// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// fileConfigured is a sidecar as a process, whose own broker has a configuration file.
type fileConfigured struct {
	*process
	file, database, url string
	flags               []string
}

// startWithFile starts a sidecar with a configuration of its own broker. The configuration gets a
// free port.
func startWithFile(t *testing.T, configuration string, flags ...string) *fileConfigured {
	t.Helper()
	folder := t.TempDir()
	started := &fileConfigured{file: filepath.Join(folder, "broker.conf"), database: filepath.Join(folder, "storebus.db"), flags: flags}
	address := freeAddress(t)
	started.url = "nats://" + address
	started.write(t, "listen: "+address+"\n"+configuration)
	started.start(t)
	return started
}

func (fileConfigured *fileConfigured) write(t *testing.T, configuration string) {
	t.Helper()
	require.NoError(t, os.WriteFile(fileConfigured.file, []byte(configuration), 0o600))
}

func (fileConfigured *fileConfigured) start(t *testing.T) {
	t.Helper()
	arguments := []string{"serve", "--broker-config", fileConfigured.file, "--database", fileConfigured.database, "--http", ""}
	fileConfigured.process = startProcess(t, storebusBinary(t), nil, append(arguments, fileConfigured.flags...)...)
	fileConfigured.line(t, readyLine)
}

// withPasswords is a configuration with the passwords that its variables ask for, and their end.
func withPasswords(configuration, end string) string {
	var passwords strings.Builder
	for _, variable := range passwordVariable.FindAllStringSubmatch(configuration, -1) {
		fmt.Fprintf(&passwords, "%s_password: %q\n", variable[1], passwordOf(variable[1])+end)
	}
	return passwords.String() + configuration
}

// guardedFlags are the flags of a sidecar that connects with the printed permissions.
func guardedFlags(t *testing.T) []string {
	t.Helper()
	flags := []string{"--inbox-prefix", "_INBOX_store.storebus_requests"}
	for prefix, user := range map[string]string{"": "storebus_requests", "events-": "storebus_events"} {
		path := filepath.Join(t.TempDir(), "password")
		require.NoError(t, os.WriteFile(path, []byte(passwordOf(user)), 0o600))
		flags = append(flags, "--"+prefix+"user", user, "--"+prefix+"password-file", path)
	}
	return flags
}

// The output of storebus permissions is a configuration of the sidecar's own broker. SIGHUP reads it
// again.
func TestBrokerconfig_Users_Good(t *testing.T) {
	t.Parallel()
	printed := printedPermissions(t, "acme", "other")
	sidecar := startWithFile(t, withPasswords(printed, ""), guardedFlags(t)...)
	as := func(password string) (*nats.Conn, error) {
		return nats.Connect(sidecar.url, nats.UserInfo("acme", password), nats.CustomInboxPrefix("_INBOX_store.acme"), nats.ErrorHandler(unheard))
	}
	connection, err := as(passwordOf("acme"))
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	store, err := client.New(connection, client.Config{})
	require.NoError(t, err)
	_, err = store.Set(t.Context(), "acme", "config", "theme", []byte("dark"), client.SetOptions{})
	require.NoError(t, err)
	requireRefused(t, connection, "store.other.get", func() error { return connection.PublishRequest("store.other.get", "_INBOX_store.acme.x", nil) })
	_, err = nats.Connect(sidecar.url)
	require.ErrorIs(t, err, nats.ErrAuthorization)

	address := strings.TrimPrefix(sidecar.url, "nats://")
	renewed := strings.Replace(withPasswords(printed, ""), passwordOf("acme"), "renewed", 1)
	sidecar.write(t, "listen: "+address+"\n"+renewed)
	require.NoError(t, sidecar.native.Signal(syscall.SIGHUP))
	sidecar.says(t, "the broker has read its configuration again")
	_, err = as(passwordOf("acme"))
	require.ErrorIs(t, err, nats.ErrAuthorization)
	connection, err = as("renewed")
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	store, err = client.New(connection, client.Config{})
	require.NoError(t, err)
	entry, err := store.Get(t.Context(), "acme", "config", "theme")
	require.NoError(t, err)
	assert.Equal(t, "dark", string(entry.Value))

	for _, refused := range []string{"listen: " + freeAddress(t) + "\n" + renewed, "listen: {\n", "listen: 0.0.0.0:" + address[strings.LastIndex(address, ":")+1:]} {
		sidecar.write(t, refused)
		require.NoError(t, sidecar.native.Signal(syscall.SIGHUP))
		sidecar.says(t, "was not taken: it stays as it was")
	}
	_, err = store.Get(t.Context(), "acme", "config", "theme")
	require.NoError(t, err)
	assert.Zero(t, sidecar.terminate(t))
}

// Everything that nats-server reads works: here TLS, a WebSocket, monitoring and JetStream.
func TestBrokerconfig_Everything_Good(t *testing.T) {
	t.Parallel()
	certificate, key := newCertificate(t)
	socket, monitoring := freeAddress(t), freeAddress(t)
	sidecar := startWithFile(t, fmt.Sprintf(`
		tls { cert_file: %q, key_file: %q }
		websocket { listen: %q, no_tls: true }
		http: %q
		jetstream { store_dir: %q }
	`, certificate, key, socket, monitoring, t.TempDir()))
	connection := connect(t, "tls://"+strings.TrimPrefix(sidecar.url, "nats://"), nats.RootCAs(certificate))
	reply, err := connection.Request("store.acme.set", []byte(`{"group":"config","key":"theme","value":"dark"}`), patience)
	require.NoError(t, err)
	assert.Contains(t, string(reply.Data), `"created":true`)
	overSocket := connect(t, "ws://"+socket)
	_, err = overSocket.Request("store.acme.get", []byte(`{"group":"config","key":"theme"}`), patience)
	require.NoError(t, err)
	assert.Contains(t, string(fetch(t, "GET", "http://"+monitoring+"/varz")), `"server_name": "storebus"`)
	stream, err := jetstream.New(connection)
	require.NoError(t, err)
	_, err = stream.CreateStream(t.Context(), jetstream.StreamConfig{Name: "orders", Subjects: []string{"orders.>"}})
	require.NoError(t, err)
}

// Streams of --jetstream are there again after a restart, in the state directory.
func TestBrokerconfig_JetStream_Good(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	address := freeAddress(t)
	for round := range uint64(2) {
		sidecar := startProcess(t, storebusBinary(t), nil, "serve", "--jetstream", "--listen", address, "--http", "",
			"--database", filepath.Join(folder, "storebus.db"), "--state-directory", filepath.Join(folder, "state"))
		sidecar.line(t, readyLine)
		stream, err := jetstream.New(connect(t, "nats://"+address))
		require.NoError(t, err)
		_, err = stream.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "orders", Subjects: []string{"orders.>"}})
		require.NoError(t, err)
		stored, err := stream.Publish(t.Context(), "orders.1", []byte("tea"))
		require.NoError(t, err)
		assert.Equal(t, round+1, stored.Sequence)
		assert.DirExists(t, filepath.Join(folder, "state", "jetstream"))
		assert.Zero(t, sidecar.terminate(t))
	}
	t.Run("InMemory", func(t *testing.T) {
		temporary := t.TempDir()
		sidecar := startProcess(t, storebusBinary(t), []string{"TMPDIR=" + temporary}, "serve", "--jetstream", "--listen", address, "--http", "", "--database", ":memory:")
		sidecar.line(t, readyLine)
		assert.Zero(t, sidecar.terminate(t))
		left, err := os.ReadDir(temporary)
		require.NoError(t, err)
		assert.Empty(t, left)
	})
}

func TestBrokerconfig_Serve_Bad(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	local := write("local.conf", "listen: 127.0.0.1:0\n")
	for name, test := range map[string]struct {
		flags []string
		says  string
	}{
		"Missing":       {[]string{"--broker-config", filepath.Join(folder, "none.conf")}, "none.conf: open"},
		"NoSyntax":      {[]string{"--broker-config", write("syntax.conf", "listen: 127.0.0.1:0\nusers = [\n")}, "syntax.conf"},
		"UnknownField":  {[]string{"--broker-config", write("field.conf", "listen: 127.0.0.1:0\nlisten_to: everybody\n")}, `field.conf:2:1: unknown field "listen_to"`},
		"OpenToAll":     {[]string{"--broker-config", write("open.conf", "jetstream {}\n")}, "open.conf listens at 0.0.0.0:4222, and has no users"},
		"BesideListen":  {[]string{"--broker-config", local, "--listen", "127.0.0.1:0"}, "give one of them"},
		"BesideNATS":    {[]string{"--broker-config", local, "--nats", "nats://127.0.0.1:1"}, "it has none when it connects to another"},
		"BesideStream":  {[]string{"--broker-config", local, "--jetstream"}, "turn JetStream on in"},
		"JetStreamAway": {[]string{"--jetstream", "--nats", "nats://127.0.0.1:1"}, "it has none when it connects to another"},
		"NoCredentials": {[]string{"--broker-config", write("users.conf", "listen: 127.0.0.1:0\nauthorization { user: a, password: b }\n")}, "the sidecar needs one of them: set NATS.User"},
		"WrongPassword": {[]string{"--broker-config", filepath.Join(folder, "users.conf"), "--user", "a", "--password", "c"}, "the sidecar needs a user in the configuration of the broker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arguments := append([]string{"serve", "--http", "", "--database", filepath.Join(t.TempDir(), "storebus.db")}, test.flags...)
			ended := run(t, "", arguments...)
			assert.NotZero(t, ended.code)
			assert.Contains(t, ended.stderr, test.says)
			checked := run(t, "", append(arguments, "--check")...)
			assert.NotContains(t, checked.stderr, "panic")
			if name != "WrongPassword" { // a check starts no broker
				assert.NotZero(t, checked.code, checked.stdout)
			}
		})
	}
}

// newCertificate writes a certificate for 127.0.0.1 that signs itself, and its key.
func newCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	folder := t.TempDir()
	certificate, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600))
	return certificate, key
}
