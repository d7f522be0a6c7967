// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// storeWithDamage returns the configuration of a database with the keys a, c and e in a group. forgotten
// tells that its log has nothing of them. statement has changed the table behind the store's back.
func storeWithDamage(t *testing.T, forgotten bool, statement string) store.StoreConfig {
	t.Helper()
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	for _, key := range []string{"a", "c", "e"} {
		require.NoError(t, opened.SetWithTTL("acme:config", key, "4711", time.Hour))
	}
	require.NoError(t, opened.Set("acme:config", "touched", "4711"))
	_, err = opened.Touch("acme:config", "touched", 2*time.Hour)
	require.NoError(t, err)
	require.NoError(t, opened.Set("acme:other", "a", "1"))
	require.NoError(t, opened.Close())
	if forgotten {
		config.Retention.Count = 1
		opened, err := store.NewConfigured(config)
		require.NoError(t, err)
		writeAll(t, opened, "acme:more", 600, 0)
		require.NoError(t, store.Settle(opened))
		require.NoError(t, opened.Close())
	}
	execute(t, config.DatabasePath, statement)
	return config
}

func requireDamaged(t *testing.T, err error, key string) {
	t.Helper()
	require.ErrorIs(t, err, store.ErrDamagedEntry)
	var damaged *store.DamagedEntryError
	require.ErrorAs(t, err, &damaged)
	assert.Equal(t, []string{"acme:config", key}, []string{damaged.Group, damaged.Key})
}

// damages are what a disk may do to the entry c.
var damages = map[string]string{
	"Value":       "UPDATE entries SET entry_value = '4611' WHERE entry_key = 'c'",
	"Length":      "UPDATE entries SET entry_value = '471' WHERE entry_key = 'c'",
	"ValueOfType": "UPDATE entries SET entry_value = x'34373131' WHERE entry_key = 'c'",
	"Deadline":    "UPDATE entries SET expires_at = expires_at + 4096 WHERE entry_key = 'c'",
	"NoDeadline":  "UPDATE entries SET expires_at = NULL WHERE entry_key = 'c'",
	"Revision":    "UPDATE entries SET revision = revision + 1 WHERE entry_key = 'c'",
	"Time":        "UPDATE entries SET updated_at = updated_at - 1 WHERE entry_key = 'c'",
	"Checksum":    "UPDATE entries SET checksum = checksum + 1 WHERE entry_key = 'c'",
	"HighHalf":    "UPDATE entries SET checksum = checksum + 4294967296 WHERE entry_key = 'c'",
}

// No read serves a damaged entry, and no write relies on one. A write that does not, replaces it.
func TestDamage_Read_Bad(t *testing.T) {
	for name, statement := range damages {
		t.Run(name, func(t *testing.T) {
			opened, err := store.NewConfigured(storeWithDamage(t, true, statement))
			require.NoError(t, err)
			defer opened.Close()
			_, err = opened.Get("acme:config", "c")
			requireDamaged(t, err, "c")
			_, err = opened.GetEntry("acme:config", "c")
			requireDamaged(t, err, "c")
			revision := uint64(1)
			outcomes := submitTogether(opened,
				store.TouchCommand{Group: "acme:config", Key: "c", TimeToLive: time.Hour}, store.IncrementCommand{Group: "acme:config", Key: "c", By: 1},
				store.SetCommand{Group: "acme:config", Key: "c", IfRevision: &revision}, store.SetCommand{Group: "acme:config", Key: "c", KeepExpiry: true},
				store.DeleteCommand{Group: "acme:config", Key: "c", IfRevision: &revision})
			for _, outcome := range outcomes {
				requireDamaged(t, outcome.err, "c")
			}
			_, err = opened.GetPage("acme:config", 0, 10)
			pairs, columns := name != "Revision" && name != "Time" && name != "Checksum", name != "Value" && name != "HighHalf" && name != "ValueOfType"
			if pairs {
				requireDamaged(t, err, "c")
				_, err = opened.GetAll("acme:config")
				requireDamaged(t, err, "c")
			}
			_, err = opened.GetEntries(store.PageQuery{Group: "acme:config"})
			requireDamaged(t, err, "c")
			if columns {
				_, err = opened.GetEntries(store.PageQuery{Group: "acme:config", KeysOnly: true})
				requireDamaged(t, err, "c")
			}
			value, err := opened.Get("acme:config", "a")
			require.NoError(t, err)
			assert.Equal(t, "4711", value, "its neighbours are served")
			require.NoError(t, store.Settle(opened))
			status, err := opened.Status()
			require.NoError(t, err)
			assert.Equal(t, []uint64{1, 0}, []uint64{status.DamagedEntries, status.RepairedEntries})
			_, err = opened.Get("acme:config", "c")
			requireDamaged(t, err, "c")

			require.NoError(t, opened.Set("acme:config", "c", "new"))
			value, err = opened.Get("acme:config", "c")
			require.NoError(t, err)
			assert.Equal(t, "new", value)
			all, err := opened.GetAll("acme:config")
			require.NoError(t, err)
			assert.Len(t, all, 4)
			require.NoError(t, opened.Delete("acme:config", "c"))
		})
	}
}

