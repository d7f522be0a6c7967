// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flipBytes changes a number of bytes of a database on disk, from an offset within each place of a
// pattern. It returns how many places there are.
func flipBytes(t *testing.T, database, pattern string, offset, count int) (places int) {
	t.Helper()
	content, err := os.ReadFile(database)
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)"+pattern).FindAllIndex(content, -1)
	for _, place := range found {
		for index := place[0] + offset; index < place[0]+offset+count; index++ {
			content[index] ^= 1
		}
	}
	require.NoError(t, os.WriteFile(database, content, 0o600))
	return len(found)
}

// newAccounts has a sidecar write three balances and stop.
func newAccounts(t *testing.T, ttl string) (database string) {
	t.Helper()
	database = filepath.Join(t.TempDir(), "storebus.db")
	sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
	acme := newTenant(t, address, "acme")
	for _, key := range []string{"balance-a", "balance-c", "balance-e"} {
		requireFirst(t, acme.call(t, "set", object(t, "group", "accounts", "key", key, "value", "BALANCE-1000000-"+key, "ttl", ttl)))
	}
	require.Zero(t, sidecar.terminate(t))
	return database
}

// Bytes of entries that change on disk are never served. The entry is named, and taken from the log.
func TestDamage_Entry_Bad(t *testing.T) {
	t.Parallel()
	// In the row of an entry the value comes soon after group, key, revision and times.
	const names, row = "acme:accountsbalance-c", "acme:accountsbalance-c.{1,24}BALANCE"
	for name, damage := range map[string]struct {
		ttl           string
		found         string // the key as it is found
		offset, count int
	}{
		"Value":                {"never", "balance-c", len(names) + 16, 12},
		"RevisionTimeAndValue": {"never", "balance-c", len(names), 32},
		"Key":                  {"never", "balance-b", len(names) - 1, 1},
		"ValueThatExpires":     {"1h", "balance-c", len(names) + 22, 12},
		"Deadline":             {"1h", "balance-c", len(names) + 11, 3},
	} {
		t.Run(name, func(t *testing.T) {
			database := newAccounts(t, damage.ttl)
			require.Equal(t, 1, flipBytes(t, database, row, damage.offset, damage.count))
			checked := run(t, "", "check", database)
			assert.Equal(t, 1, checked.code)
			assert.Contains(t, checked.stdout, `group "acme:accounts" key "`+damage.found+`"`)

			outside := startBroker(t, "127.0.0.1:0")
			sidecar, page := serveWithPage(t, outside.URL(), database)
			acme := newTenant(t, outside.URL(), "acme")
			got := acme.call(t, "list", `{"group":"accounts"}`)
			requireFailure(t, got, 500, "internal")
			assert.Contains(t, string(got.Data), "the entry accounts/"+damage.found+" is damaged on disk")
			await(t, "the entry as it was written", func() bool {
				return acme.call(t, "list", `{"group":"accounts"}`).Header.Get(headerErrorCode) == ""
			})
			acme.requireValue(t, "accounts", "balance-c", "BALANCE-1000000-balance-c")
			assert.InDelta(t, 1, page.metric(t, "storebus_damaged_entries_total"), 0)
			assert.InDelta(t, 1, page.metric(t, "storebus_repaired_entries_total"), 0)
			status := readStatus(t, acme.connection)
			assert.Equal(t, []uint64{1, 1}, []uint64{status.DamagedEntries, status.RepairedEntries})
			sidecar.says(t, "an entry is damaged, and is not served")
			sidecar.says(t, "a damaged entry was repaired from the log")
			require.Zero(t, sidecar.terminate(t))
			checked = run(t, "", "check", database)
			assert.Zero(t, checked.code, checked.stdout)
		})
	}
}

// If the log is damaged too, the entry stays unserved until somebody writes it again.
func TestDamage_EntryAndLog_Ugly(t *testing.T) {
	database := newAccounts(t, "never")
	require.Equal(t, 2, flipBytes(t, database, "BALANCE-1000000-balance-c", 8, 7), "the entry, and its change in the log")
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
	acme := newTenant(t, address, "acme")
	for range 3 {
		for verb, body := range map[string]string{
			"get": `{"group":"accounts","key":"balance-c"}`, "list": `{"group":"accounts"}`, "get_many": `{"entries":[{"group":"accounts","key":"balance-a"},{"group":"accounts","key":"balance-c"}]}`,
			"touch": `{"group":"accounts","key":"balance-c","ttl":"1h"}`, "render": `{"group":"accounts","template":"{{.}}"}`,
			"set": `{"group":"accounts","key":"balance-c","value":"1","if_revision":2}`,
		} {
			got := acme.call(t, verb, body)
			requireFailure(t, got, 500, "internal")
			assert.Contains(t, string(got.Data), "accounts/balance-c is damaged on disk", verb)
		}
	}
	acme.requireValue(t, "accounts", "balance-a", "BALANCE-1000000-balance-a")
	acme.set(t, "accounts", "balance-c", "again")
	acme.requireValue(t, "accounts", "balance-c", "again")
	requireFirst(t, acme.call(t, "list", `{"group":"accounts"}`))
}
