// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestPurge_PurgeExpired_Good purges namespaces beside each other: each is told of its own
// keys, and the store of all of them.
func TestPurge_PurgeExpired_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
	acme, other := newScoped(t, opened, "acme"), newScoped(t, opened, "other")
	expired, err := acme.PurgeExpired()
	require.NoError(t, err)
	assert.Zero(t, expired)
	writeAll(t, opened, "acme:g", 700, time.Minute)
	writeAll(t, opened, "acme:h", 5, 0)
	writeAll(t, opened, "acm:g", 3, time.Minute)
	writeAll(t, opened, "other:g", 40, time.Minute)
	writeAll(t, opened, "config", 2, time.Minute)
	release := store.Hold(opened)
	clock.Advance(time.Hour)
	counted := map[string]int64{}
	var waiting sync.WaitGroup
	waiting.Add(3)
	count := func(name string) func(int64, error) {
		return func(expired int64, err error) {
			assert.NoError(t, err)
			counted[name] = expired
			waiting.Done()
		}
	}
	store.SubmitPurge(acme, count("acme"))
	store.SubmitPurge(other, count("other"))
	opened.SubmitPurge(count("store"))
	release()
	waiting.Wait()
	assert.Equal(t, map[string]int64{"acme": 700, "other": 40, "store": 700 + 40 + 3 + 2}, counted)
	left, err := acme.CountAll()
	require.NoError(t, err)
	assert.Equal(t, 5, left)
	assert.Zero(t, store.PurgesUnderway(opened))
}

func TestPurge_PurgeExpired_Bad(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	acme := newScoped(t, opened, "acme")
	writeAll(t, opened, "acme:g", 5, time.Minute)
	require.NoError(t, store.Execute(opened, "ALTER TABLE commits RENAME TO moved"))
	clock.Advance(time.Hour)
	_, err := acme.PurgeExpired()
	require.ErrorContains(t, err, `store.PurgeExpired: namespace "acme": `)
	require.NoError(t, store.Execute(opened, "ALTER TABLE moved RENAME TO commits"))
	clock.Advance(time.Minute)
	expired, err := acme.PurgeExpired()
	require.NoError(t, err)
	assert.Equal(t, int64(5), expired)
	require.NoError(t, opened.Close())
	_, err = acme.PurgeExpired()
	require.ErrorIs(t, err, store.ErrClosed)
	assert.Zero(t, store.PurgesUnderway(opened))
}
