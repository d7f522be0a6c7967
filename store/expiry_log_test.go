// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestExpiry_Log_Good: what the store does by itself is told to whoever wants to know.
func TestExpiry_Log_Good(t *testing.T) {
	clock, logged := newClock(), &logged{}
	logger := slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), "s.db"), Clock: clock.Now, Logger: logger})
	require.NoError(t, err)
	writeAll(t, opened, "acme:g", 7, time.Minute)
	clock.Advance(time.Hour)
	expired, err := opened.PurgeExpired()
	require.NoError(t, err)
	assert.Equal(t, int64(7), expired)
	require.NoError(t, opened.Close())
	assert.Contains(t, logged.String(), `level=DEBUG msg="keys expired" keys=7`)
	assert.Contains(t, logged.String(), `level=DEBUG msg="checkpoint of the write-ahead log" estimated_bytes=`)
}
