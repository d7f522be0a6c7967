// SPDX-License-Identifier: EUPL-1.2

package storebus_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

func TestSummary_Summary_Good(t *testing.T) {
	path := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := start(t, storebus.Config{DatabasePath: path, HTTPAddress: "127.0.0.1:0", Journal: storebus.JournalConfig{URL: "http://127.0.0.1:1", Bucket: "points"}})
	request(t, connect(t, sidecar.NATSURL()), "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
	summary, err := sidecar.Summary(t.Context())
	require.NoError(t, err)
	assert.Positive(t, summary.DatabaseBytes)
	summary.DatabaseBytes = 0
	assert.Equal(t, storebus.Summary{
		NATSURL: sidecar.NATSURL(), OwnBroker: true, Open: true, HTTPURL: sidecar.HTTPURL(), DatabasePath: path, Durability: store.DurabilityFull,
		Keys: 1, Namespaces: 1, JournalURL: "http://127.0.0.1:1", JournalBucket: "points",
	}, summary)
}

func TestSummary_Summary_Good_OnAnOutsideBroker(t *testing.T) {
	broker := startBroker(t, &server.Options{Username: "sidecar", Password: "secret"})
	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL(), NATSCredentials: storebus.NATSCredentials{User: "sidecar", Password: "secret"}}})
	summary, err := sidecar.Summary(t.Context())
	require.NoError(t, err)
	assert.Equal(t, storebus.Summary{NATSURL: broker.ClientURL(), DatabasePath: store.MemoryDatabase, Durability: store.DurabilityMemory}, summary)
}

func TestSummary_Summary_Bad(t *testing.T) {
	_, err := (*storebus.Sidecar)(nil).Summary(t.Context())
	require.ErrorIs(t, err, storebus.ErrNotStarted)
	require.ErrorContains(t, err, "storebus.Summary: ")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sidecar := start(t, storebus.Config{})
	require.NoError(t, sidecar.Close())
	summary, err := sidecar.Summary(ctx)
	require.Error(t, err)
	assert.Equal(t, store.MemoryDatabase, summary.DatabasePath, "what needs no counting is there")
}
