// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// behindMark is a sidecar that was killed after some writes, and whose database was then put back
// to an earlier state.
type behindMark struct {
	database, store string
	acknowledged    int
}

// newBehindMark kills a sidecar when its mark has every write, and calls damage.
func newBehindMark(t *testing.T, damage func(t *testing.T, database, older string)) *behindMark {
	t.Helper()
	folder := t.TempDir()
	made := &behindMark{database: filepath.Join(folder, "storebus.db"), acknowledged: 20}
	older := filepath.Join(folder, "older.db")
	sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", made.database)
	newTenant(t, address, "acme").set(t, "config", "early", "1")
	require.Zero(t, sidecar.terminate(t))
	copyFile(t, made.database, older)

	sidecar, address = serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", made.database)
	acme := newTenant(t, address, "acme")
	made.store = readStatus(t, acme.connection).Store
	for key := range made.acknowledged {
		acme.set(t, "config", fmt.Sprint(key), "1")
	}
	await(t, "a mark that has every write", func() bool {
		content, err := os.ReadFile(made.database + ".mark")
		return err == nil && markedCommit(t, content) > made.acknowledged
	})
	sidecar.kill(t)
	damage(t, made.database, older)
	return made
}

// markedCommit is the number of the commit of a mark.
func markedCommit(t *testing.T, content []byte) int {
	t.Helper()
	return decodeBody[struct {
		Store  string `json:"store"`
		Commit int    `json:"commit"`
		Hash   string `json:"hash"`
		Sum    uint32 `json:"sum"`
	}](t, content).Commit
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

// A store that is behind its mark answers reads and takes no writes, until an operator has accepted
// it. Then it is another store for those who follow it: none of them gets a change of another past.
func TestMark_Serve_Bad(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, database, older string){
		"OlderCopy": func(t *testing.T, database, older string) {
			t.Helper()
			require.NoError(t, os.Remove(database+"-wal"))
			copyFile(t, older, database)
		},
		"WriteAheadLogRemoved": func(t *testing.T, database, _ string) {
			t.Helper()
			require.NoError(t, os.Remove(database+"-wal"))
		},
		"DatabaseRemoved": func(t *testing.T, database, _ string) {
			t.Helper()
			require.NoError(t, os.Remove(database+"-wal"))
			require.NoError(t, os.Remove(database))
		},
	} {
		t.Run(name, func(t *testing.T) {
			made := newBehindMark(t, damage)
			sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", made.database)
			acme := newTenant(t, address, "acme")
			status := readStatus(t, acme.connection)
			assert.False(t, status.Writable)
			assert.Contains(t, status.Reason, "its mark")
			for verb, body := range map[string]string{
				"set": `{"group":"config","key":"k","value":"v"}`, "delete": `{"group":"config","key":"early"}`, "journal_commit": `{"measurement":"m","fields":{"a":1}}`,
				"delete_group": `{"group":"config"}`, "increment": `{"group":"config","key":"n"}`, "workspace_open": `{"workspace":"job"}`,
			} {
				got := acme.call(t, verb, body)
				requireFailure(t, got, 503, "unavailable")
				assert.Contains(t, string(got.Data), "behind its mark", verb)
			}
			assert.Equal(t, 1, strings.Count(sidecar.errors.String(), "the database is behind its mark: the store only reads"))
			acme.call(t, "list", `{"group":"config"}`)
			followers := fmt.Sprintf(`{"after":%d,"store":%q}`, made.acknowledged+1, made.store)
			requireFailure(t, acme.call(t, "changes", followers), 410, "compacted")
			refused := run(t, "", "restore", "--accept", "--force", "--database", made.database)
			assert.Equal(t, 1, refused.code)
			assert.Contains(t, refused.stderr, "database is in use")
			require.Zero(t, sidecar.terminate(t))

			accepted := run(t, "", "restore", "--accept", "--force", "--database", made.database)
			require.Zero(t, accepted.code, accepted.stderr)
			_, address = serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", made.database)
			acme = newTenant(t, address, "acme")
			status = readStatus(t, acme.connection)
			assert.True(t, status.Writable)
			assert.NotEqual(t, made.store, status.Store)
			for key := range made.acknowledged + 10 { // past the revision of those who followed the store before
				acme.set(t, "config", "later", fmt.Sprint(key))
			}
			requireFailure(t, acme.call(t, "changes", followers), 410, "compacted")
		})
	}
}

// storebus restore puts a backup in place, and keeps the database that was there.
func TestMark_Restore_Good(t *testing.T) {
	folder := t.TempDir()
	database := filepath.Join(folder, "storebus.db")
	sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database, "--backup-directory", folder)
	acme := newTenant(t, address, "acme")
	acme.set(t, "config", "early", "1")
	store := readStatus(t, acme.connection).Store
	requireFirst(t, acme.in("admin").call(t, "backup", `{"file":"monday.db"}`))
	acme.set(t, "config", "late", "1")
	refused := run(t, "", "restore", filepath.Join(folder, "monday.db"), "--force", "--database", database)
	assert.Equal(t, 1, refused.code)
	assert.Contains(t, refused.stderr, "database is in use by process "+fmt.Sprint(sidecar.native.Pid))
	sidecar.kill(t)
	refused = run(t, "", "restore", filepath.Join(folder, "monday.db"), "--database", database)
	assert.Equal(t, 2, refused.code, "it asks first")

	restored := run(t, "", "restore", filepath.Join(folder, "monday.db"), "--force", "--json", "--database", database)
	require.Zero(t, restored.code, restored.stderr)
	before := decodeBody[struct {
		Database string `json:"database"`
		Bytes    int    `json:"bytes"`
		Before   string `json:"before"`
	}](t, []byte(restored.stdout)).Before
	_, address = serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
	acme = newTenant(t, address, "acme")
	assert.Equal(t, "1", acme.value(t, "config", "early"))
	requireFailure(t, acme.call(t, "get", `{"group":"config","key":"late"}`), 404, "not_found")
	assert.NotEqual(t, store, readStatus(t, acme.connection).Store)
	acme.set(t, "config", "again", "1")
	_, address = serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", before)
	assert.Equal(t, "1", newTenant(t, address, "acme").value(t, "config", "late"), "nothing is thrown away")
}
