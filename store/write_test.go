// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestWrite_Create_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	revision, err := opened.Create("acme:g", "a", "1")
	require.NoError(t, err)
	assert.Equal(t, uint64(1), revision)
	require.NoError(t, opened.SetWithTTL("acme:g", "expired", "1", time.Second))
	clock.Advance(time.Second)
	revision, err = opened.Create("acme:g", "expired", "2")
	require.NoError(t, err)
	assert.Equal(t, uint64(4), revision, "after its expiry")
}

func TestWrite_Create_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	revision, err := opened.Create("acme:g", "a", "2")
	require.EqualError(t, err, `store.Create: group "acme:g" key "a": group "acme:g" key "a" stands at revision 1, not 0`)
	require.ErrorIs(t, err, store.ErrRevisionConflict)
	assert.Zero(t, revision)
	requireValue(t, opened, "a", "1")
}

func TestWrite_Update_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	revision := uint64(0)
	for _, value := range []string{"1", "2", "3"} {
		next, err := opened.Update("acme:g", "a", value, revision)
		require.NoError(t, err)
		assert.Equal(t, revision+1, next)
		revision = next
		requireValue(t, opened, "a", value)
	}
	revision, err := opened.Touch("acme:g", "a", time.Hour)
	require.NoError(t, err)
	_, err = opened.Update("acme:g", "a", "4", revision)
	require.NoError(t, err)
	entry, err := opened.GetEntry("acme:g", "a")
	require.NoError(t, err)
	assert.Zero(t, entry.ExpiresAt, "as with Set")
}

func TestWrite_Update_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	_, err := opened.Update("acme:g", "a", "2", 7)
	require.EqualError(t, err, `store.Update: group "acme:g" key "a": group "acme:g" key "a" stands at revision 1, not 7`)
	requireValue(t, opened, "a", "1")
}

func TestWrite_DeleteAt_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.DeleteAt("acme:g", "a", 0))
	revision, err := opened.Create("acme:g", "a", "1")
	require.NoError(t, err)
	require.NoError(t, opened.DeleteAt("acme:g", "a", revision))
	requireNoKey(t, opened, "a")
	assert.Equal(t, []string{"set a", "delete a"}, brief(changes(t, opened, "acme", 0)))
}

func TestWrite_DeleteAt_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	err := opened.DeleteAt("acme:g", "a", 7)
	require.EqualError(t, err, `store.DeleteAt: group "acme:g" key "a": group "acme:g" key "a" stands at revision 1, not 7`)
	requireValue(t, opened, "a", "1")
}

func TestWrite_Touch_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	revision, err := opened.Touch("acme:g", "a", time.Hour)
	require.EqualError(t, err, `store.Touch: group "acme:g" key "a": not found`)
	assert.Zero(t, revision)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestWrite_Increment_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:g", "a", "one"))
	_, err := opened.Increment("acme:g", "a", 1)
	require.ErrorIs(t, err, store.ErrNotANumber)
	assert.ErrorContains(t, err, `store.Increment: group "acme:g" key "a": value is not a number: only a whole number of -9223372036854775808 to 9223372036854775807 can be incremented`)
}

func TestWrite_Create_Ugly(t *testing.T) {
	t.Run("ClosedStore", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Close())
		_, err := opened.Create("acme:g", "a", "1")
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.Update("acme:g", "a", "1", 0)
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.Touch("acme:g", "a", 0)
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.Increment("acme:g", "a", 1)
		require.ErrorIs(t, err, store.ErrClosed)
		require.ErrorIs(t, opened.DeleteAt("acme:g", "a", 1), store.ErrClosed)
		require.ErrorIs(t, opened.Transaction(func(*store.StoreTransaction) error {
			t.Error("a closed store lends nothing")
			return nil
		}), store.ErrClosed)
	})
}
