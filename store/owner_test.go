// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// places are where a store can be: on a file of its own, or in memory.
var places = map[string]string{"File": "", "Memory": store.MemoryDatabase}

func TestOwner_CarryOutHere_Good(t *testing.T) {
	t.Parallel()
	for name, path := range places {
		t.Run(name, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{DatabasePath: path, Durability: store.DurabilityRelaxed})
			t.Run("WhatWasSubmittedBeforeComesFirst", func(t *testing.T) {
				for range 300 {
					opened.Submit(store.SetCommand{Group: "acme:g", Key: "a", Value: "submitted"}, func(_ store.Outcome, err error) { assert.NoError(t, err) })
					require.NoError(t, opened.Set("acme:g", "a", "set"))
					value, err := opened.Get("acme:g", "a")
					require.NoError(t, err)
					require.Equal(t, "set", value)
				}
			})
			t.Run("WhatWasAnsweredIsRead", func(t *testing.T) {
				var running sync.WaitGroup
				for writer := range 8 {
					running.Go(func() {
						group := fmt.Sprint("acme:", writer)
						for index := range 100 {
							assert.NoError(t, opened.Set(group, fmt.Sprintf("%03d", index), "value"))
							page, err := opened.GetPage(group, index, 2)
							assert.NoError(t, err)
							assert.Equal(t, []store.KeyValue{{Key: fmt.Sprintf("%03d", index), Value: "value"}}, page)
							all, err := opened.GetAll(group)
							assert.NoError(t, err)
							assert.Len(t, all, index+1)
						}
					})
				}
				running.Wait()
			})
			t.Run("WhatFollowsFromAWriteIsDone", func(t *testing.T) {
				writeAll(t, opened, "acme:deleted", 2000, 0)
				require.NoError(t, store.Settle(opened))
				require.NoError(t, opened.DeleteGroup("acme:deleted"))
				for left := 1; left > 0; {
					var err error
					left, err = store.Deletions(opened)
					require.NoError(t, err)
				}
			})
		})
	}
}

func TestOwner_CarryOutHere_Bad(t *testing.T) {
	for name, path := range places {
		t.Run(name, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{DatabasePath: path, Durability: store.DurabilityRelaxed})
			require.NoError(t, opened.Set("acme:g", "a", ""))
			_, err := opened.Create("acme:g", "a", "")
			var conflict *store.RevisionConflictError
			require.ErrorAs(t, err, &conflict)
			require.NoError(t, opened.Close())
			require.ErrorIs(t, opened.Set("acme:g", "a", ""), store.ErrClosed)
			_, err = opened.GetAll("acme:g")
			require.ErrorIs(t, err, store.ErrClosed)
		})
	}
}

func TestOwner_CarryOutHere_Ugly(t *testing.T) {
	for name, path := range places {
		t.Run(name, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{DatabasePath: path, Durability: store.DurabilityRelaxed})
			t.Run("ClosedAmidWritesAndReads", func(t *testing.T) {
				var running sync.WaitGroup
				begun := make(chan struct{}, 4)
				for writer := range 4 {
					running.Go(func() {
						for index := 0; ; index++ {
							key := fmt.Sprint(writer, "-", index)
							err := errors.Join(opened.Set("acme:g", key, ""), opened.Transaction(func(transaction *store.StoreTransaction) error {
								return transaction.Set("acme:g", key, "again")
							}))
							if _, readErr := opened.GetPage("acme:g", 1, 2); err == nil {
								err = readErr
							}
							if index == 20 {
								begun <- struct{}{}
							}
							if err != nil {
								assert.ErrorIs(t, err, store.ErrClosed)
								return
							}
						}
					})
				}
				for range 4 {
					<-begun
				}
				require.NoError(t, opened.Close())
				running.Wait()
			})
		})
	}
	t.Run("APanicOfATransactionGivesTheStoreBack", func(t *testing.T) {
		for name, path := range places {
			t.Run(name, func(t *testing.T) {
				opened := openStore(t, store.StoreConfig{DatabasePath: path, Durability: store.DurabilityRelaxed})
				assert.PanicsWithValue(t, "no apples left", func() {
					_ = opened.Transaction(func(transaction *store.StoreTransaction) error {
						assert.NoError(t, transaction.Set("acme:g", "a", ""))
						panic("no apples left")
					})
				})
				exists, err := opened.Exists("acme:g", "a")
				require.NoError(t, err)
				assert.False(t, exists)
				require.NoError(t, opened.Set("acme:g", "b", ""))
			})
		}
	})
}