// A damaged entry that the log has is written again, and served.
func TestDamage_Repair_Good(t *testing.T) {
	t.Parallel()
	for name, statement := range damages {
		t.Run(name, func(t *testing.T) { requireRepaired(t, statement, "c") })
	}
	t.Run("Touched", func(t *testing.T) {
		requireRepaired(t, "UPDATE entries SET entry_value = 'x' WHERE entry_key = 'touched'", "touched")
	})
	t.Run("SeveralAtOnce", func(t *testing.T) {
		requireRepaired(t, "UPDATE entries SET entry_value = 'x' WHERE group_name = 'acme:config' AND entry_key IN ('a', 'c', 'e')", "a")
	})
}

func requireRepaired(t *testing.T, statement, key string) {
	t.Helper()
	config := storeWithDamage(t, false, statement)
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	_, err = opened.GetEntry("acme:config", key)
	requireDamaged(t, err, key)
	_, _ = opened.GetEntries(store.PageQuery{Group: "acme:config"})
	require.NoError(t, store.Settle(opened))
	for try := 0; ; try++ {
		require.Less(t, try, 10, "each listing meets one of the damaged entries, and all were repaired by then")
		_, err = opened.GetEntries(store.PageQuery{Group: "acme:config"})
		if err == nil {
			break
		}
		require.ErrorIs(t, err, store.ErrDamagedEntry)
		require.NoError(t, store.Settle(opened))
	}
	value, err := opened.Get("acme:config", key)
	require.NoError(t, err)
	assert.Equal(t, "4711", value)
	status, err := opened.Status()
	require.NoError(t, err)
	assert.Equal(t, status.DamagedEntries, status.RepairedEntries)
	assert.Positive(t, status.RepairedEntries)
	require.NoError(t, opened.Close())
	requireSound(t, config.DatabasePath)
	found, err := store.InspectDatabase(t.Context(), config.DatabasePath)
	require.NoError(t, err)
	assert.Empty(t, found.Differences)
}

// An entry whose key is damaged is found under its false name, and written again under its own.
func TestDamage_Key_Good(t *testing.T) {
	const rename = "UPDATE entries SET entry_key = 'b' WHERE entry_key = 'c'"
	config := storeWithDamage(t, false, rename)
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	_, err = opened.Get("acme:config", "c")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = opened.GetAll("acme:config")
	requireDamaged(t, err, "b")
	require.NoError(t, store.Settle(opened))
	all, err := opened.GetAll("acme:config")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "4711", "c": "4711", "e": "4711", "touched": "4711"}, all)
	value, err := opened.Get("acme:config", "c")
	require.NoError(t, err)
	assert.Equal(t, "4711", value)
	require.NoError(t, opened.Close())
	requireSound(t, config.DatabasePath)

	t.Run("SetAgainMeanwhile", func(t *testing.T) {
		config := storeWithDamage(t, false, rename)
		opened, err := store.NewConfigured(config)
		require.NoError(t, err)
		require.NoError(t, opened.Set("acme:config", "c", "newer"))
		_, err = opened.GetAll("acme:config")
		requireDamaged(t, err, "b")
		require.NoError(t, store.Settle(opened))
		all, err := opened.GetAll("acme:config")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"a": "4711", "c": "newer", "e": "4711", "touched": "4711"}, all)
		require.NoError(t, opened.Close())
	})
	t.Run("Forgotten", func(t *testing.T) {
		opened := openStore(t, storeWithDamage(t, true, rename))
		_, err := opened.GetAll("acme:config")
		requireDamaged(t, err, "b")
		require.NoError(t, store.Settle(opened))
		_, err = opened.GetAll("acme:config")
		requireDamaged(t, err, "b")
		require.NoError(t, opened.Delete("acme:config", "b"))
		_, err = opened.GetAll("acme:config")
		require.NoError(t, err)
	})
}

