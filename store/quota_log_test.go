// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// requireLogOf checks how much a namespace keeps of the log, and that the rest is gone.
func requireLogOf(t *testing.T, opened *store.Store, namespace string, least, most int64) {
	t.Helper()
	require.NoError(t, store.Settle(opened))
	used := usageOf(t, opened, namespace).LogBytes
	assert.LessOrEqual(t, used, most)
	assert.Greater(t, used, least)
	oldest, events := retained(t, opened, namespace)
	require.Greater(t, oldest, uint64(1))
	require.NotEmpty(t, events)
	_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: namespace, After: oldest - 2})
	require.ErrorIs(t, err, store.ErrCompacted)
}

// requireWholeLog checks that a namespace has all of its changes.
func requireWholeLog(t *testing.T, opened *store.Store, namespace string, changes int) {
	t.Helper()
	oldest, events := retained(t, opened, namespace)
	assert.Equal(t, uint64(1), oldest)
	assert.Len(t, events, changes)
}

// A namespace with more changes than its limit loses its own oldest ones. No write is refused.
func TestQuota_MaxLogBytes_Good(t *testing.T) {
	value := strings.Repeat("x", 100)
	t.Run("ItsOldestChangesGo", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed}
		opened := openStore(t, config)
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxLogBytes: 20_000}))
		submitMany(t, opened, "other:g", 500, value)
		for range 4 {
			submitMany(t, opened, "acme:g", 50, value)
		}
		submitMany(t, opened, "other:g", 500, value)
		for range 2 {
			requireLogOf(t, opened, "acme", 10_000, 20_000)
			requireWholeLog(t, opened, "other", 1000)
			assert.Equal(t, int64(50), usageOf(t, opened, "acme").Keys)
			opened = reopen(t, opened, config)
		}
	})
	t.Run("ALimitHoldsAtOnce", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		for range 20 {
			require.NoError(t, opened.Set("acme:g", "k", value))
			require.NoError(t, opened.Set("own:g", "k", value))
		}
		require.NoError(t, opened.SetQuota("own", store.Quota{MaxKeys: 10}))
		require.NoError(t, opened.SetQuota(store.AllNamespaces, store.Quota{MaxLogBytes: 1000}))
		require.NoError(t, opened.Set("last:g", "k", "")) // the newest commit stays
		requireLogOf(t, opened, "acme", 500, 1000)
		requireWholeLog(t, opened, "own", 20)
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxLogBytes: 500}))
		requireLogOf(t, opened, "acme", 100, 500)
	})
	t.Run("TheNewestChangeStays", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, DefaultQuota: store.Quota{MaxLogBytes: 1}})
		for range 3 {
			require.NoError(t, opened.Set("acme:g", "k", value))
			require.NoError(t, store.Settle(opened))
			_, events := retained(t, opened, "acme")
			assert.Len(t, events, 1)
		}
	})
	t.Run("WhatAConsumerHasNotReadStays", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, DefaultQuota: store.Quota{MaxLogBytes: 500}})
		consumer, err := opened.RegisterConsumer("reader")
		require.NoError(t, err)
		for range 20 {
			require.NoError(t, opened.Set("acme:g", "k", value))
		}
		require.NoError(t, store.Settle(opened))
		requireWholeLog(t, opened, "acme", 20)
		_, err = consumer.Next(context.Background())
		require.NoError(t, err)
		consumer.Acknowledge()
		require.NoError(t, store.KeepHouse(opened))
		requireLogOf(t, opened, "acme", 0, 500)
	})
}

// The quota of the configuration holds until another is given for all namespaces.
func TestQuota_Default_Good(t *testing.T) {
	config := store.StoreConfig{
		DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir(),
		DefaultQuota: store.Quota{MaxKeys: 1, MaxWorkspaceBytes: 1},
	}
	opened := openStore(t, config)
	requireQuota := func(namespace string, want store.Quota) {
		quota, err := opened.Quota(namespace)
		require.NoError(t, err)
		assert.Equal(t, want, quota)
		if namespace != store.AllNamespaces {
			assert.Equal(t, want, usageOf(t, opened, namespace).Quota)
		}
	}
	requireQuota("acme", config.DefaultQuota)
	requireQuota(store.AllNamespaces, config.DefaultQuota)
	require.NoError(t, opened.Set("acme:g", "a", ""))
	requireLimit(t, opened.Set("acme:g", "b", ""), "keys", 1)
	_, _, err := opened.OpenWorkspace("acme", "job")
	requireLimit(t, err, "workspace_bytes", 1)

	require.NoError(t, opened.SetQuota("own", store.Quota{MaxGroups: 7}))
	given := store.Quota{MaxKeys: 2}
	require.NoError(t, opened.SetQuota(store.AllNamespaces, given))
	for range 2 {
		requireQuota("own", store.Quota{MaxGroups: 7})
		requireQuota("acme", given)
		requireQuota(store.AllNamespaces, given)
		opened = reopen(t, opened, config)
	}
	_, _, err = opened.OpenWorkspace("acme", "job")
	require.NoError(t, err)
	require.NoError(t, opened.SetQuota(store.AllNamespaces, store.Quota{}))
	requireQuota("acme", config.DefaultQuota)
	_, _, err = opened.OpenWorkspace("acme", "another")
	requireLimit(t, err, "workspace_bytes", 1)
}

func TestQuota_Default_Bad(t *testing.T) {
	_, err := store.NewConfigured(store.StoreConfig{DatabasePath: databasePath(t), DefaultQuota: store.Quota{MaxLogBytes: -1}})
	require.ErrorContains(t, err, "MaxLogBytes is -1")
}
