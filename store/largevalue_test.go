// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// largeRows counts the rows of large values.
func largeRows(t *testing.T, path string) (count int) {
	t.Helper()
	raw := openRaw(t, path)
	defer raw.Close()
	require.NoError(t, raw.QueryRow("SELECT count(*) FROM large_values").Scan(&count))
	return count
}

// largeValue is a value of 5,000 bytes that are not UTF-8.
func largeValue(letter string) string { return strings.Repeat(letter, 4999) + "\xff" }

// requireSoundly closes a store and checks its database, which has so many rows of large values.
func requireSoundly(t *testing.T, opened *store.Store, path string, rows int) {
	t.Helper()
	require.NoError(t, opened.Close())
	requireNoDifferences(t, path)
	requireSound(t, path)
	assert.Equal(t, rows, largeRows(t, path))
}

func TestLargevalue_Entries_Good(t *testing.T) {
	t.Parallel()
	t.Run("EveryReadHasIt", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		for _, key := range []string{"a", "b"} {
			require.NoError(t, opened.Set("acme:g", key, largeValue(key)))
			require.NoError(t, opened.Set("acme:g", key+" small", key))
		}
		_, err := opened.Touch("acme:g", "b", time.Hour)
		require.NoError(t, err)
		requireAll := func() {
			entry, err := opened.GetEntry("acme:g", "b")
			require.NoError(t, err)
			assert.Equal(t, largeValue("b"), entry.Value)
			all, err := opened.GetAll("acme:g")
			require.NoError(t, err)
			assert.Equal(t, map[string]string{"a": largeValue("a"), "a small": "a", "b": largeValue("b"), "b small": "b"}, all)
			page, err := opened.GetEntries(store.PageQuery{Group: "acme:g"})
			require.NoError(t, err)
			require.Len(t, page.Entries, 4)
			assert.Equal(t, largeValue("a"), page.Entries[0].Value)
			page, err = opened.GetEntries(store.PageQuery{Group: "acme:g", KeysOnly: true})
			require.NoError(t, err)
			assert.Len(t, page.Entries, 4)
			assert.Empty(t, page.Entries[0].Value)
		}
		opened = reopen(t, opened, config)
		requireAll()
		backup := databasePath(t)
		_, err = opened.Backup(backup)
		require.NoError(t, err)
		requireSoundly(t, opened, config.DatabasePath, 2)
		opened = openStore(t, store.StoreConfig{DatabasePath: backup})
		requireAll()
	})
	t.Run("RowsGoWithTheirEntries", func(t *testing.T) {
		clock := newClock()
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
		opened := openStore(t, config)
		for _, step := range []func() error{
			func() error { return opened.Set("acme:g", "smaller", largeValue("a")) },
			func() error { return opened.Set("acme:g", "larger", "a") },
			func() error { return opened.Set("acme:g", "replaced", largeValue("a")) },
			func() error { return opened.Set("acme:g", "deleted", largeValue("a")) },
			func() error { return opened.SetWithTTL("acme:g", "expires", largeValue("a"), time.Second) },
			func() error { return opened.Set("acme:gone", "a", largeValue("a")) },
			func() error { return opened.Set("acme:gone", "b", largeValue("a")) },
			func() error { return opened.Set("acme:gone", "c", "small") },
		} {
			require.NoError(t, step())
		}
		opened = reopen(t, opened, config)
		assert.Equal(t, 6, largeRows(t, config.DatabasePath))
		require.NoError(t, opened.Set("acme:g", "smaller", "b"))
		require.NoError(t, opened.Set("acme:g", "larger", largeValue("b")))
		require.NoError(t, opened.Set("acme:g", "replaced", largeValue("b")))
		require.NoError(t, opened.Delete("acme:g", "deleted"))
		require.NoError(t, opened.DeleteGroup("acme:gone"))
		clock.Advance(time.Minute)
		settle(t, opened)
		require.NoError(t, store.Settle(opened))
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"smaller": "b", "larger": largeValue("b"), "replaced": largeValue("b")}, all)
		requireSoundly(t, opened, config.DatabasePath, 2)
	})
	t.Run("AfterACrash", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		for round := range 3 {
			commands := make([]store.Command, 40)
			for key := range commands {
				commands[key] = store.SetCommand{Group: "acme:g", Key: fmt.Sprint(key), Value: largeValue(fmt.Sprint(round))}
			}
			for _, result := range submitTogether(opened, commands...) {
				require.NoError(t, result.err)
			}
		}
		copied := crashCopy(t, opened, config.DatabasePath)
		recovered := openStore(t, store.StoreConfig{DatabasePath: copied})
		want, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		got, err := recovered.GetAll("acme:g")
		require.NoError(t, err)
		assert.Equal(t, want, got)
		requireSoundly(t, recovered, copied, 40)
	})
}

// A database of the version before has large values in the rows of their entries.
func TestLargevalue_Migration_Good(t *testing.T) {
	t.Parallel()
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	for _, key := range []string{"deleted", "kept", "larger", "smaller"} {
		require.NoError(t, opened.Set("acme:g", key, largeValue(key[:1])))
	}
	require.NoError(t, opened.Set("acme:gone", "a", largeValue("a")))
	require.NoError(t, opened.Close())
	execute(t, config.DatabasePath, undo16+"PRAGMA user_version = 15")

	opened = openStore(t, config)
	all, err := opened.GetAll("acme:g")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"deleted": largeValue("d"), "kept": largeValue("k"), "larger": largeValue("l"), "smaller": largeValue("s")}, all)
	require.NoError(t, opened.Delete("acme:g", "deleted"))
	require.NoError(t, opened.DeleteGroup("acme:gone"))
	require.NoError(t, opened.Set("acme:g", "larger", largeValue("L")))
	require.NoError(t, opened.Set("acme:g", "smaller", "s"))
	opened = reopen(t, opened, config)
	all, err = opened.GetAll("acme:g")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"kept": largeValue("k"), "larger": largeValue("L"), "smaller": "s"}, all)
	requireSoundly(t, opened, config.DatabasePath, 1)
}

// A damaged large value is told by the checksum of its entry, and taken from the log.
func TestLargevalue_Damage_Bad(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"Value":      "UPDATE large_values SET value = 'x'",
		"Lost":       "DELETE FROM large_values",
		"OfTheOther": "UPDATE entries SET entry_value = (SELECT entry_value FROM entries WHERE entry_key = 'a') WHERE entry_key = 'b'",
	} {
		t.Run(name, func(t *testing.T) {
			config := store.StoreConfig{DatabasePath: databasePath(t)}
			opened := openStore(t, config)
			require.NoError(t, opened.Set("acme:config", "a", largeValue("a")))
			require.NoError(t, opened.Set("acme:config", "b", largeValue("b")))
			require.NoError(t, opened.Close())
			execute(t, config.DatabasePath, statement)
			found, err := store.InspectDatabase(t.Context(), config.DatabasePath)
			require.NoError(t, err)
			require.NotEmpty(t, found.Differences)
			opened = openStore(t, config)
			_, err = opened.Get("acme:config", "b")
			requireDamaged(t, err, "b")
			for _, key := range []string{"b", "a"} {
				_, _ = opened.Get("acme:config", key) // it finds the damage
				require.NoError(t, store.Settle(opened))
			}
			for _, key := range []string{"a", "b"} {
				value, err := opened.Get("acme:config", key)
				require.NoError(t, err)
				assert.Equal(t, largeValue(key), value)
			}
			requireSoundly(t, opened, config.DatabasePath, 2)
		})
	}
}
