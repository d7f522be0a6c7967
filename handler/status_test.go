// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
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
}

func TestStatus_Status_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	assert.Equal(t, "verbose", bench.refuse("store.admin.status", `{"verbose":true}`).Field)
}
