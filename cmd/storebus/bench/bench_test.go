// SPDX-License-Identifier: EUPL-1.2

package bench

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

// These are white-box tests: what bench offers to others is one command, and what it
// prints are the figures of a moment.

// patience bounds what a test waits for: far more than it takes.
const patience = time.Minute

// binary is the storebus program, built once for all tests.
var binary struct {
	once   sync.Once
	folder string
	path   string
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binary.folder != "" {
		_ = os.RemoveAll(binary.folder) // what is left is for the system's own clean-up
	}
	os.Exit(code)
}

// storebusBinary builds the real program, which is what the parts are.
func storebusBinary(t *testing.T) string {
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

// startServer starts a nats-server in this process.
func startServer(t *testing.T, jetStream bool) *server.Server {
	t.Helper()
	natsServer, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: jetStream, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	require.NoError(t, err)
	natsServer.Start()
	require.True(t, natsServer.ReadyForConnections(patience))
	t.Cleanup(func() {
		natsServer.Shutdown()
		natsServer.WaitForShutdown()
	})
	return natsServer
}

func connectTo(t *testing.T, natsServer *server.Server) *nats.Conn {
	t.Helper()
	connection, err := nats.Connect(natsServer.ClientURL(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}
