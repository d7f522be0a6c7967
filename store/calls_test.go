// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestCalls_CarryOut_Bad has many callers fail at once: each is told so. After a caller has handed its
// write over, it does not touch the write before the committer is done.
func TestCalls_CarryOut_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
	require.NoError(t, opened.Set("acme:g", "a", ""))
	failing := func(call func() error, expected error) {
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 500 {
					assert.ErrorIs(t, call(), expected)
				}
			})
		}
		callers.Wait()
	}
	t.Run("Write", func(t *testing.T) {
		failing(func() error {
			_, err := opened.Create("acme:g", "a", "")
			return err
		}, store.ErrRevisionConflict)
	})
	t.Run("Transaction", func(t *testing.T) {
		require.NoError(t, opened.Suspend("a test"))
		failing(func() error { return opened.Transaction(func(*store.StoreTransaction) error { return nil }) }, store.ErrUnavailable)
		require.NoError(t, opened.Suspend(""))
	})
}
