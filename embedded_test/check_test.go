// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// storebus check finds nothing in the database of a sidecar that was killed, and finds what somebody
// has changed in it.
func TestCheck_Database_Bad(t *testing.T) {
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
	acme := newTenant(t, address, "acme")
	for _, key := range []string{"a", "b", "c"} {
		acme.set(t, "config", key, "1")
	}
	inUse := run(t, "", "check", database)
	assert.Equal(t, 1, inUse.code)
	assert.Contains(t, inUse.stderr, "database is in use")
	sidecar.kill(t)
	sound := run(t, "", "check", database)
	require.Zero(t, sound.code, sound.stdout+sound.stderr)

	execute(t, database, "UPDATE entries SET entry_value = 'forged' WHERE entry_key = 'b'; UPDATE groups SET keys = 7")
	found := run(t, "", "check", database, "--json")
	assert.Equal(t, 1, found.code)
	assert.Contains(t, found.stdout, `group \"acme:config\" key \"b\" at revision 2: its value is not that of the log`)
	assert.Contains(t, found.stdout, `its counters say 7 keys and`)
	assert.Contains(t, found.stderr, "3 differences")
}
