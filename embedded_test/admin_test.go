// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// namespaceNames returns the names of namespaces in order.
func namespaceNames(namespaces []namespaceStatus) []string {
	names := []string{}
	for _, namespace := range namespaces {
		names = append(names, namespace.Namespace)
	}
	return names
}

// namespaces reads all namespaces page by page. fields go into every request.
func (tenant *tenant) namespaces(t *testing.T, fields ...any) (all []namespaceStatus, pages int) {
	t.Helper()
	found := pagesOf[namespacesReply](t, tenant.in("admin"), "namespaces", fields...)
	for _, page := range found {
		all = append(all, page.Namespaces...)
	}
	return all, len(found)
}

func TestAdmin_Namespaces_Good(t *testing.T) {
	client := newTenant(t, startSidecar(t).NATSURL(), "")
	empty := client.in("admin").call(t, "namespaces", "")
	assert.JSONEq(t, `{"namespaces":[]}`, string(empty.Data))
	names := []string{"-", "0", "ACME", "Acme", "acme", "acme-1", "acme2", "b"}
	for _, index := range []int{4, 0, 7, 2, 6, 1, 5, 3} {
		client.in(names[index]).fill(t, "g", numbered("key", index+1), func(int) string { return "v" })
	}
	for _, name := range []string{"reader", "events1"} {
		requireFailure(t, client.in(name).call(t, "get", `{"key":"k"}`), 404, "not_found")
		requireFailure(t, client.in(name).call(t, "touch", `{"key":"k","ttl":"1h"}`), 404, "not_found")
	}

	t.Run("InTheOrderOfBytes", func(t *testing.T) {
		all, pages := client.namespaces(t)
		assert.Equal(t, names, namespaceNames(all), "each begins with its first write, and reading leaves no trace")
		assert.Equal(t, 1, pages)
		for _, one := range all {
			usage := client.in(one.Namespace).usage(t)
			assert.Equal(t, namespaceStatus{Namespace: one.Namespace, Revision: usage.Revision, Keys: usage.Keys, Groups: usage.Groups, Bytes: usage.Bytes}, one)
		}
	})
	t.Run("StopsAtTheLimit", func(t *testing.T) {
		for limit := 1; limit <= len(names)+1; limit++ {
			all, pages := client.namespaces(t, "limit", limit)
			assert.Equal(t, names, namespaceNames(all))
			assert.Equal(t, (len(names)+limit-1)/limit, pages)
		}
	})
	t.Run("SelectsByPrefix", func(t *testing.T) {
		all, _ := client.namespaces(t, "prefix", "acme", "limit", 2)
		assert.Equal(t, []string{"acme", "acme-1", "acme2"}, namespaceNames(all), "bytes, not letters")
		all, _ = client.namespaces(t, "prefix", "nobody")
		assert.Empty(t, all)
	})
	t.Run("ANamespaceStaysWithItsRevision", func(t *testing.T) {
		decode[deletePrefixReply](t, client.in("b").call(t, "delete_prefix", `{"prefix":"","all":true}`))
		all, _ := client.namespaces(t, "prefix", "b")
		assert.Equal(t, []namespaceStatus{{Namespace: "b", Revision: 9}}, all)
	})
	t.Run("StatusCountsThem", func(t *testing.T) {
		assert.Equal(t, uint64(len(names)), *readStatus(t, client.connection).Namespaces)
		assert.Equal(t, uint64(1+2+3+4+5+6+7), *readStatus(t, client.connection).Entries)
	})
}

func TestAdmin_Describe_Good(t *testing.T) {
	type field struct {
		Name     string `json:"name"`
		Type     string `json:"type"`
		Required bool   `json:"required"`
		Fields   any    `json:"fields"`
	}
	type verb struct {
		Name        string  `json:"name"`
		Description string  `json:"description"`
		Writes      bool    `json:"writes"`
		Admin       bool    `json:"admin"`
		Raw         bool    `json:"raw"`
		Fields      []field `json:"fields"`
	}
	described := map[string]verb{}
	for _, one := range decode[struct {
		Verbs []verb `json:"verbs"`
	}](t, newNamespace(t).in("admin").call(t, "describe", "")).Verbs {
		described[one.Name] = one
	}
	for _, row := range verbRows {
		t.Run(row.verb, func(t *testing.T) {
			require.Contains(t, described, row.verb)
			one := described[row.verb]
			assert.NotEmpty(t, one.Description, "what it does")
			if row.verb != "backup" { // a backup changes the disk, but no stored data
				assert.Equal(t, row.writes, one.Writes)
			}
			assert.Equal(t, row.raw, one.Raw)
			assert.Equal(t, row.admin, one.Admin)
			required, optional := columns(row.request)
			var names, wanted []string
			for _, field := range one.Fields {
				names = append(names, field.Name)
				if field.Required {
					wanted = append(wanted, field.Name)
				}
			}
			assert.ElementsMatch(t, slices.Concat(required, optional), names)
			assert.ElementsMatch(t, required, wanted)
		})
	}
}

