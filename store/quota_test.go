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

// requireExceeded checks which limit an error says was met.
func requireExceeded(t tester, err error, want store.QuotaExceededError) {
	t.Helper()
	var exceeded *store.QuotaExceededError
	require.ErrorAs(t, err, &exceeded)
	require.Equal(t, want, *exceeded)
	require.ErrorIs(t, err, store.ErrQuotaExceeded)
}

func openWithQuota(t *testing.T, quota store.Quota) *store.Store {
	t.Helper()
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.SetQuota("acme", quota))
	return opened
}

func TestQuota_SetQuota_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	t.Run("NoneIsSetAtFirst", func(t *testing.T) {
		quota, err := opened.Quota("acme")
		require.NoError(t, err)
		assert.Zero(t, quota)
	})
	want := store.Quota{MaxKeys: 1, MaxGroups: 2, MaxBytes: 300, MaxValueBytes: 4}
	require.NoError(t, opened.SetQuota("acme", want))
	require.NoError(t, opened.SetQuota("other", want))
	require.NoError(t, opened.SetQuota("other", store.Quota{}))
	opened = reopen(t, opened, config)
	t.Run("HoldsAcrossRestarts", func(t *testing.T) {
		quota, err := opened.Quota("acme")
		require.NoError(t, err)
		assert.Equal(t, want, quota)
		require.NoError(t, opened.Set("acme:g", "a", "1"))
		requireExceeded(t, opened.Set("acme:g", "b", "1"), store.QuotaExceededError{Quota: "keys", Limit: 1, Usage: 1})
		quota, err = opened.Quota("other")
		require.NoError(t, err)
		assert.Zero(t, quota)
	})
	t.Run("BelongsToItsNamespace", func(t *testing.T) {
		for _, group := range []string{"ACME:g", "acme", "acme-2:g", "other:g"} {
			for _, key := range []string{"a", "b"} {
				require.NoError(t, opened.Set(group, key, "longer"))
			}
		}
	})
	t.Run("IsNoChange", func(t *testing.T) {
		before := revision(t, opened, "acme")
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 2}))
		assert.Equal(t, before, revision(t, opened, "acme"))
		require.NoError(t, opened.SetQuota("new", store.Quota{MaxKeys: 2}))
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, uint64(4), status.Namespaces, "acme, ACME, acme-2 and other")
	})
	t.Run("ChangesOneLimitOnly", func(t *testing.T) {
		require.NoError(t, opened.SetQuota("acme", want))
		answers := make(chan store.Quota, 1)
		done := func(quota store.Quota, err error) {
			assert.NoError(t, err)
			answers <- quota
		}
		opened.SubmitQuota("acme", store.QuotaChange{MaxGroups: pointerTo(int64(0)), MaxBytes: pointerTo(int64(7))}, done)
		changed := store.Quota{MaxKeys: 1, MaxBytes: 7, MaxValueBytes: 4}
		assert.Equal(t, changed, <-answers)
		opened.SubmitQuota("acme", store.QuotaChange{}, done)
		assert.Equal(t, changed, <-answers)
	})
}

func TestQuota_SetQuota_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, namespace := range []string{"", "events", "a:b"} {
		require.ErrorIs(t, opened.SetQuota(namespace, store.Quota{MaxKeys: 1}), store.ErrInvalidName)
		_, err := opened.Quota(namespace)
		require.ErrorIs(t, err, store.ErrInvalidName)
		_, err = opened.Usage(namespace)
		require.ErrorIs(t, err, store.ErrInvalidName)
	}
	for _, quota := range []store.Quota{{MaxKeys: -1}, {MaxGroups: -1}, {MaxBytes: -1}, {MaxValueBytes: -1}} {
		require.ErrorContains(t, opened.SetQuota("acme", quota), "is -1; use 0 for no limit")
	}
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	require.ErrorIs(t, opened.SetQuota("acme", store.Quota{MaxKeys: 1}), store.ErrUnavailable)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	quota, err := opened.Quota("acme")
	require.NoError(t, err)
	assert.Zero(t, quota)
	require.NoError(t, opened.Close())
	require.ErrorIs(t, opened.SetQuota("acme", store.Quota{}), store.ErrClosed)
	_, err = opened.Usage("acme")
	require.ErrorIs(t, err, store.ErrClosed)
	opened.SubmitQuota("acme", store.QuotaChange{}, func(_ store.Quota, err error) { assert.ErrorIs(t, err, store.ErrClosed) })
}

