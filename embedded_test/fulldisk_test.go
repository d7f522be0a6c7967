// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startWithoutRoom starts the sidecar in a shell that limits each file to 16,384 blocks, as
// a full disk would. A block has 512 bytes or 1 KiB, depending on the shell.
func startWithoutRoom(t *testing.T, url, database string) *process {
	t.Helper()
	script := `trap '' XFSZ; ulimit -f 16384; exec "$0" "$@"`
	started := startProcess(t, "/bin/sh", nil, "-c", script, storebusBinary(t), "serve", "--nats", url, "--database", database)
	started.line(t, readyLine)
	return started
}

// If the disk is full, a write is refused with 503, changes nothing and has no event. Reads go on,
// and so do writes once there is room.
func TestFullDisk_Set_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startWithoutRoom(t, outside.URL(), database)
	tenant := &tenant{connection: connect(t, outside.URL()), namespace: "acme"}
	events := tenant.events(t)
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
	for key := range stored {
		assert.Equal(t, fmt.Sprint(key), *decodeBody[event](t, receive(t, events.Subscription).Data).Key)
	}
	requireSilence(t, tenant.connection, events.Subscription) // what was refused has no event
	startServe(t, outside.URL(), database)
	for key := range stored {
		requireFirst(t, tenant.call(t, "get", fmt.Sprintf(`{"key":"%d"}`, key)))
	}
	requireFirst(t, set(stored))
}

// Expired keys are absent even if their expiry cannot be written. Every count leaves them
// out.
func TestFullDisk_Absent_Ugly(t *testing.T) {
	t.Parallel()
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startWithoutRoom(t, outside.URL(), database)
	acme := newTenant(t, outside.URL(), "acme")
	acme.set(t, "stays", "k", "v")
	for key := range 3 {
		acme.setFor(t, "brief", fmt.Sprint(key), "12s")
	}
	acme.setFor(t, "stays", "brief", "12s")
	fillDisk(t, acme.in("filler"))
	before := acme.revision(t)
	requireFirst(t, acme.call(t, "get", `{"group":"brief","key":"0"}`))
	acme.awaitAbsent(t, "brief", "0", "stays", "brief")

	requireAbsent(t, acme)
	require.Equal(t, before, acme.revision(t), "no expiry is logged: the disk is full")
	assert.Zero(t, sidecar.terminate(t))
	startWithoutRoom(t, outside.URL(), database)
	requireAbsent(t, acme)
	requireAbsent(t, acme)
}

func (tenant *tenant) setFor(t *testing.T, group, key, ttl string) {
	t.Helper()
	requireFirst(t, tenant.call(t, "set", object(t, "group", group, "key", key, "value", "v", "ttl", ttl)))
}

// fillDisk writes keys until the disk accepts no byte more, and leaves them there.
func fillDisk(t *testing.T, filler *tenant) {
	t.Helper()
	size := 900_000
	for key := 0; ; key++ {
		require.Less(t, key, 2000, "the disk never gets full")
		got := filler.call(t, "set", object(t, "key", fmt.Sprint(key), "value", strings.Repeat("x", size)))
		if got.Header.Get(headerErrorCode) == "" {
			continue
		}
		requireFailure(t, got, 503, "unavailable")
		if size == 1 {
			return
		}
		size = max(1, size/30)
	}
}

// awaitAbsent waits until keys are absent. names are pairs of group and key.
func (tenant *tenant) awaitAbsent(t *testing.T, names ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ; len(names) > 0; names = names[2:] {
		for strings.Contains(string(tenant.call(t, "exists", object(t, "group", names[0], "key", names[1])).Data), `"exists":true`) {
			require.NoError(t, ctx.Err())
		}
	}
}

// requireAbsent asserts that acme has one key in one group.
func requireAbsent(t *testing.T, acme *tenant) {
	t.Helper()
	usage := acme.usage(t)
	assert.Equal(t, []uint64{1, 1, uint64(len("stays") + len("k") + len("v"))}, []uint64{usage.Keys, usage.Groups, usage.Bytes})
	for body, want := range map[string]string{
		`{}`: `"count":1`, `{"group":"stays"}`: `"count":1`, `{"group":"brief"}`: `"count":0`, `{"prefix":"br"}`: `"count":0`, `{"prefix":"s"}`: `"count":1`,
	} {
		assert.Contains(t, string(acme.call(t, "count", body).Data), want, body)
	}
	groups := groupsOf(acme.groups(t))
	require.Len(t, groups, 1)
	assert.Equal(t, []any{"stays", uint64(1)}, []any{groups[0].Group, groups[0].Keys})
	namespaces, _ := acme.namespaces(t, "prefix", "acme")
	require.Len(t, namespaces, 1)
	assert.Equal(t, []uint64{1, 1}, []uint64{namespaces[0].Keys, namespaces[0].Groups})
	assert.Contains(t, string(acme.call(t, "list", `{"group":"brief"}`).Data), `"entries":[]`)
	assert.Contains(t, string(acme.call(t, "scan", `{"keys_only":true}`).Data), `"key":"k"`)
	filler := acme.in("filler").usage(t).Keys
	assert.Equal(t, filler+1, *readStatus(t, acme.connection).Entries)
}
