// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The writes of every verb are there after SIGKILL, and further writes continue from them.
func TestRestart_EveryWrite_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	acme := newTenant(t, outside.URL(), "acme")
	sidecar := startServe(t, outside.URL(), database)
	acme.setQuota(t, "max_keys", 1000)
	writeEverything(t, acme)
	log, entries, groups, usage := acme.wholeLog(t), acme.scan(t), acme.groups(t), acme.usage(t)
	namespaces, _ := acme.namespaces(t)
	sidecar.kill(t)

	startServe(t, outside.URL(), database)
	assert.Equal(t, entries, acme.scan(t))
	assert.Equal(t, groups, acme.groups(t))
	assert.Equal(t, usage, acme.usage(t))
	assert.Equal(t, log, acme.wholeLog(t))
	after, _ := acme.namespaces(t)
	assert.Equal(t, namespaces, after)
	assert.Equal(t, usage.Revision+1, acme.set(t, "config", "theme", "light"), "the revision goes on where it was")
	change := decodeBody[event](t, acme.changes(t, "after", usage.Revision).Changes[0])
	assert.NotZero(t, *change.Previous, "and so does that of the group")
}
