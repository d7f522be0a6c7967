// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestStatus_Status_Good(t *testing.T) {
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
	opened := openStore(t, config)
	first := clock.Now()
	requireStatus := func(want store.Status) {
		t.Helper()
		status, err := opened.Status()
		require.NoError(t, err)
		status.PendingMaterialisation = 0
		want.Writable = true
		if want.Namespaces > 0 {
			want.OldestChangeAt = first
		}
		assert.Equal(t, want, status)
		answer := make(chan store.Status, 1)
		opened.SubmitStatus(func(status store.Status, err error) {
			assert.NoError(t, err)
			answer <- status
		})
		status = <-answer
		status.PendingMaterialisation = 0
		assert.Equal(t, want, status)
	}
	requireStatus(store.Status{})
	require.NoError(t, opened.Set("acme:g", "a", ""))
	require.NoError(t, opened.Set("acme:h", "b", ""))
	require.NoError(t, opened.Set("other:g", "c", ""))
	require.NoError(t, opened.Set("outside", "d", ""))
	require.NoError(t, opened.Delete("acme:g", "a"))
	requireStatus(store.Status{Namespaces: 2, Entries: 3, UnscopedEntries: 1})
	require.NoError(t, opened.Delete("acme:h", "b"))
	require.NoError(t, opened.Delete("outside", "d"))
	requireStatus(store.Status{Namespaces: 2, Entries: 1})

	consumer := registerConsumer(t, opened)
	clock.Advance(time.Minute)
	oldest := clock.Now()
	setKeys(t, opened, "e")
	clock.Advance(time.Minute)
	setKeys(t, opened, "f")
	requireStatus(store.Status{Namespaces: 2, Entries: 3, Backlog: 2, OldestPendingAt: oldest})
	next(t, consumer, 2)
	consumer.Acknowledge()
	requireStatus(store.Status{Namespaces: 2, Entries: 3})
	opened = reopen(t, opened, config)
	requireStatus(store.Status{Namespaces: 2, Entries: 3})
}

func TestStatus_Status_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	writeAll(t, opened, "acme:g", 1000, 0)
	status, err := opened.Status()
	require.NoError(t, err)
	assert.NotZero(t, status.PendingMaterialisation)
	require.NoError(t, store.Settle(opened))
	status, err = opened.Status()
	require.NoError(t, err)
	assert.Zero(t, status.PendingMaterialisation)
}