func TestQuota_Keys_Good(t *testing.T) {
	opened := openWithQuota(t, store.Quota{MaxKeys: 2})
	require.NoError(t, opened.Set("acme:g", "a", ""))
	require.NoError(t, opened.Set("acme:h", "b", ""))
	requireExceeded(t, opened.Set("acme:g", "c", ""), store.QuotaExceededError{Quota: "keys", Limit: 2, Usage: 2})
	require.NoError(t, opened.Set("acme:g", "a", "an upsert never meets it"))
	require.NoError(t, opened.Delete("acme:h", "b"))
	require.NoError(t, opened.Set("acme:g", "c", ""))
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 1}))
	require.NoError(t, opened.Set("acme:g", "a", "a limit below use forbids growth only"))
	requireExceeded(t, opened.Set("acme:g", "d", ""), store.QuotaExceededError{Quota: "keys", Limit: 1, Usage: 2})
	require.NoError(t, opened.SetQuota("acme", store.Quota{}))
	require.NoError(t, opened.Set("acme:g", "d", ""))
}

func TestQuota_Groups_Good(t *testing.T) {
	opened := openWithQuota(t, store.Quota{MaxGroups: 2})
	require.NoError(t, opened.Set("acme:g", "a", ""))
	require.NoError(t, opened.Set("acme:h", "a", ""))
	requireExceeded(t, opened.Set("acme:i", "a", ""), store.QuotaExceededError{Quota: "groups", Limit: 2, Usage: 2})
	require.NoError(t, opened.Set("acme:h", "b", ""))
	require.NoError(t, opened.Delete("acme:g", "a"))
	require.NoError(t, opened.Set("acme:i", "a", ""))
	requireExceeded(t, opened.Set("acme:g", "a", ""), store.QuotaExceededError{Quota: "groups", Limit: 2, Usage: 2})
}

func TestQuota_Bytes_Good(t *testing.T) {
	opened := openWithQuota(t, store.Quota{MaxBytes: 10})
	require.NoError(t, opened.Set("acme:g", "a", "12345678"))
	requireExceeded(t, opened.Set("acme:g", "a", "123456789"), store.QuotaExceededError{Quota: "bytes", Limit: 10, Usage: 10})
	requireExceeded(t, opened.Set("acme:", "", "1"), store.QuotaExceededError{Quota: "bytes", Limit: 10, Usage: 10})
	require.NoError(t, opened.Set("acme:", "", ""), "nothing is added")
	require.NoError(t, opened.Set("acme:g", "a", "87654321"), "it does not grow")
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxBytes: 5}))
	require.NoError(t, opened.Set("acme:g", "a", "1234567"), "it shrinks")
	requireExceeded(t, opened.Set("acme:g", "a", "12345678"), store.QuotaExceededError{Quota: "bytes", Limit: 5, Usage: 9})
}

func TestQuota_ValueBytes_Good(t *testing.T) {
	opened := openWithQuota(t, store.Quota{MaxValueBytes: 3})
	require.NoError(t, opened.Set("acme:g", "a", "123"))
	requireExceeded(t, opened.Set("acme:g", "a", "1234"), store.QuotaExceededError{Quota: "value_bytes", Limit: 3, Usage: 4})
	requireExceeded(t, opened.Set("acme:g", "b", "1234"), store.QuotaExceededError{Quota: "value_bytes", Limit: 3, Usage: 4})
	require.NoError(t, opened.SetQuota("acme", store.Quota{MaxValueBytes: 2}))
	require.NoError(t, opened.Set("acme:g", "a", "321"), "it does not grow")
	requireExceeded(t, opened.Set("acme:g", "a", "4321"), store.QuotaExceededError{Quota: "value_bytes", Limit: 2, Usage: 4})
}