// Entries without a checksum are those of an earlier version. They are served, and get one when they
// are written or scrubbed.
func TestDamage_WithoutChecksum_Good(t *testing.T) {
	config, clock := storeWithDamage(t, false, "UPDATE entries SET checksum = NULL"), newClock()
	config.Clock, config.Elapsed = clock.Now, clock.Elapsed
	clock.Set(time.Since(clock.Now()))
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	all, err := opened.GetAll("acme:config")
	require.NoError(t, err)
	assert.Len(t, all, 4)
	require.NoError(t, store.KeepHouse(opened))
	assert.Equal(t, 5, rowsWithoutChecksum(t, opened), "not in the first minute")
	clock.Advance(time.Minute)
	require.NoError(t, store.KeepHouse(opened))
	require.NoError(t, store.Settle(opened))
	assert.Zero(t, rowsWithoutChecksum(t, opened))
	require.NoError(t, opened.Close())
	requireSound(t, config.DatabasePath)
}

func rowsWithoutChecksum(t *testing.T, opened *store.Store) (count int) {
	t.Helper()
	copied := crashCopy(t, opened, opened.Config().DatabasePath)
	raw := openRaw(t, copied)
	require.NoError(t, raw.QueryRow("SELECT count(*) FROM entries WHERE checksum IS NULL").Scan(&count))
	require.NoError(t, raw.Close())
	return count
}

// The scrubber finds what nobody reads, once a week, and at most 512 entries a second.
func TestDamage_Scrub_Good(t *testing.T) {
	clock := newClock()
	clock.Set(time.Since(clock.Now()))
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, Elapsed: clock.Elapsed}
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	writeAll(t, opened, "acme:config", 1300, 0)
	require.NoError(t, store.Settle(opened))
	damage := func() {
		require.NoError(t, store.Execute(opened, "UPDATE entries SET entry_value = 'x' WHERE entry_key = '999'"))
	}
	found := func() uint64 {
		require.NoError(t, store.KeepHouse(opened))
		require.NoError(t, store.Settle(opened))
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, status.DamagedEntries, status.RepairedEntries)
		return status.DamagedEntries
	}
	damage() // in byte order it is the last
	assert.Zero(t, found())
	clock.Advance(time.Minute)
	for slice := range 2 {
		assert.Zero(t, found(), "slice %d", slice)
		clock.Advance(time.Second)
	}
	assert.Equal(t, uint64(1), found())
	damage()
	clock.Advance(6 * 24 * time.Hour)
	for range 4 {
		assert.Equal(t, uint64(1), found())
	}
	require.NoError(t, opened.Close())
	opened, err = store.NewConfigured(config)
	require.NoError(t, err)
	clock.Advance(time.Minute)
	for range 4 {
		assert.Zero(t, found(), "the week goes on after a restart")
	}
	clock.Advance(24 * time.Hour)
	for range 4 {
		found()
	}
	assert.Equal(t, uint64(1), found())
	require.NoError(t, opened.Close())
	requireSound(t, config.DatabasePath)
}

// A store opens although the log has a touch of a damaged entry that the table does not have yet.
func TestDamage_Replay_Ugly(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	require.NoError(t, opened.Set("acme:config", "c", "4711"))
	require.NoError(t, store.Settle(opened))
	require.NoError(t, opened.Close())
	opened, err = store.NewConfigured(config)
	require.NoError(t, err)
	commands := []store.Command{}
	for index := range 20 { // more than are written through
		commands = append(commands, store.SetCommand{Group: "acme:more", Key: fmt.Sprint(index)})
	}
	for _, result := range submitTogether(opened, append(commands, store.TouchCommand{Group: "acme:config", Key: "c", TimeToLive: time.Hour})...) {
		require.NoError(t, result.err)
	}
	killed := crashCopy(t, opened, config.DatabasePath)
	require.NoError(t, opened.Close())
	execute(t, killed, "UPDATE entries SET entry_value = 'x' WHERE entry_key = 'c'")
	again, err := store.NewConfigured(store.StoreConfig{DatabasePath: killed})
	require.NoError(t, err)
	_, err = again.Get("acme:config", "c")
	if err != nil {
		requireDamaged(t, err, "c")
	}
	require.NoError(t, store.Settle(again))
	entry, err := again.GetEntry("acme:config", "c")
	require.NoError(t, err)
	assert.Equal(t, "4711", entry.Value)
	assert.False(t, entry.ExpiresAt.IsZero())
	require.NoError(t, again.Close())
	requireSound(t, killed)
}
