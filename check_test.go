// SPDX-License-Identifier: EUPL-1.2

package storebus_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/web"
)

// files gives every file below a folder with its size and time.
func files(t *testing.T, folder string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		information, err := entry.Info()
		found = append(found, path+" "+information.ModTime().String())
		return err
	}))
	return found
}

// check runs Check over a configuration. It returns a line for each sound part, and the faults.
// It fails the test if a file changes.
func check(t *testing.T, folder string, config storebus.Config) (right string, faults []error) {
	t.Helper()
	before := files(t, folder)
	for _, finding := range storebus.Check(t.Context(), withTestDefaults(config)) {
		if finding.Err != nil {
			assert.Empty(t, finding.Text)
			faults = append(faults, finding.Err)
			continue
		}
		right += finding.Part + ": " + finding.Text + "\n"
	}
	assert.Equal(t, before, files(t, folder), "no file is created or changed")
	return right, faults
}

func TestCheck_Check_Good(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "new", "storebus.db")
	config := storebus.Config{DatabasePath: path, ArchiveDirectory: folder, HTTPAddress: "127.0.0.1:0", HTTPTokenFile: tokenFile(t)}
	right, faults := check(t, folder, config)
	assert.Empty(t, faults)
	for _, line := range []string{
		"configuration: the settings fit together\n", "journal: off\n", "database: " + path + " is not there, and will be created\n",
		"folder: " + filepath.Dir(path) + " is not there, and will be created\n", "folder: " + folder + " takes files\n",
		"broker: 127.0.0.1:0 is free\n", "HTTP: " + config.HTTPTokenFile + " holds a token\n", "HTTP: 127.0.0.1:0 is free\n",
	} {
		assert.Contains(t, right, line)
	}
	sidecar, err := storebus.Start(t.Context(), withTestDefaults(config))
	require.NoError(t, err)
	require.NoError(t, sidecar.Close())
	right, faults = check(t, folder, config)
	assert.Empty(t, faults)
	assert.Contains(t, right, "database: "+path+" is sound\n")
	right, faults = check(t, folder, storebus.Config{Journal: storebus.JournalConfig{URL: "http://127.0.0.1:1", Bucket: "b"}})
	assert.Empty(t, faults)
	assert.Contains(t, right, "database: nothing is kept on disk\n")
	assert.Contains(t, right, "journal: http://127.0.0.1:1 is not asked; its settings and its token can be read\n")
}

func TestCheck_Check_Good_OutsideBrokers(t *testing.T) {
	for name, made := range map[string]*rotation{"Credentials": rotatedCredentials(t), "NKeys": rotatedNKeys(t)} {
		right, faults := check(t, t.TempDir(), storebus.Config{NATS: made.config, EventsNATS: made.events})
		assert.Empty(t, faults, name)
		assert.Contains(t, right, "broker: "+made.broker.ClientURL()+" takes the connection for requests\n")
		assert.Contains(t, right, "secrets: ")
	}
	authority, folder := newAuthority(t, "authority"), t.TempDir()
	certificate, key := authority.issue(t)
	write(t, filepath.Join(folder, "cert.pem"), certificate)
	write(t, filepath.Join(folder, "key.pem"), key)
	write(t, filepath.Join(folder, "ca.pem"), authority.pem())
	broker := startBroker(t, authority.options(t, 0))
	right, faults := check(t, folder, storebus.Config{NATS: storebus.NATSConfig{
		URL: broker.ClientURL(), CertificateFile: filepath.Join(folder, "cert.pem"),
		KeyFile: filepath.Join(folder, "key.pem"), AuthorityFile: filepath.Join(folder, "ca.pem"),
	}})
	assert.Empty(t, faults)
	assert.Contains(t, right, "TLS: "+filepath.Join(folder, "ca.pem")+" holds authorities\n")
}

// Every fault is found, and not only the first.
func TestCheck_Check_Bad(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	write(t, in("text"), strings.Repeat("sezzret, and no database, certificate, seed or credentials. ", 10))
	write(t, in("empty"), "")
	_, faults := check(t, folder, storebus.Config{
		DatabasePath: in("text"), Durability: "none", QueueLimit: -1, ArchiveDirectory: in("text"), BackupDirectory: in("text/backup"),
		NATS: storebus.NATSConfig{
			URL: "nats://127.0.0.1:1", CertificateFile: in("text"), KeyFile: in("text"), AuthorityFile: in("text"),
			NATSCredentials: storebus.NATSCredentials{CredentialsFile: in("text"), SeedFile: in("text"), User: "u", PasswordFile: in("empty"), TokenFile: in("none")},
		},
		HTTPAddress: "127.0.0.1:0", HTTPTokenFile: in("empty"),
	})
	texts := make([]string, len(faults))
	for index, fault := range faults {
		texts[index] = fault.Error()
		assert.NotContains(t, texts[index], "sezzret")
	}
	for _, text := range []string{
		"QueueLimit", `Durability is "none"`, "not a storebus database", "is a file, not a folder", "not a directory", "holds no seed of a user", "NKey seed file", "empty is empty",
		"none: no such file", "text: tls: failed to find any PEM data", "no certificate in PEM", "the token has 0 characters",
	} {
		assert.Contains(t, strings.Join(texts, "\n"), text)
	}
	assert.Len(t, faults, 12)
	assert.ErrorIs(t, faults[0], storebus.ErrConfig)
}