func TestAdmin_Purge_Good(t *testing.T) {
	client := newTenant(t, startSidecar(t).NATSURL(), "acme")
	for _, key := range numbered("key", 50) {
		setBriefly(t, client, "default", key)
	}
	client.set(t, "default", "stays", "v")
	reply := decode[purgeReply](t, client.in("admin").call(t, "purge", ""))
	require.NotNil(t, reply.Expired)
	assert.LessOrEqual(t, *reply.Expired, uint64(50))
	assert.Equal(t, uint64(101), client.revision(t), "each of them has expired, by the purge or before it")
	assert.JSONEq(t, `{"expired":0}`, string(client.in("admin").call(t, "purge", "").Data))
	assert.Equal(t, []string{"default/stays"}, placesOf(client.scan(t)))
}

func TestAdmin_Backup_Good(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "backup")
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.BackupDirectory = folder }))
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	acme.fill(t, "g", numbered("key", 1000), func(int) string { return strings.Repeat("x", 200) })
	writer := newTenant(t, sidecar.NATSURL(), "acme")
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		for number := range 200 {
			reply, err := writer.connection.Request("store.acme.set.during.k", fmt.Append(nil, number), patience)
			if !assert.NoError(t, err) || !assert.NotContains(t, reply.Header, headerErrorCode) {
				return
			}
		}
	})
	reply := decode[backupReply](t, acme.in("admin").call(t, "backup", `{"file":"monday.db"}`))
	group.Wait()
	assert.Equal(t, "monday.db", reply.File)
	info, err := os.Stat(filepath.Join(folder, "monday.db"))
	require.NoError(t, err)
	assert.Equal(t, reply.Bytes, info.Size())

	t.Run("AFileThatIsThereStays", func(t *testing.T) {
		refused := acme.in("admin").call(t, "backup", `{"file":"monday.db"}`)
		assert.NotEmpty(t, refused.Header.Get(headerErrorCode))
		same, err := os.Stat(filepath.Join(folder, "monday.db"))
		require.NoError(t, err)
		assert.Equal(t, info.ModTime(), same.ModTime())
	})
	t.Run("NothingButTheBackupIsLeft", func(t *testing.T) {
		files, err := os.ReadDir(folder)
		require.NoError(t, err)
		assert.Len(t, files, 1)
	})
	t.Run("CanBeServed", func(t *testing.T) {
		config := embeddedConfig(t, func(config *storebus.Config) { config.DatabasePath = filepath.Join(folder, "monday.db") })
		copied := newTenant(t, startSidecarWith(t, config).NATSURL(), "acme")
		log, original := copied.wholeLog(t), acme.wholeLog(t)
		require.GreaterOrEqual(t, len(log), 1000)
		require.LessOrEqual(t, len(log), len(original))
		state := map[string]entry{}
		for _, change := range log {
			applyEvent(t, state, decodeBody[event](t, change))
		}
		assert.Equal(t, state, stateOf(copied.scan(t, "limit", 1000)), "it is one point of what was written")
		assert.NotEqual(t, sidecar.StoreID(), readStatus(t, copied.connection).Store, "it is another past than that of the original")
	})
}

func TestAdmin_Backup_Bad(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "backup")
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.BackupDirectory = folder }))
	admin := newTenant(t, sidecar.NATSURL(), "admin")
	for _, file := range []string{"", ".", "..", "../out.db", "a/b.db", "/tmp/out.db", "a\x00b", strings.Repeat("f", 1000)} {
		t.Run(file, func(t *testing.T) {
			requireBadField(t, admin.call(t, "backup", object(t, "file", file)), "file")
		})
	}
	files, err := os.ReadDir(filepath.Dir(folder))
	require.NoError(t, err)
	for _, file := range files {
		assert.Equal(t, "backup", file.Name(), "nothing is written outside the backup directory")
	}
	t.Run("ANameThatMeansSomethingBesideAnotherFile", func(t *testing.T) {
		decode[backupReply](t, admin.call(t, "backup", `{"file":"ok.db"}`))
		for _, file := range []string{
			"ok.db-wal", "ok.db-shm", "ok.db-journal", "ok.db-mj0123abCD9", "OK.DB-WAL", "ok.db.lock", "ok.db.1.partial", "x.partial", "x.Partial",
			"ok.db.workspaces", "0123.workspace", "workspaces.lock", "x.duckdb", "x.jsonl.gz", "x.jsonl.zst", "quarantine", "imported",
			"nul", "COM1", "aux.db", "lpt9.monday.db",
		} {
			requireBadField(t, admin.call(t, "backup", object(t, "file", file)), "file")
		}
		left, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, left, 1, "nothing is made")
		for _, file := range []string{"x.db", "wal", "a-wal.db", "lock", "partial.db", "nulls.db", "common.db", "com10"} {
			decode[backupReply](t, admin.call(t, "backup", object(t, "file", file)))
		}
	})
	t.Run("ANameThatWouldGetAnothersJournal", func(t *testing.T) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "left.db-wal"), []byte("another's"), 0o600))
		requireBadField(t, admin.call(t, "backup", `{"file":"left.db"}`), "file")
		assert.NoFileExists(t, filepath.Join(folder, "left.db"))
	})
}
