// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startWithoutRoom starts the sidecar in a shell that lets no file grow beyond 16,384
// blocks, of 512 bytes or of 1 KiB as the shell has them: what a full disk does.
func startWithoutRoom(t *testing.T, url, database string) *process {
	t.Helper()
	script := `trap '' XFSZ; ulimit -f 16384; exec "$0" "$@"`
	started := startProcess(t, "/bin/sh", nil, "-c", script, storebusBinary(t), "serve", "--nats", url, "--database", database)
	started.line(t, readyLine)
	return started
}

// What does not fit the disk any more is refused with 503 and changes nothing; reads go
// on, and so do writes when there is room.
func TestFullDisk_Set_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startWithoutRoom(t, outside.URL(), database)
	tenant := &tenant{connection: connect(t, outside.URL()), namespace: "acme"}
	large := strings.Repeat("x", 900_000)
	set := func(key int) answer {
		return tenant.call(t, "set", fmt.Sprintf(`{"key":"%d","value":"%s"}`, key, large))
	}
	stored := 0
	for ; ; stored++ {
		require.Less(t, stored, 100, "the disk never gets full")
		if got := set(stored); got.Header.Get(headerErrorCode) != "" {
			requireFailure(t, got, 503, "unavailable")
			break
		}
	}
	require.Positive(t, stored)
	requireFailure(t, tenant.call(t, "get", fmt.Sprintf(`{"key":"%d"}`, stored)), 404, "not_found")
	requireFirst(t, tenant.call(t, "get", `{"key":"0"}`))
	assert.Zero(t, sidecar.terminate(t))
	startServe(t, outside.URL(), database)
	for key := range stored {
		requireFirst(t, tenant.call(t, "get", fmt.Sprintf(`{"key":"%d"}`, key)))
	}
	requireFirst(t, set(stored))
}