func TestQuota_Batch_Good(t *testing.T) {
	opened := openWithQuota(t, store.Quota{MaxKeys: 2})
	results := submitTogether(opened,
		store.SetCommand{Group: "acme:g", Key: "a"},
		store.SetCommand{Group: "acme:g", Key: "b"},
		store.SetCommand{Group: "acme:g", Key: "c"},
		store.DeleteCommand{Group: "acme:g", Key: "a"},
		store.SetCommand{Group: "acme:g", Key: "c"},
		store.SetCommand{Group: "acme:g", Key: "a", IfRevision: pointerTo(uint64(7))},
	)
	for index, result := range results {
		switch index {
		case 2:
			requireExceeded(t, result.err, store.QuotaExceededError{Quota: "keys", Limit: 2, Usage: 2})
		case 5:
			require.ErrorIs(t, result.err, store.ErrRevisionConflict, "guards come first")
		default:
			require.NoError(t, result.err)
		}
	}
	assert.Equal(t, []string{"set a", "set b", "delete a", "set c"}, brief(changes(t, opened, "acme", 0)))
}

// fill writes keys that expire in a second into the group g of some namespaces, and
// lets their time come while the store is held; release lets it go on.
func fill(t *testing.T, opened *store.Store, clock *testClock, keys int, namespaces ...string) (release func()) {
	t.Helper()
	for _, namespace := range namespaces {
		writeAll(t, opened, namespace+":g", keys, time.Second)
	}
	release = store.Hold(opened)
	clock.Advance(time.Minute)
	return release
}

func TestQuota_Expiry_Good(t *testing.T) {
	t.Parallel()
	for name, settled := range map[string]bool{"InTheTables": true, "Pending": false} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			opened := openStore(t, store.StoreConfig{Clock: clock.Now})
			writeAll(t, opened, "aaa:g", 2000, time.Second)
			writeAll(t, opened, "acme:g", 600, time.Second)
			require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 600, MaxGroups: 1}))
			if settled {
				require.NoError(t, store.Settle(opened))
			}
			release := store.Hold(opened)
			clock.Advance(time.Minute)
			errs := make([]error, 700)
			waiting := make(chan struct{}, len(errs))
			for index := range errs {
				opened.Submit(store.SetCommand{Group: "acme:h", Key: fmt.Sprint(index)}, func(_ store.Outcome, err error) {
					errs[index] = err
					waiting <- struct{}{}
				})
			}
			release()
			for range errs {
				<-waiting
			}
			// One group is free when all of the other have expired: more than one write may do.
			admitted := 0
			for _, err := range errs {
				if err == nil {
					admitted++
				} else {
					require.ErrorIs(t, err, store.ErrQuotaExceeded)
				}
			}
			assert.Equal(t, 600, admitted)
			usage, err := opened.Usage("acme")
			require.NoError(t, err)
			assert.Equal(t, []int64{600, 1}, []int64{usage.Keys, usage.Groups})
		})
	}
	t.Run("EachWriteMakesRoomForItself", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 1000, MaxBytes: 100_000}))
		release := fill(t, opened, clock, 1000, "acme")
		commands := make([]store.Command, 1000)
		for index := range commands {
			commands[index] = store.SetCommand{Group: "acme:h", Key: fmt.Sprint(index)}
		}
		var results []result
		submitted := make(chan struct{})
		go func() {
			results = submitTogether(opened, commands...)
			close(submitted)
		}()
		release()
		<-submitted
		for _, result := range results {
			require.NoError(t, result.err)
		}
	})
	t.Run("RoomForOneOfManySmallOnes", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxBytes: 100_000}))
		release := fill(t, opened, clock, 3000, "acme")
		done := make(chan struct{})
		go func() {
			defer close(done)
			assert.NoError(t, opened.Set("acme:h", "large", strings.Repeat("x", 99_000)))
		}()
		store.WaitForWrite(opened)
		release()
		<-done
	})
	t.Run("KeyItself", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 1, MaxGroups: 1, MaxBytes: 7}))
		require.NoError(t, opened.SetWithTTL("acme:g", "a", "value", time.Second))
		expireWhileWriting(t, opened, clock, func() { assert.NoError(t, opened.Set("acme:g", "a", "other")) })
		assert.Equal(t, []string{"set a", "expire a", "set a"}, brief(changes(t, opened, "acme", 0)))
	})
	t.Run("OlderExpiryInTheTablesCountsForNothing", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		writeAll(t, opened, "acme:g", 100, time.Second)
		require.NoError(t, store.Settle(opened))
		release := store.Hold(opened) // So that nothing of it is written through.
		for index := range 100 {
			opened.Submit(store.SetCommand{Group: "acme:g", Key: fmt.Sprint(index)}, func(_ store.Outcome, err error) { assert.NoError(t, err) })
		}
		release()
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: 100}))
		expireWhileWriting(t, opened, clock, func() {
			requireExceeded(t, opened.Set("acme:g", "new", ""), store.QuotaExceededError{Quota: "keys", Limit: 100, Usage: 100})
		})
	})
}

