// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smallDisk is a file system of a few MiB that only a sidecar sees.
type smallDisk struct {
	*process
	url string
	// folder is where the test sees the file system.
	folder string
}

// startOnSmallDisk starts a sidecar on a file system of its own, with workspaces and backups there.
func startOnSmallDisk(t *testing.T, size string) *smallDisk {
	t.Helper()
	if output, err := exec.Command("unshare", "-Urm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: %v %s", err, output)
	}
	outside, folder := startBroker(t, "127.0.0.1:0"), resolvedFolder(t)
	script := fmt.Sprintf(`mount -t tmpfs -o size=%s none %s && exec "$0" "$@"`, size, folder)
	started := startProcess(t, "unshare", nil, "-Urm", "sh", "-c", script, storebusBinary(t), "serve", "--nats", outside.URL(),
		"--database", filepath.Join(folder, "storebus.db"), "--state-directory", filepath.Join(folder, "state"),
		"--backup-directory", filepath.Join(folder, "backup"), "--archive-directory", filepath.Join(folder, "archive"))
	started.line(t, readyLine)
	return &smallDisk{process: started, url: outside.URL(), folder: fmt.Sprintf("/proc/%d/root%s", started.native.Pid, folder)}
}

// fill takes all room of the disk with a file of somebody else.
func (disk *smallDisk) fill(t *testing.T) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(disk.folder, "filler"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer file.Close()
	for size := 64 << 10; size > 0; size /= 16 {
		for _, err = file.Write(make([]byte, size)); err == nil; _, err = file.Write(make([]byte, size)) {
		}
	}
}

// awaitReserve waits until the reserve is there, or gone.
func (disk *smallDisk) awaitReserve(t *testing.T, tenant *tenant, there bool) {
	t.Helper()
	awaitStatus(t, tenant, func(statusReply) bool { return disk.hasReserve() == there })
}

// hasReserve reports whether the reserve is there.
func (disk *smallDisk) hasReserve() bool {
	_, err := os.Stat(filepath.Join(disk.folder, "storebus.db.reserve"))
	return err == nil
}

// A disk that tenants have filled is a disk that tenants can make room on, over the bus.
func TestReserve_Delete_Ugly(t *testing.T) {
	t.Parallel()
	disk := startOnSmallDisk(t, "24m")
	acme := newTenant(t, disk.url, "acme")
	acme.set(t, "cold", "k", "v")
	disk.awaitReserve(t, acme, true)
	fill := func() {
		for key := 0; ; key++ {
			require.Less(t, key, 1000, "the disk never gets full")
			got := acme.in("filler").call(t, "set", object(t, "group", "large", "key", fmt.Sprint(key), "value", strings.Repeat("x", 300_000)))
			if got.Header.Get(headerErrorCode) != "" {
				assert.Contains(t, requireFailure(t, got, 503, "unavailable").Message, "disk is full")
				return
			}
		}
	}
	fill()
	disk.fill(t)
	requireFailure(t, acme.call(t, "set", object(t, "group", "large", "key", "k", "value", strings.Repeat("x", 300_000))), 503, "unavailable")
	status := awaitStatus(t, acme, func(status statusReply) bool { return !status.Writable })
	assert.Contains(t, status.Reason, "disk is full")

	requireFirst(t, acme.in("filler").call(t, "delete", `{"group":"large","key":"0"}`))
	requireFirst(t, acme.in("filler").call(t, "delete_group", `{"group":"large"}`))
	// Nothing that needs room is taken before the reserve is there.
	if got := acme.call(t, "set", `{"group":"g","key":"k","value":"v"}`); got.Header.Get(headerErrorCode) != "" {
		requireFailure(t, got, 503, "unavailable")
	} else {
		require.True(t, disk.hasReserve(), "taken without a reserve: %s", got.Data)
	}
	// The rows are removed, a checkpoint follows, and the reserve is taken back.
	awaitStatus(t, acme, func(status statusReply) bool { return status.Writable })
	disk.awaitReserve(t, acme, true)
	acme.set(t, "g", "k", "v")
	for _, line := range []string{"writes are refused", "writes are taken again"} {
		assert.Equal(t, 1, strings.Count(disk.errors.String(), line), "%s in %s", line, disk.errors)
	}
	assert.NotContains(t, disk.errors.String(), "is locked")
	assert.Zero(t, disk.terminate(t))
}

