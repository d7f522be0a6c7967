// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestConfig_NewConfigured_Bad(t *testing.T) {
	for message, config := range map[string]store.StoreConfig{
		`DatabasePath is empty; use a file name or ":memory:"`: {},
		`Durability is "fsync"; use "full" or "relaxed"`:       {Durability: "fsync"},
		`Durability is "memory"; use "full" or "relaxed"`:      {Durability: store.DurabilityMemory},
		"PurgeInterval -1ns and Retention.Age 0s may not be":   {PurgeInterval: -1},
		"PurgeInterval 0s and Retention.Age -1ns may not be":   {Retention: store.Retention{Age: -1}},
		"Limits {GroupBytes:-1 KeyBytes:0 EntryBytes:0} may":   {Limits: store.Limits{GroupBytes: -1}},
		"Limits {GroupBytes:0 KeyBytes:-1 EntryBytes:0} may":   {Limits: store.Limits{KeyBytes: -1}},
		"Limits {GroupBytes:0 KeyBytes:0 EntryBytes:-1} may":   {Limits: store.Limits{EntryBytes: -1}},
		"CacheBytes -1 and PendingBytes 0 may not be negative": {CacheBytes: -1},
		"CacheBytes 0 and PendingBytes -1 may not be negative": {PendingBytes: -1},
	} {
		if message[:12] != "DatabasePath" {
			config.DatabasePath = store.MemoryDatabase
		}
		opened, err := store.NewConfigured(config)
		require.ErrorContains(t, err, "store.NewConfigured: "+message)
		require.Nil(t, opened)
	}
}
