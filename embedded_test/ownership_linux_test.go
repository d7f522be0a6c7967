// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A database has one owner, whatever name it is reached by: a second sidecar is refused, and
// nothing that the first has acknowledged is lost.
func TestOwnership_Serve_Bad(t *testing.T) {
	for name, other := range map[string]func(t *testing.T, database string) string{
		"SymbolicLink": func(t *testing.T, database string) string {
			t.Helper()
			link := filepath.Join(t.TempDir(), "link.db")
			require.NoError(t, os.Symlink(database, link))
			return link
		},
		"HardLink": func(t *testing.T, database string) string {
			t.Helper()
			link := filepath.Join(t.TempDir(), "hard.db")
			require.NoError(t, os.Link(database, link))
			return link
		},
		"BindMount": bindMount,
		"LockFileRemoved": func(t *testing.T, database string) string {
			t.Helper()
			require.NoError(t, os.Remove(database+".lock"))
			return database
		},
	} {
		t.Run(name, func(t *testing.T) {
			database := filepath.Join(t.TempDir(), "storebus.db")
			sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
			acme := newTenant(t, address, "acme")
			acme.set(t, "config", "before", "1")
			again := other(t, database)
			for attempt := range 2 {
				ended := run(t, "", "serve", "--listen", "127.0.0.1:0", "--http", "", "--database", again)
				assert.Equal(t, 1, ended.code, ended.stderr)
				assert.Contains(t, ended.stderr, "database is in use")
				acme.set(t, "config", fmt.Sprint("after", attempt), "1")
			}
			ended := run(t, "", "serve", "--check", "--listen", "127.0.0.1:0", "--http", "", "--database", again)
			assert.Contains(t, ended.stdout+ended.stderr, "database is in use", "a check opens nothing either")
			acme.set(t, "config", "checked", "1")
			sidecar.kill(t)
			_, address = serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
			acme = newTenant(t, address, "acme")
			for _, key := range []string{"before", "after0", "after1", "checked"} {
				assert.Equal(t, "1", acme.value(t, "config", key), key)
			}
		})
	}
}

// bindMount mounts a single file at another place, as containers do.
func bindMount(t *testing.T, database string) string {
	t.Helper()
	place := filepath.Join(t.TempDir(), "mounted.db")
	require.NoError(t, os.WriteFile(place, nil, 0o600))
	err := unix.Mount(database, place, "", unix.MS_BIND, "")
	if errors.Is(err, unix.EPERM) {
		t.Skip("this user may not mount anything")
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(place, unix.MNT_DETACH)) })
	return place
}

// The folder of the workspaces has one owner too.
func TestOwnership_StateDirectory_Bad(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", filepath.Join(t.TempDir(), "a.db"), "--state-directory", folder)
	acme := newTenant(t, address, "acme")
	acme.openWorkspace(t, "job")
	require.NoError(t, os.Remove(filepath.Join(folder, "workspaces.lock")))
	ended := run(t, "", "serve", "--listen", "127.0.0.1:0", "--http", "", "--database", filepath.Join(t.TempDir(), "b.db"), "--state-directory", folder)
	assert.Equal(t, 1, ended.code, ended.stderr)
	assert.Contains(t, ended.stderr, "database is in use")
	acme.putEntry(t, "job", "row", `{"a":1}`)
}
