// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestExpiry_Timer_Good has keys expire at deadlines between the looks that the store
// takes every second: each is logged at its deadline to the nanosecond.
func TestExpiry_Timer_Good(t *testing.T) {
	for name, clock := range map[string]func() time.Time{
		"TimeOfTheSystem": nil,
		"InjectedClock":   func() time.Time { return time.Now().Add(1000 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened := openStore(t, store.StoreConfig{Clock: clock, PurgeInterval: 100 * time.Hour})
				events := opened.Watch("acme:g")
				for _, timeToLive := range []time.Duration{90 * time.Minute, 1500 * time.Millisecond, 1700 * time.Millisecond} {
					require.NoError(t, opened.SetWithTTL("acme:g", timeToLive.String(), "", timeToLive))
				}
				deadlines := map[string]time.Time{}
				for range 3 {
					event := <-events
					deadlines[event.Key] = event.ExpiresAt
				}
				for _, key := range []string{"1.5s", "1.7s", "1h30m0s"} {
					event := <-events
					assert.Equal(t, store.EventExpire, event.Type)
					assert.Equal(t, key, event.Key)
					assert.Equal(t, deadlines[key], event.Timestamp)
				}
			})
		})
	}
}

func TestExpiry_PurgeExpired_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
	expired, err := opened.PurgeExpired()
	require.NoError(t, err)
	assert.Zero(t, expired)
	writeAll(t, opened, "acme:g", 2000, time.Minute)
	writeAll(t, opened, "acme:g", 700, time.Hour)
	writeAll(t, opened, "acme:h", 30, 2*time.Hour)
	for _, due := range []int64{1300, 700, 30, 0} {
		release := store.Hold(opened)
		clock.Advance(59*time.Minute + time.Second)
		purged := make(chan int64, 1)
		opened.SubmitPurge(func(expired int64, err error) {
			assert.NoError(t, err)
			purged <- expired
		})
		release()
		assert.Equal(t, due, <-purged)
	}
}

func TestExpiry_PurgeExpired_Bad(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	writeAll(t, opened, "acme:g", 5, time.Minute)
	require.NoError(t, store.Execute(opened, "ALTER TABLE commits RENAME TO moved"))
	clock.Advance(time.Hour)
	_, err := opened.PurgeExpired()
	require.ErrorContains(t, err, "store.PurgeExpired: ")
	count, err := opened.Count("acme:g")
	require.NoError(t, err)
	assert.Equal(t, 5, count, "what cannot be written counts")
	require.NoError(t, store.Execute(opened, "ALTER TABLE moved RENAME TO commits"))
	clock.Advance(time.Minute)
	expired, err := opened.PurgeExpired()
	require.NoError(t, err)
	assert.Equal(t, int64(5), expired)
	require.NoError(t, opened.Close())
	_, err = opened.PurgeExpired()
	require.ErrorIs(t, err, store.ErrClosed)
}

// TestExpiry_Failure_Ugly deletes a group while the expiries that must come first
// cannot be read in time: it is told, and not kept waiting.
func TestExpiry_Failure_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
	writeAll(t, opened, "acme:g", 2000, time.Minute)
	setIn(t, opened, "acme:g", "stays")
	require.NoError(t, store.Settle(opened))
	release := store.Hold(opened)
	clock.Advance(time.Hour)
	failure := make(chan error, 1)
	opened.Submit(store.DeleteGroupCommand{Group: "acme:g"}, func(_ store.Outcome, err error) { failure <- err })
	restore := store.FailExpiries(opened)
	release()
	require.ErrorContains(t, <-failure, "keys whose time has come must expire first")
	require.NoError(t, restore())
	clock.Advance(time.Minute)
	outcome, err := submit(opened, store.DeleteGroupCommand{Group: "acme:g"})
	require.NoError(t, err)
	assert.Equal(t, int64(1), outcome.DeletedKeys)
}

// TestExpiry_Slices_Ugly has many keys come due at once: they go in slices, with
// reads and writes in between, and nothing counts them in the meantime.
func TestExpiry_Slices_Ugly(t *testing.T) {
	const keys = 5000
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
	for range 2 { // A submission of more than a batch takes two.
		writeAll(t, opened, "acme:g", keys, time.Minute)
	}
	consumer := registerConsumer(t, opened)
	release := store.Hold(opened)
	clock.Advance(time.Hour)
	counted := make(chan store.KeyCount, 1)
	opened.SubmitCount(store.CountQuery{Prefix: "acme:"}, func(count store.KeyCount, err error) {
		assert.NoError(t, err)
		counted <- count
	})
	revisions := make(chan uint64, 1)
	opened.Submit(store.SetCommand{Group: "acme:h", Key: "a"}, func(outcome store.Outcome, err error) {
		assert.NoError(t, err)
		revisions <- outcome.Revision
	})
	listed := make(chan store.Page, 1)
	opened.SubmitPage(store.PageQuery{Group: "acme:g"}, func(page store.Page, err error) {
		assert.NoError(t, err)
		listed <- page
	})
	release()
	page := <-listed
	assert.Empty(t, page.Entries)
	assert.LessOrEqual(t, page.Revision, uint64(2*keys+512+1), "a page does not wait for expiries")
	assert.LessOrEqual(t, <-revisions, uint64(2*keys+512+1), "a write waits for one slice")
	assert.Equal(t, int64(1), (<-counted).Keys)
	for expired := 0; expired < keys; {
		commits, err := consumer.Next(t.Context())
		require.NoError(t, err)
		for _, commit := range commits {
			if commit.Events[0].Type == store.EventExpire {
				assert.LessOrEqual(t, len(commit.Events), 512)
				expired += len(commit.Events)
			}
		}
	}
}

// TestExpiry_Deleted_Ugly lets keys come due whose group is deleted, and whose rows
// are still there: they do not expire, and hold nobody up.
func TestExpiry_Deleted_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
	writeAll(t, opened, "acme:stored", 1500, time.Minute)
	require.NoError(t, store.Settle(opened))
	writeAll(t, opened, "acme:pending", 1500, time.Minute)
	writeAll(t, opened, "acme:stored", 100, time.Minute)
	held, err := store.HoldRemovals(opened)
	require.NoError(t, err)
	require.NoError(t, opened.DeletePrefix("acme:"))
	require.NoError(t, opened.SetWithTTL("acme:stored", "7", "", time.Minute))
	clock.Advance(time.Hour)
	expired, err := opened.PurgeExpired()
	require.NoError(t, err)
	assert.Equal(t, int64(1), expired)
	require.NoError(t, held.Release())
	assert.Equal(t, []string{"delete_group ", "delete_group ", "set 7", "expire 7"}, brief(changes(t, opened, "acme", 3100)))
}
