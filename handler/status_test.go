// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

func TestStatus_Status_Good(t *testing.T) {
	bench := startService(t, handler.Config{Instance: "one", Version: "1.2.3", QueueLimit: 7, QueueBytes: 1 << 20})
	require.NoError(t, bench.store.Set("outside", "key", "value"))
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
	status := ask[subjects.StatusReply](bench, "store.admin.status", `{}`)
	assert.Equal(t, bench.store.ID(), status.Store)
	assert.Equal(t, "one", status.Instance)
	assert.Equal(t, "1.2.3", status.Version)
	assert.Equal(t, "store", status.Prefix)
	assert.Equal(t, "memory", status.Durability)
	assert.True(t, status.Writable)
	assert.Empty(t, status.Reason)
	assert.Equal(t, uint64(2), status.Entries)
	assert.Equal(t, uint64(1), status.UnscopedEntries)
	assert.Equal(t, uint64(1), status.Queue.Requests)
	assert.Equal(t, uint64(7), status.Queue.RequestLimit)
	assert.Equal(t, uint64(1<<20), status.Queue.ByteLimit)
	assert.Equal(t, &subjects.JournalStatus{}, status.Journal)
	assert.WithinDuration(t, time.Now(), status.Time, time.Minute)
	assert.Zero(t, status.DatabaseBytes+status.WALBytes)
	assert.Nil(t, status.DiskFreeBytes)
	assert.Nil(t, status.Sync)
}

func TestStatus_Status_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), "storebus.db")})
	bench := startService(t, handler.Config{Store: opened})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
	status := ask[subjects.StatusReply](bench, "store.admin.status", `{}`)
	assert.Positive(t, status.DatabaseBytes)
	assert.Positive(t, status.WALBytes)
	assert.Positive(t, *status.DiskFreeBytes)
	require.NotNil(t, status.Sync)
	assert.Positive(t, status.Sync.Count)
	assert.Positive(t, status.Sync.P50Seconds)
	assert.LessOrEqual(t, status.Sync.P50Seconds, status.Sync.P99Seconds)
}

func TestStatus_Status_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	assert.Equal(t, "verbose", bench.refuse("store.admin.status", `{"verbose":true}`).Field)
}
