// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestMigrate_NewConfigured_Bad(t *testing.T) {
	t.Run("DatabaseFromTheFuture", func(t *testing.T) {
		path := databasePath(t)
		require.NoError(t, openStore(t, store.StoreConfig{DatabasePath: path}).Close())
		execute(t, path, "PRAGMA user_version = 99")
		err := refusal(t, path)
		require.ErrorIs(t, err, store.ErrDatabaseFromFuture)
		assert.ErrorContains(t, err, "its schema is version 99, this program knows up to 2")
		execute(t, path, "PRAGMA user_version = 2")
		openStore(t, store.StoreConfig{DatabasePath: path})
	})
	t.Run("DatabaseOfAnotherApplication", func(t *testing.T) {
		path := databasePath(t)
		execute(t, path, "CREATE TABLE albums (title TEXT)")
		err := refusal(t, path)
		require.ErrorIs(t, err, store.ErrNotAStore)
		assert.ErrorContains(t, err, `it has a table "albums" and no schema version`)
	})
	t.Run("VersionedDatabaseOfAnotherApplication", func(t *testing.T) {
		for _, version := range []string{"1", "7"} {
			path := databasePath(t)
			execute(t, path, "CREATE TABLE albums (title TEXT); PRAGMA user_version = "+version)
			require.ErrorIs(t, refusal(t, path), store.ErrNotAStore)
		}
	})
}

func TestMigrate_NewConfigured_Ugly(t *testing.T) {
	t.Run("RefusedDatabaseIsLeftAsItWas", func(t *testing.T) {
		path := databasePath(t)
		execute(t, path, "CREATE TABLE albums (title TEXT)")
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Error(t, refusal(t, path))
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, before, after)
	})
}