func TestQuota_Usage_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	usage, err := opened.Usage("acme")
	require.NoError(t, err)
	assert.Zero(t, usage)
	quota := store.Quota{MaxKeys: 5000, MaxBytes: 1 << 20}
	require.NoError(t, opened.SetQuota("acme", quota))
	require.NoError(t, opened.Set("acme:config", "theme", "dark"))
	require.NoError(t, opened.Set("acme:", "", ""))
	require.NoError(t, opened.Set("other:g", "a", ""))
	usage, err = opened.Usage("acme")
	require.NoError(t, err)
	assert.Equal(t, store.Usage{Quota: quota, Keys: 2, Groups: 2, Bytes: int64(len("configthemedark")), LogBytes: usage.LogBytes, Revision: 2}, usage)
	assert.Positive(t, usage.LogBytes)
	t.Run("WhatIsDueIsExpiredFirst", func(t *testing.T) {
		release := fill(t, opened, clock, 1200, "aaa", "acme", "zzz")
		answers := make(chan store.Usage, 1)
		opened.SubmitUsage("acme", func(usage store.Usage, err error) {
			assert.NoError(t, err)
			answers <- usage
		})
		release()
		later := <-answers
		assert.Equal(t, store.Usage{Quota: quota, Keys: 2, Groups: 2, Bytes: int64(len("configthemedark")), LogBytes: later.LogBytes, Revision: 2402}, later)
		assert.Greater(t, later.LogBytes, usage.LogBytes)
	})
}

func TestQuota_Usage_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	require.NoError(t, opened.SetWithTTL("acme:g", "a", "", time.Second))
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	clock.Advance(time.Minute)
	usage, err := opened.Usage("acme")
	require.NoError(t, err, "reads go on while nothing can be logged")
	assert.Equal(t, store.Usage{LogBytes: usage.LogBytes, Revision: 1}, usage)
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	clock.Advance(time.Second)
	usage, err = opened.Usage("acme")
	require.NoError(t, err)
	assert.Equal(t, store.Usage{LogBytes: usage.LogBytes, Revision: 2}, usage, "it is tried again after a second")
}

// TestQuota_Schema_Good looks at how SQLite finds what is due: by an index alone, or a
// write could take as long as there are keys.
func TestQuota_Schema_Good(t *testing.T) {
	path := databasePath(t)
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	raw := openRaw(t, path)
	defer raw.Close()
	for name, test := range map[string]struct {
		query     string
		arguments []any
		plan      string
	}{
		"OfARealm":     {store.DueOfRealmQuery, []any{[]byte("acme"), 1, 1, "", "", 1}, "COVERING INDEX entries_by_realm_expiry (<expr>=? AND "},
		"NextRealm":    {store.NextRealmQuery, []any{[]byte("acme")}, "INDEX entries_by_realm_expiry (<expr>>?"},
		"OfEverything": {store.DueQuery, []any{1, 1, "", "", 1}, "COVERING INDEX entries_by_expiry ("},
	} {
		var id, parent, unused int
		var plan string
		require.NoError(t, raw.QueryRow("EXPLAIN QUERY PLAN "+test.query, test.arguments...).Scan(&id, &parent, &unused, &plan))
		assert.Contains(t, plan, test.plan, name)
	}
}
