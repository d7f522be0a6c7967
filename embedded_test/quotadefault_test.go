// SPDX-License-Identifier: EUPL-1.2

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

// The flags of the default quota hold for each namespace without a quota of its own. A tenant that
// writes much loses its own oldest changes, and nobody else's.
func TestQuota_ServeFlags_Good(t *testing.T) {
	t.Parallel()
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	start := func() *process {
		return startServe(t, outside.URL(), database, "--default-quota-log-bytes", "64KiB", "--default-quota-keys", "3")
	}
	sidecar := start()
	acme, other := newTenant(t, outside.URL(), "acme"), newTenant(t, outside.URL(), "other")
	for range 20 {
		other.set(t, "g", "k", "v")
	}
	for index := range 300 {
		acme.set(t, "g", fmt.Sprint(index%3), strings.Repeat("x", 1000))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for acme.usage(t).LogBytes > 64<<10 {
		require.NoError(t, ctx.Err())
	}
	assert.Equal(t, quotaLimits{MaxKeys: 3, MaxLogBytes: 64 << 10}, acme.usage(t).quotaLimits)
	requireFailure(t, acme.call(t, "changes", `{"after":10}`), 410, "compacted")
	changes := decode[changesReply](t, other.call(t, "changes", `{"after":0}`))
	assert.Len(t, changes.Changes, 20)
	requireQuota(t, acme.call(t, "set", `{"group":"g","key":"fourth","value":""}`), "keys", 3)

	// A quota over the bus replaces the flags, and stays.
	assert.Equal(t, quotaLimits{MaxKeys: 4, MaxLogBytes: 64 << 10}, acme.in("*").setQuota(t, "max_keys", 4))
	assert.Zero(t, sidecar.terminate(t))
	start()
	requireFirst(t, acme.call(t, "set", `{"group":"g","key":"fourth","value":""}`))
	requireQuota(t, acme.call(t, "set", `{"group":"g","key":"fifth","value":""}`), "keys", 4)
	// Without any limit over the bus, the flags hold again.
	acme.in("*").setQuota(t, "max_keys", 0, "max_log_bytes", 0)
	assert.Equal(t, quotaLimits{MaxKeys: 3, MaxLogBytes: 64 << 10}, acme.usage(t).quotaLimits)
}
