// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// SQLite says that the database is full although the disk is not. The answers are the same, and the
// reserve is back when there is room.
func TestReserve_PageLimit_Bad(t *testing.T) {
	var logged logged
	config := store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), "storebus.db"), Logger: logged.logger()}
	opened := openStore(t, config)
	large := strings.Repeat("x", 300_000)
	require.NoError(t, opened.Set("acme:g", "a", large))
	require.NoError(t, opened.Set("acme:g", "b", large))
	require.NoError(t, store.Settle(opened))
	require.NoError(t, store.KeepHouse(opened))
	require.FileExists(t, config.DatabasePath+".reserve")

	require.NoError(t, store.LeaveRoom(opened, 0))
	workspace, err := opened.NewWorkspace("job")
	require.NoError(t, err)
	for range 3 {
		require.ErrorIs(t, opened.Set("acme:g", "large", strings.Repeat("x", 1_000_000)), store.ErrUnavailable)
		status, err := opened.Status()
		require.NoError(t, err)
		assert.False(t, status.Writable)
		assert.Contains(t, status.Reason, "disk is full")
		if err := opened.Delete("acme:g", "a"); err != nil {
			require.ErrorIs(t, err, store.ErrUnavailable)
		}
		if err := workspace.Put("k", map[string]any{"a": 1}); err != nil {
			require.ErrorIs(t, err, store.ErrUnavailable)
		}
		require.NoError(t, store.KeepHouse(opened))
	}
	requireValue(t, opened, "b", large)

	require.NoError(t, store.LeaveRoom(opened, -1))
	require.NoError(t, store.KeepHouse(opened))
	status, err := opened.Status()
	require.NoError(t, err)
	assert.True(t, status.Writable, status.Reason)
	require.FileExists(t, config.DatabasePath+".reserve")
	require.NoError(t, opened.Set("acme:g", "large", large))
	require.NoError(t, workspace.Put("k", map[string]any{"a": 1}))
	for _, line := range []string{"writes are refused", "writes are taken again"} {
		assert.Equal(t, 1, strings.Count(logged.String(), line), logged.String())
	}
}