// Writes that share a batch are refused as one alone is, and the log tells of it once.
func TestReserve_Together_Ugly(t *testing.T) {
	t.Parallel()
	const clients, rounds = 8, 10
	disk := startOnSmallDisk(t, "24m")
	acme := newTenant(t, disk.url, "acme")
	acme.set(t, "cold", "k", "v")
	disk.awaitReserve(t, acme, true)
	disk.fill(t)
	body := object(t, "group", "large", "key", "k", "value", strings.Repeat("x", 300_000))
	var group sync.WaitGroup
	for range clients {
		client := newTenant(t, disk.url, "acme")
		group.Go(func() {
			for range rounds {
				got := client.call(t, "set", body)
				assert.Contains(t, string(got.Data), "disk is full")
			}
		})
	}
	group.Wait()
	// A line for each change of the state, and not for each refusal. A small write may be taken meanwhile.
	refused, taken := strings.Count(disk.errors.String(), "writes are refused"), strings.Count(disk.errors.String(), "writes are taken again")
	assert.Contains(t, []int{taken, taken + 1}, refused, "%s", disk.errors)
	assert.Less(t, refused, clients*rounds/4, "%s", disk.errors)
	assert.NotContains(t, disk.errors.String(), "is locked")
}

// shrink gives back some of the room that fill has taken.
func (disk *smallDisk) shrink(t *testing.T, bytes int64) {
	t.Helper()
	filler := filepath.Join(disk.folder, "filler")
	information, err := os.Stat(filler)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(filler, information.Size()-bytes))
}

// While the reserve is given up, its room is for deletions. Workspaces and backups get none of it.
func TestReserve_Workspaces_Bad(t *testing.T) {
	t.Parallel()
	disk := startOnSmallDisk(t, "48m")
	acme := newTenant(t, disk.url, "acme")
	acme.set(t, "cold", "k", "v")
	for key := range 8 {
		acme.set(t, "large", fmt.Sprint(key), strings.Repeat("x", 100_000))
	}
	for _, name := range []string{"job", "thrown"} {
		requireFirst(t, acme.call(t, "workspace_open", object(t, "workspace", name)))
		requireFirst(t, acme.call(t, "workspace_put", object(t, "workspace", name, "kind", "k", "data", strings.Repeat("x", 200_000))))
	}
	disk.awaitReserve(t, acme, true)
	disk.fill(t)
	requireFailure(t, acme.call(t, "set", object(t, "group", "g", "key", "k", "value", strings.Repeat("x", 300_000))), 503, "unavailable")
	disk.giveUp(t, acme)
	// There is room for an entry, and too little for the reserve.
	disk.shrink(t, 150_000)
	for _, request := range []struct{ namespace, verb, body string }{
		{"acme", "workspace_put", `{"workspace":"job","kind":"k","data":1}`},
		{"acme", "workspace_open", `{"workspace":"another"}`},
		{"acme", "workspace_commit", `{"workspace":"job"}`},
		{"acme", "set", `{"group":"g","key":"k","value":"v"}`},
		{"admin", "backup", `{"file":"monday.db"}`},
	} {
		assert.Contains(t, requireFailure(t, acme.in(request.namespace).call(t, request.verb, request.body), 503, "unavailable").Message, "disk is full")
	}
	requireFirst(t, acme.call(t, "workspace_query", `{"workspace":"job","sql":"SELECT count(*) FROM entries"}`))
	requireFirst(t, acme.call(t, "delete_group", `{"group":"large"}`))
	requireFirst(t, acme.call(t, "workspace_discard", `{"workspace":"thrown"}`))
	requireFirst(t, acme.call(t, "workspace_discard", `{"workspace":"job"}`))
	// The files of the workspaces were as large as the reserve.
	awaitStatus(t, acme, func(status statusReply) bool { return status.Writable })
	acme.set(t, "g", "k", "v")
	requireFirst(t, acme.call(t, "workspace_open", `{"workspace":"another"}`))
	assert.Zero(t, disk.terminate(t))
}

