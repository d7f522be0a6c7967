// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// A disk that takes nothing for a while is worth a line when that begins and one when it ends,
// for the writes of callers and for each work of the store, however often they are tried.
func TestTroubles_Tried_Ugly(t *testing.T) {
	var logged logged
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Logger: logged.logger()})
	require.NoError(t, opened.SetWithTTL("acme:g", "expires", "", time.Second))
	for range 2 {
		require.NoError(t, store.Execute(opened, "PRAGMA query_only = 1"))
		for range 200 {
			require.ErrorIs(t, opened.Set("acme:g", "a", ""), store.ErrUnavailable)
			clock.Advance(time.Minute)
			settle(t, opened)
			require.NoError(t, store.KeepHouse(opened))
		}
		require.NoError(t, store.Execute(opened, "PRAGMA query_only = 0"))
		clock.Advance(time.Minute)
		setKeys(t, opened, "a")
		settle(t, opened)
		require.NoError(t, opened.SetWithTTL("acme:g", "expires", "", time.Second))
	}
	for _, line := range []string{
		`level=ERROR msg="writes are refused"`, `level=INFO msg="writes are taken again" left_out=`,
		`level=ERROR msg="work of the store failed; it is tried again" work=expiry error=`, `level=INFO msg="work of the store goes on" work=expiry left_out=`,
	} {
		assert.Equal(t, 2, strings.Count(logged.String(), line), "%s in\n%s", line, &logged)
	}
	assert.LessOrEqual(t, strings.Count(logged.String(), "\n"), 16, "%s", &logged)
}
