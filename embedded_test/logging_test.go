// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flood is the number of bad requests that a client sends at once.
const flood = 20_000

// sendRaw sends raw frames to a broker, and waits until it has read them.
func sendRaw(t *testing.T, address string, frames string) {
	t.Helper()
	line, err := net.Dial("tcp", strings.TrimPrefix(address, "nats://"))
	require.NoError(t, err)
	defer line.Close()
	require.NoError(t, line.SetDeadline(time.Now().Add(patience)))
	_, err = fmt.Fprintf(line, "CONNECT {\"headers\":true,\"verbose\":false}\r\n%sPING\r\n", frames)
	require.NoError(t, err)
	for answers := bufio.NewScanner(line); answers.Scan(); {
		if strings.HasPrefix(answers.Text(), "PONG") {
			return
		}
	}
	require.Fail(t, "the broker has ended the line")
}

// If a client causes the same log message again and again, the log has a few lines. They
// say how many were left out.
func TestLogging_Flood_Ugly(t *testing.T) {
	for name, test := range map[string]struct{ frame, line string }{
		"HeadersThatCannotBeDecoded":  {"HPUB store.acme.set _INBOX.x 8 10\r\nnohead\r\n{}\r\n", ""},
		"ReplySubjectsThatAreRefused": {"PUB store.acme.get store.events.acme.g 2\r\n{}\r\n", "request not executed"},
	} {
		t.Run(name, func(t *testing.T) {
			sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", ":memory:")
			sendRaw(t, address, strings.Repeat(test.frame, flood))
			// A later request on the same subject is answered after them.
			acme := newTenant(t, address, "acme")
			acme.set(t, "config", "theme", "dark")
			assert.Equal(t, "dark", acme.value(t, "config", "theme"))
			assert.Zero(t, sidecar.terminate(t))
			log := sidecar.errors.String()
			assert.LessOrEqual(t, strings.Count(log, " msg="), 9, log)
			if test.line != "" {
				assert.Contains(t, log, test.line)
				assert.Contains(t, log, fmt.Sprintf("left_out=%d", flood-6))
			}
		})
	}
}

// The real program uses NKeys that are rotated in their files; a watch uses the new
// password of its context. Wrong secrets for a while cause one line at the beginning and
// one at the end.
func TestRotation_Process_Ugly(t *testing.T) {
	t.Parallel()
	folder, home := t.TempDir(), t.TempDir()
	public, seed := map[string]string{}, map[string][]byte{}
	for _, name := range []string{"old", "new", "oldevents", "newevents"} {
		pair, err := nkeys.CreateUser()
		require.NoError(t, err)
		public[name], err = pair.PublicKey()
		require.NoError(t, err)
		seed[name], err = pair.Seed()
		require.NoError(t, err)
	}
	options := func(age string) *server.Options {
		return &server.Options{
			Nkeys: []*server.NkeyUser{{Nkey: public[age]}, {Nkey: public[age+"events"]}},
			Users: []*server.User{{Username: "client", Password: "c"}, {Username: "watch", Password: age + "-s3cret"}},
		}
	}
	broker := startServer(t, options("old"))
	install := func(age string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "requests.nk"), seed[age], 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "events.nk"), seed[age+"events"], 0o600))
		require.NoError(t, os.MkdirAll(filepath.Join(home, "nats", "context"), 0o700))
		settings := fmt.Sprintf(`{"url":%q,"user":"watch","password":%q}`, broker.ClientURL(), age+"-s3cret")
		require.NoError(t, os.WriteFile(filepath.Join(home, "nats", "context", "watch.json"), []byte(settings), 0o600))
	}
	install("old")
	sidecar := startServe(t, broker.ClientURL(), filepath.Join(t.TempDir(), "storebus.db"),
		"--nkey", filepath.Join(folder, "requests.nk"), "--events-nkey", filepath.Join(folder, "events.nk"))
	asClient := func() *tenant {
		return &tenant{namespace: "acme", connection: connect(t, broker.ClientURL(), nats.UserInfo("client", "c"))}
	}
	asClient().set(t, "config", "theme", "dark")
	watch := startProcess(t, storebusBinary(t), []string{"XDG_CONFIG_HOME=" + home}, "watch", "acme", "--after", "0", "--context", "watch")
	assert.Equal(t, "1\tset\tconfig\ttheme\tdark", watch.line(t, ""))

	changed := options("new")
	changed.Host, changed.NoSigs, changed.NoLog = "127.0.0.1", true, true
	address, ok := broker.Addr().(*net.TCPAddr)
	require.True(t, ok)
	changed.Port = address.Port
	require.NoError(t, broker.ReloadOptions(changed))
	for _, connection := range []string{"requests", "events"} {
		sidecar.says(t, "the broker refuses who connects; secrets in files are read again\" connection="+connection)
	}
	install("new")
	for _, connection := range []string{"requests", "events"} {
		sidecar.says(t, "the broker is back\" connection="+connection)
	}
	client := asClient()
	awaitService(t, client.connection)
	client.set(t, "config", "theme", "light")
	assert.Equal(t, "2\tset\tconfig\ttheme\tlight", watch.line(t, ""))
	assert.Zero(t, watch.terminate(t))
	assert.Zero(t, sidecar.terminate(t))
	log := sidecar.errors.String()
	for _, line := range []string{"the broker refuses who connects", "the broker is back"} {
		assert.Equal(t, 2, strings.Count(log, line), log)
	}
	assert.LessOrEqual(t, strings.Count(log, " level="), 10, log) // the banner has no level
}
