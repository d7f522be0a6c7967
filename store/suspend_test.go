// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// A suspended store takes no write and logs no expiry: keys whose time has come are absent all
// the same, and get their event afterwards.
func TestStore_Suspend_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	require.NoError(t, opened.SetWithTTL("acme:g", "expires", "v", time.Second))
	require.NoError(t, opened.Suspend("the broker carries too little"))
	clock.Advance(time.Minute)

	err := opened.Set("acme:g", "k", "v")
	require.ErrorIs(t, err, store.ErrUnavailable)
	assert.ErrorContains(t, err, "the broker carries too little")
	_, err = opened.Get("acme:g", "expires")
	assert.ErrorIs(t, err, store.ErrNotFound)
	status, err := opened.Status()
	require.NoError(t, err)
	assert.False(t, status.Writable)
	assert.Contains(t, status.Reason, "the broker carries too little")
	page, err := opened.Changes(t.Context(), store.ChangesQuery{Namespace: "acme"})
	require.NoError(t, err)
	assert.Len(t, page.Events, 1)

	require.NoError(t, opened.Suspend(""))
	require.NoError(t, opened.Set("acme:g", "k", "v"))
	_, err = opened.PurgeExpired()
	require.NoError(t, err)
	page, err = opened.Changes(t.Context(), store.ChangesQuery{Namespace: "acme", After: 1})
	require.NoError(t, err)
	types := make([]store.EventType, 0, 2)
	for _, event := range page.Events {
		types = append(types, event.Type)
	}
	assert.ElementsMatch(t, []store.EventType{store.EventSet, store.EventExpire}, types)
}

func TestStore_Suspend_Bad(t *testing.T) {
	opened, err := store.New(store.MemoryDatabase)
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	assert.ErrorIs(t, opened.Suspend("x"), store.ErrClosed)
}
