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

// If somebody renames or removes the database of a sidecar that runs, writes stop within a second
// or two with a known outcome. Every write that was acknowledged is in the backup that can still
// be taken.
func TestPlaces_Database_Ugly(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(database string) error{
		"Renamed": func(database string) error { return os.Rename(database, database+".moved") },
		"Removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			database := filepath.Join(folder, "storebus.db")
			sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database, "--backup-directory", folder)
			acme := newTenant(t, address, "acme")
			acme.set(t, "config", "before", "1")
			require.NoError(t, move(database))
			acknowledged := 0
			await(t, "a write that is refused", func() bool {
				got := acme.call(t, "set", object(t, "group", "config", "key", fmt.Sprint(acknowledged), "value", "1"))
				if got.Header.Get(headerErrorCode) != "" {
					requireFailure(t, got, 503, "unavailable")
					return true
				}
				acknowledged++
				return false
			})
			status := readStatus(t, acme.connection)
			assert.False(t, status.Writable)
			assert.Contains(t, status.Reason, "storebus.db is gone")
			assert.Equal(t, "1", acme.value(t, "config", "before"), "reads go on")
			assert.Equal(t, 1, strings.Count(sidecar.errors.String(), "a file of the database is not at its place"))
			requireFirst(t, acme.in("admin").call(t, "backup", `{"file":"rescue.db"}`))
			sidecar.terminate(t)

			_, address = serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", filepath.Join(folder, "rescue.db"))
			again := newTenant(t, address, "acme")
			for key := range acknowledged {
				again.value(t, "config", fmt.Sprint(key))
			}
		})
	}
}