// giveUp deletes keys until the reserve is given up, and takes its room too.
func (disk *smallDisk) giveUp(t *testing.T, tenant *tenant) {
	t.Helper()
	for key := 0; ; key++ {
		require.Less(t, key, 8, "the reserve is never given up")
		awaitStatus(t, tenant, func(statusReply) bool {
			information, err := os.Stat(filepath.Join(disk.folder, "storebus.db-wal"))
			return err == nil && information.Size() == 0
		})
		disk.fill(t)
		if got := tenant.call(t, "delete", object(t, "group", "large", "key", fmt.Sprint(key))); got.Header.Get(headerErrorCode) != "" {
			requireFailure(t, got, 503, "unavailable")
			require.False(t, disk.hasReserve(), "a deletion is refused although there is a reserve")
		}
		disk.fill(t)
		if !disk.hasReserve() {
			return
		}
	}
}

// Every verb that needs room on a full disk gets 503, and none gets 500.
func TestReserve_Verbs_Bad(t *testing.T) {
	disk := startOnSmallDisk(t, "24m")
	acme := newTenant(t, disk.url, "acme")
	acme.set(t, "cold", "k", "v")
	requireFirst(t, acme.call(t, "workspace_open", `{"workspace":"job"}`))
	requireFirst(t, acme.call(t, "workspace_put", `{"workspace":"job","kind":"k","data":{"a":1}}`))
	disk.awaitReserve(t, acme, true)
	disk.fill(t)
	large := strings.Repeat("x", 900_000)
	for _, request := range []struct{ namespace, verb, body string }{
		{"acme", "set", object(t, "group", "g", "key", "k", "value", large)},
		{"acme", "journal_commit", object(t, "measurement", "m", "fields", map[string]any{"f": large[:60_000]})},
		{"acme", "transaction", object(t, "then", []any{map[string]any{"op": "set", "group": "g", "key": "k", "value": large}})},
		{"acme", "workspace_put", object(t, "workspace", "job", "kind", "k", "data", map[string]any{"f": large})},
		{"admin", "backup", `{"file":"monday.db"}`},
	} {
		requireFailure(t, acme.in(request.namespace).call(t, request.verb, request.body), 503, "unavailable")
	}
	for _, request := range []struct{ namespace, verb, body string }{
		{"acme", "workspace_open", `{"workspace":"another"}`},
		{"acme", "workspace_query", `{"workspace":"job","sql":"SELECT count(*) FROM entries"}`},
		{"acme", "delete", `{"group":"cold","key":"k"}`},
		{"acme", "delete_group", `{"group":"cold"}`},
		{"acme", "workspace_discard", `{"workspace":"job"}`},
		{"admin", "compact", `{"before":"2020-01-01T00:00:00Z"}`},
		{"acme", "usage", `{}`},
	} {
		if got := acme.in(request.namespace).call(t, request.verb, request.body); got.Header.Get(headerErrorCode) != "" {
			requireFailure(t, got, 503, "unavailable")
			t.Logf("%s: %s", request.verb, got.Data)
		}
	}
	assert.NotContains(t, disk.errors.String(), "request failed")
}

// A workspace that was opened with little room left is whole, or was not opened.
func TestReserve_WorkspaceOpen_Ugly(t *testing.T) {
	t.Parallel()
	disk := startOnSmallDisk(t, "24m")
	acme := newTenant(t, disk.url, "acme")
	disk.awaitReserve(t, acme, true)
	disk.fill(t)
	requireFailure(t, acme.call(t, "workspace_open", `{"workspace":"first"}`), 503, "unavailable")
	require.NoError(t, os.Remove(filepath.Join(disk.folder, "filler")))
	writable := func(status statusReply) bool { return status.Writable } // other work may have met the full disk
	awaitStatus(t, acme, writable)
	requireFirst(t, acme.call(t, "workspace_open", `{"workspace":"first"}`))
	requireFirst(t, acme.call(t, "workspace_discard", `{"workspace":"first"}`))
	for room := int64(40 << 10); room <= 120<<10; room += 4 << 10 {
		disk.fill(t)
		disk.shrink(t, room)
		workspace := fmt.Sprintf("with-%d", room)
		if got := acme.call(t, "workspace_open", object(t, "workspace", workspace)); got.Header.Get(headerErrorCode) != "" {
			requireFailure(t, got, 503, "unavailable")
			continue
		}
		require.NoError(t, os.Remove(filepath.Join(disk.folder, "filler")))
		awaitStatus(t, acme, writable)
		requireFirst(t, acme.call(t, "workspace_put", object(t, "workspace", workspace, "kind", "k", "data", 1)))
		requireFirst(t, acme.call(t, "workspace_discard", object(t, "workspace", workspace)))
	}
	left, err := filepath.Glob(filepath.Join(disk.folder, "state", "*.partial*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
