// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestOriginal_Upgrade_Ugly ends the upgrade at different points, by a disk that is
// full: the database is what it was, and is upgraded when there is room.
func TestOriginal_Upgrade_Ugly(t *testing.T) {
	t.Parallel()
	if !inProcessOfItsOwn(t) {
		return
	}
	path := originalDatabase(t, originalEntries+originalJournal)
	execute(t, path, `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
		INSERT INTO entries SELECT 'acme:' || (i / 100), 'key' || i, hex(zeroblob(300)), NULL FROM n`)
	before := dump(t, path, "entries")
	schema := dump(t, path, "sqlite_schema")
	failures := 0
	for size := int64(256 << 10); ; size += 256 << 10 {
		lift := limitFileSizes(t, size)
		opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
		lift()
		if err == nil {
			require.NoError(t, opened.Close())
			break
		}
		failures++
		require.Equal(t, before, dump(t, path, "entries"))
		require.Equal(t, schema, dump(t, path, "sqlite_schema"))
	}
	require.Greater(t, failures, 3)
	opened := openStore(t, store.StoreConfig{DatabasePath: path})
	usage, err := opened.Usage("acme")
	require.NoError(t, err)
	assert.Equal(t, int64(3000), usage.Keys)
}
