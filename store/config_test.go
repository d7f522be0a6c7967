// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
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

// journalOf is an endpoint as every other field of it is right.
func journalOf(change func(*store.JournalConfiguration)) store.JournalConfiguration {
	journal := store.JournalConfiguration{EndpointURL: "https://influx.example.com/path", Organisation: "acme", BucketName: "journal"}
	change(&journal)
	return journal
}

func TestConfig_Journal_Bad(t *testing.T) {
	for message, change := range map[string]func(*store.JournalConfiguration){
		`Journal.Organisation is empty; name the one that owns the bucket, or use "-" if the endpoint has none`: func(journal *store.JournalConfiguration) { journal.Organisation = "" },
		"Journal.BucketName is empty; name the bucket that the entries go to":                                   func(journal *store.JournalConfiguration) { journal.BucketName = "" },
		"Journal.EndpointURL is no http or https URL; use one like http://127.0.0.1:8086":                       func(journal *store.JournalConfiguration) { journal.EndpointURL = "secret.example.com:8086" },
		"Journal.EndpointURL has a user, a query or a fragment; use scheme, host and path":                      func(journal *store.JournalConfiguration) { journal.EndpointURL = "https://user:secret@influx" },
	} {
		config := store.StoreConfig{DatabasePath: store.MemoryDatabase, Journal: journalOf(change)}
		require.EqualError(t, config.Validate(), "store.StoreConfig.Validate: "+message)
		opened, err := store.NewConfigured(config)
		require.EqualError(t, err, "store.NewConfigured: "+message)
		assert.NotContains(t, err.Error(), "secret")
		require.Nil(t, opened)
		_, err = store.New(store.MemoryDatabase, func(given *store.StoreConfig) { given.Journal = config.Journal })
		require.ErrorContains(t, err, message)
	}
}

func TestConfig_Journal_Good(t *testing.T) {
	for _, journal := range []store.JournalConfiguration{
		{}, {BucketName: "journal"}, journalOf(func(*store.JournalConfiguration) {}),
		journalOf(func(journal *store.JournalConfiguration) { journal.Organisation = store.NoOrganisation }),
	} {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase, Journal: journal})
		assert.Equal(t, journal, opened.JournalConfiguration())
		assert.Equal(t, journal.EndpointURL != "", opened.JournalConfigured())
	}
}

func TestConfig_Validate_Good(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "storebus.db")
	require.NoError(t, store.StoreConfig{DatabasePath: path}.Validate())
	assert.NoDirExists(t, filepath.Dir(path), "no file was looked at")
	require.NoError(t, store.ScopedStoreConfig{Namespace: "tenant-a", Quota: store.QuotaConfig{MaxKeys: 100}}.Validate())
}

func TestConfig_Validate_Bad(t *testing.T) {
	require.EqualError(t, store.StoreConfig{}.Validate(), `store.StoreConfig.Validate: DatabasePath is empty; use a file name or ":memory:"`)
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	for message, config := range map[string]store.ScopedStoreConfig{
		`namespace "": invalid name: `:         {},
		`namespace "tenant_a": invalid name: `: {Namespace: "tenant_a"},
		`namespace "acme": MaxKeys is -1; `:    {Namespace: "acme", Quota: store.QuotaConfig{MaxKeys: -1}},
		`namespace "acme": MaxGroups is -1; `:  {Namespace: "acme", Quota: store.QuotaConfig{MaxGroups: -1}},
	} {
		require.ErrorContains(t, config.Validate(), "store.ScopedStoreConfig.Validate: "+message)
		_, err := store.NewScopedConfigured(opened, config)
		require.ErrorContains(t, err, "store.NewScopedConfigured: "+message)
	}
}

// TestConfig_Config_Good opens a store again by what it says of itself.
func TestConfig_Config_Good(t *testing.T) {
	for _, path := range []string{store.MemoryDatabase, databasePath(t)} {
		opened := openStore(t, store.StoreConfig{DatabasePath: path, CacheBytes: 1 << 20})
		config := opened.Config()
		assert.Equal(t, path, opened.DatabasePath())
		assert.Equal(t, []any{path, 1 << 20, store.DefaultPurgeInterval}, []any{config.DatabasePath, config.CacheBytes, config.PurgeInterval})
		assert.False(t, opened.IsClosed())
		config.CacheBytes = 1
		assert.Equal(t, 1<<20, opened.Config().CacheBytes, "it is a copy")
		require.NoError(t, opened.Close())
		assert.True(t, opened.IsClosed())
		assert.Equal(t, opened.Durability(), openStore(t, opened.Config()).Durability())
	}
}

func TestConfig_Logger_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase, Logger: &slog.Logger{}})
	assert.NoError(t, opened.Set("config", "theme", "dark"))
}
