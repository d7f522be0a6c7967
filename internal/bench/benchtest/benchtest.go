// SPDX-License-Identifier: EUPL-1.2

// Package benchtest has real parts for the tests of the rooms of bench: the program, and a
// nats-server. Only tests import it.
package benchtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Patience bounds every wait of a test. It is far more than any should take.
const Patience = time.Minute

// binary is the storebus program, built once for all tests.
var binary struct {
	once   sync.Once
	folder string
	path   string
	err    error
}

// Run runs the tests of a package, and removes the program. It returns the exit status.
//
//	func TestMain(m *testing.M) { os.Exit(benchtest.Run(m)) }
func Run(m *testing.M) int {
	code := m.Run()
	if binary.folder != "" {
		_ = os.RemoveAll(binary.folder) // if a file stays, the system's own clean-up removes it
	}
	return code
}

// Binary builds the real program once for all tests, and returns its path. Every part runs
// that program.
func Binary(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.folder, binary.err = os.MkdirTemp("", "storebus-bench-binary-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.folder, "storebus")
		output, err := exec.Command("go", "build", "-o", binary.path, "dappco.re/go/storebus/cmd/storebus").CombinedOutput()
		if err != nil {
			binary.err = errors.New(string(output))
		}
	})
	require.NoError(t, binary.err, "go build ./cmd/storebus")
	return binary.path
}

// StartServer starts a nats-server in this process.
func StartServer(t *testing.T, jetStream bool) *server.Server {
	t.Helper()
	natsServer, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: jetStream, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	require.NoError(t, err)
	natsServer.Start()
	require.True(t, natsServer.ReadyForConnections(Patience))
	t.Cleanup(func() {
		natsServer.Shutdown()
		natsServer.WaitForShutdown()
	})
	return natsServer
}

// Connect connects to a server, and closes the connection at the end of the test.
func Connect(t *testing.T, natsServer *server.Server) *nats.Conn {
	t.Helper()
	connection, err := nats.Connect(natsServer.ClientURL(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}
