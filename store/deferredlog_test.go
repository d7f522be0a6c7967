// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// inMemory is a store in memory that has written so many keys, one by one, in two
// namespaces and outside of any.
func inMemory(t *testing.T, writes int, config store.StoreConfig) *store.Store {
	t.Helper()
	config.DatabasePath = store.MemoryDatabase
	opened := openStore(t, config)
	for index := range writes {
		group := []string{"acme:g", "other:g", "plain"}[index%3]
		require.NoError(t, opened.Set(group, fmt.Sprint(index), fmt.Sprint("value ", index)))
	}
	return opened
}

// requireLogged compares the changes of a namespace with the writes of inMemory.
func requireLogged(t *testing.T, opened *store.Store, writes int) {
	t.Helper()
	logged := 0
	for remainder, namespace := range []string{"acme", "other", ""} {
		after := uint64(0)
		for more := true; more; {
			page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: namespace, After: after})
			require.NoError(t, err)
			for _, event := range page.Events {
				after++
				require.Equal(t, after, event.Revision)
				require.Equal(t, fmt.Sprint(int(after-1)*3+remainder), event.Key)
				logged++
			}
			more = after < page.Revision
		}
	}
	assert.Equal(t, writes, logged)
}

func TestDeferredlog_Put_Good(t *testing.T) {
	// Below, at and above what is put off, and what one statement writes.
	for _, writes := range []int{1, 15, 16, 17, 63, 64, 65, 66, 200, 1000} {
		t.Run(fmt.Sprint(writes, "Writes"), func(t *testing.T) {
			opened := inMemory(t, writes, store.StoreConfig{})
			requireLogged(t, opened, writes)
			store.Evict(opened)
			requireLogged(t, opened, writes)
		})
	}
	t.Run("ABatchOfManyNamespaces", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		var commands []store.Command
		for index := range 50 {
			commands = append(commands, store.SetCommand{Group: fmt.Sprint("n", index, ":g"), Key: "a"})
		}
		for range 3 {
			submitTogether(opened, commands...)
		}
		store.Evict(opened)
		for index := range 50 {
			assert.Len(t, changes(t, opened, fmt.Sprint("n", index), 0), 3)
		}
	})
	t.Run("AConsumerHasEverything", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		consumer, err := opened.RegisterConsumer("test")
		require.NoError(t, err)
		for index := range 100 {
			require.NoError(t, opened.Set("acme:g", fmt.Sprint(index), ""))
		}
		store.Evict(opened)
		for next := 0; next < 100; {
			commits, err := consumer.Next(context.Background())
			require.NoError(t, err)
			for _, commit := range commits {
				require.Equal(t, fmt.Sprint(next), commit.Events[0].Key)
				next++
			}
			consumer.Acknowledge()
		}
	})
}

func TestDeferredlog_Put_Ugly(t *testing.T) {
	t.Run("ABackupHoldsWhatWasPutOff", func(t *testing.T) {
		for _, writes := range []int{1, 70, 500} {
			opened := inMemory(t, writes, store.StoreConfig{})
			path := databasePath(t)
			_, err := opened.Backup(path)
			require.NoError(t, err)
			copied := openStore(t, store.StoreConfig{DatabasePath: path})
			requireLogged(t, copied, writes)
			all, err := copied.GetAll("acme:g")
			require.NoError(t, err)
			assert.Len(t, all, (writes+2)/3)
		}
	})
	t.Run("WhatIsPutOffIsTrimmed", func(t *testing.T) {
		opened := inMemory(t, 100, store.StoreConfig{Retention: store.Retention{Count: 10}})
		require.NoError(t, store.Settle(opened))
		_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 0})
		var compacted *store.CompactedError
		require.ErrorAs(t, err, &compacted)
		assert.Equal(t, uint64(31), compacted.Oldest, "of the last ten changes four are of this namespace")
	})
	t.Run("WhatCannotBeWrittenIsKept", func(t *testing.T) {
		opened := inMemory(t, 10, store.StoreConfig{})
		require.NoError(t, store.LeaveRoom(opened, 0))
		store.Evict(opened)
		large := make([]byte, 300_000)
		require.NoError(t, opened.Set("acme:g", "large", string(large)), "memory has room")
		require.Error(t, opened.Set("acme:g", "another", string(large)), "what is put off is bounded")
		require.NoError(t, store.LeaveRoom(opened, -1))
		require.NoError(t, opened.Set("acme:g", "another", string(large)))
		store.Evict(opened)
		events := changes(t, opened, "acme", 4)
		require.Len(t, events, 2)
		assert.Equal(t, []string{"large", "another"}, []string{events[0].Key, events[1].Key})
	})
}