func TestCheck_Check_Bad_Brokers(t *testing.T) {
	t.Run("Away", func(t *testing.T) {
		_, faults := check(t, t.TempDir(), storebus.Config{NATS: storebus.NATSConfig{URL: "nats://user:sezzret@127.0.0.1:1"}})
		require.Len(t, faults, 1)
		require.ErrorIs(t, faults[0], storebus.ErrBrokerAway)
		assert.NotContains(t, faults[0].Error(), "sezzret")
	})
	t.Run("Refuses", func(t *testing.T) {
		broker := startBroker(t, &server.Options{Users: []*server.User{{Username: "requests", Password: "p"}}})
		right, faults := check(t, t.TempDir(), storebus.Config{
			NATS:       storebus.NATSConfig{URL: broker.ClientURL(), NATSCredentials: storebus.NATSCredentials{User: "requests", Password: "p"}},
			EventsNATS: storebus.NATSCredentials{User: "events", Password: "p"},
		})
		assert.Contains(t, right, "takes the connection for requests")
		require.Len(t, faults, 1)
		require.ErrorContains(t, faults[0], "the connection for events: storebus.Connect: nats: Authorization Violation")
		assert.NotErrorIs(t, faults[0], storebus.ErrBrokerAway)
	})
	t.Run("CarriesTooLittle", func(t *testing.T) {
		broker := startBroker(t, &server.Options{MaxPayload: 1024})
		_, faults := check(t, t.TempDir(), storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
		require.Len(t, faults, 1)
		assert.ErrorIs(t, faults[0], storebus.ErrPayloadTooSmall)
	})
	t.Run("AContextThatIsNotThere", func(t *testing.T) {
		t.Setenv("XDG_CONFIG_HOME", t.TempDir())
		_, faults := check(t, t.TempDir(), storebus.Config{NATS: storebus.NATSConfig{Context: "nowhere"}})
		require.Len(t, faults, 1)
		assert.ErrorContains(t, faults[0], "nowhere")
	})
}

func TestCheck_Check_Bad_ACertificateThatIsOver(t *testing.T) {
	authority, folder := newAuthority(t, "authority"), t.TempDir()
	certificate, key := authority.issueFor(t, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	write(t, filepath.Join(folder, "cert.pem"), certificate)
	write(t, filepath.Join(folder, "key.pem"), key)
	_, faults := check(t, folder, storebus.Config{NATS: storebus.NATSConfig{
		URL: "nats://127.0.0.1:1", CertificateFile: filepath.Join(folder, "cert.pem"), KeyFile: filepath.Join(folder, "key.pem"),
	}})
	require.Len(t, faults, 1)
	assert.ErrorContains(t, faults[0], "not now")
}

// If a running sidecar uses an address, that is no fault. If another program does, it is
// one.
func TestCheck_Check_Ugly_InUse(t *testing.T) {
	folder := t.TempDir()
	config := storebus.Config{DatabasePath: filepath.Join(folder, "storebus.db"), HTTPAddress: "127.0.0.1:0"}
	sidecar := start(t, config)
	config.Listen = strings.TrimPrefix(sidecar.NATSURL(), "nats://")
	config.HTTPAddress = strings.TrimSuffix(strings.TrimPrefix(sidecar.HTTPURL(), "http://"), "/")
	require.Eventually(t, func() bool { // the sidecar writes its mark in the background
		_, err := os.Stat(config.DatabasePath + ".mark")
		return err == nil
	}, patience, time.Millisecond)
	right, faults := check(t, folder, config)
	assert.Empty(t, faults)
	assert.Contains(t, right, "database is in use by process ")
	assert.Contains(t, right, "broker: "+config.Listen+" is in use, as the database is\n")
	assert.Contains(t, right, "HTTP: "+config.HTTPAddress+" is in use, as the database is\n")

	config.DatabasePath = filepath.Join(folder, "other.db")
	_, faults = check(t, folder, config)
	require.Len(t, faults, 2)
	require.ErrorIs(t, faults[0], storebus.ErrAddressInUse)
	require.ErrorIs(t, faults[1], web.ErrAddressInUse)
	config.HTTPAnyPort, config.Listen = true, "127.0.0.1:0"
	right, faults = check(t, folder, config)
	assert.Empty(t, faults)
	assert.Contains(t, right, "is in use: another port will be taken\n")
	config.Listen = net.JoinHostPort("192.0.2.1", "0") // an address of no machine
	config.Insecure = true
	_, faults = check(t, folder, config)
	assert.Len(t, faults, 1)
}

func TestCheck_Check_Ugly_CutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path := filepath.Join(t.TempDir(), "storebus.db")
	opened, err := store.New(path)
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	cancel()
	for _, finding := range storebus.Check(ctx, storebus.Config{DatabasePath: path, Listen: "127.0.0.1:0"}) {
		if finding.Part == "database" {
			assert.ErrorIs(t, finding.Err, context.Canceled)
		}
	}
}
