// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"runtime"
	"sync"
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
	assert.Zero(t, count, "what cannot be written is absent all the same")
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

// TestExpiry_Realms_Ugly has far more come due in one namespace than in others: who asks
// or writes there does not wait for it, and what is due there does not count.
func TestExpiry_Realms_Ugly(t *testing.T) {
	t.Parallel()
	const many = 6000
	for name, settled := range map[string]bool{"InTheTables": true, "Pending": false} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
			for range 2 { // A submission of more than a batch takes two.
				writeAll(t, opened, "aaa:g", many, time.Minute)
			}
			groups := []string{"acme:g", "config", "events:g", "a\x00\xff:g"}
			for _, group := range append(groups, "tenant:g", "deleted") {
				writeAll(t, opened, group, 3, time.Minute)
				setIn(t, opened, group, "stays")
			}
			require.NoError(t, opened.SetQuota("tenant", store.Quota{MaxKeys: 4}))
			if settled {
				require.NoError(t, store.Settle(opened))
			}
			consumer := registerConsumer(t, opened)
			release := store.Hold(opened)
			clock.Advance(time.Hour)
			var order []string
			var waiting sync.WaitGroup
			counted := func(name string, want int64) func(store.KeyCount, error) {
				waiting.Add(1)
				return func(count store.KeyCount, err error) {
					assert.NoError(t, err)
					assert.Equal(t, want, count.Keys, name)
					order = append(order, name)
					waiting.Done()
				}
			}
			opened.SubmitCount(store.CountQuery{Prefix: "aaa:"}, counted("aaa:", 0))
			for _, group := range groups {
				opened.SubmitCount(store.CountQuery{Group: &group}, counted(group, 1))
			}
			waiting.Add(2)
			opened.Submit(store.DeleteGroupCommand{Group: "deleted"}, func(outcome store.Outcome, err error) {
				assert.NoError(t, err)
				assert.Equal(t, int64(1), outcome.DeletedKeys)
				waiting.Done()
			})
			opened.Submit(store.SetCommand{Group: "tenant:g", Key: "new"}, func(_ store.Outcome, err error) {
				assert.NoError(t, err)
				waiting.Done()
			})
			release()
			waiting.Wait()
			assert.ElementsMatch(t, append(groups, "aaa:"), order)
			assert.Equal(t, "aaa:", order[len(order)-1])
			requireBeforeExpiries(t, consumer, 3*512)
		})
	}
}

// requireBeforeExpiries checks that a set and a delete_group are logged before more than
// so many expiries are.
func requireBeforeExpiries(t *testing.T, consumer *store.Consumer, most int) {
	t.Helper()
	for expired, found := 0, 0; found < 2; {
		commits, err := consumer.Next(t.Context())
		require.NoError(t, err)
		for _, commit := range commits {
			for _, event := range commit.Events {
				if event.Type == store.EventExpire {
					expired++
				} else if found++; found <= 2 {
					assert.LessOrEqual(t, expired, most, event.Type)
				}
			}
		}
	}
}

// TestExpiry_Order_Ugly has writes wait for expiries: those that name a group of them
// keep their order, the others go on.
func TestExpiry_Order_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
	writeAll(t, opened, "acme:g", 3000, time.Minute)
	release := store.Hold(opened)
	clock.Advance(time.Hour)
	var waiting sync.WaitGroup
	send := func(command store.Command) {
		waiting.Add(1)
		opened.Submit(command, func(_ store.Outcome, err error) {
			assert.NoError(t, err)
			waiting.Done()
		})
	}
	send(store.SetCommand{Group: "acme:g", Key: "a", Value: "0"})
	send(store.TransactionCommand{Namespace: "acme", Then: []store.Command{
		store.DeleteGroupCommand{Group: "acme:g"}, store.SetCommand{Group: "acme:g", Key: "a", Value: "1"},
	}})
	send(store.SetCommand{Group: "acme:g", Key: "a", Value: "2"})
	send(store.SetCommand{Group: "acme:h", Key: "passes"})
	send(store.TransactionCommand{Namespace: "acme", Then: []store.Command{
		store.SetCommand{Group: "acme:i", Key: "behind"}, store.SetCommand{Group: "acme:g", Key: "a", Value: "3"},
	}})
	send(store.SetCommand{Group: "acme:i", Key: "last"})
	release()
	waiting.Wait()
	var order []string
	for _, event := range changes(t, opened, "acme", 3000) {
		if event.Type != store.EventExpire {
			order = append(order, event.Type.String()+" "+event.Key+event.Value)
		}
	}
	assert.Equal(t, []string{"set a0", "set passes", "delete_group ", "set a1", "set a2", "set behind", "set a3", "set last"}, order)
}

// TestExpiry_Close_Ugly closes a store while a question and a write wait.
func TestExpiry_Close_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
	writeAll(t, opened, "acme:g", 3000, time.Minute)
	setIn(t, opened, "acme:g", "stays")
	release := store.Hold(opened)
	clock.Advance(time.Hour)
	counted, deleted := make(chan int64, 1), make(chan int64, 1)
	opened.SubmitCount(store.CountQuery{Prefix: "acme:"}, func(count store.KeyCount, err error) {
		assert.NoError(t, err)
		counted <- count.Keys
	})
	opened.Submit(store.DeleteGroupCommand{Group: "acme:g"}, func(outcome store.Outcome, err error) {
		assert.NoError(t, err)
		deleted <- outcome.DeletedKeys
	})
	var closing sync.WaitGroup
	closing.Go(func() { assert.NoError(t, opened.Close()) })
	for !store.Closing(opened) {
		runtime.Gosched()
	}
	release()
	closing.Wait()
	assert.Equal(t, []int64{1, 1}, []int64{<-counted, <-deleted})
}

// TestExpiry_Stopped_Ugly has the disk fail while a question and a write wait.
func TestExpiry_Stopped_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	writeAll(t, opened, "acme:g", 3000, time.Minute)
	commits := 0
	require.NoError(t, store.OnCommit(opened, func(commit func() error) error {
		if commits++; commits > 3 {
			return errFsync
		}
		return commit()
	}))
	release := store.Hold(opened)
	clock.Advance(time.Hour)
	counted, deleted := make(chan int64, 1), make(chan error, 1)
	opened.SubmitCount(store.CountQuery{Prefix: "acme:"}, func(count store.KeyCount, err error) {
		assert.NoError(t, err)
		counted <- count.Keys
	})
	opened.Submit(store.DeleteGroupCommand{Group: "acme:g"}, func(_ store.Outcome, err error) { deleted <- err })
	release()
	err := <-deleted
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NotErrorIs(t, err, store.ErrOutcomeUnknown, "the write itself has changed nothing")
	assert.Zero(t, <-counted, "what cannot expire is absent all the same")
	count, err := opened.Count("acme:g")
	require.NoError(t, err)
	assert.Zero(t, count)
}
