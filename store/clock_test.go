// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestClock_Now_Ugly sets the clock back after a key was seen to have expired, and
// before that is logged.
func TestClock_Now_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	require.NoError(t, opened.SetWithTTL("acme:g", "a", "", time.Second))
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
	clock.Advance(2 * time.Second)
	requireNoKey(t, opened, "a")
	clock.Advance(-time.Hour)
	for range 2 {
		requireNoKey(t, opened, "a")
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Empty(t, all)
	}
	require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
	setKeys(t, opened, "b")
	settle(t, opened)
	assert.Contains(t, brief(changes(t, opened, "acme", 0)), "set b")
	requireNoKey(t, opened, "a")
}
