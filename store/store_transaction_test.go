// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestStoreTransaction_Transaction_Good(t *testing.T) {
	t.Run("SeesWhatItHasWritten", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		require.NoError(t, opened.Set("acme:g", "old", "1"))
		require.NoError(t, opened.Set("acme:g", "goes", "1"))
		require.NoError(t, opened.SetWithTTL("acme:g", "expired", "1", time.Second))
		clock.Advance(time.Second)
		require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
			require.NoError(t, transaction.Set("acme:g", "new", "2"))
			require.NoError(t, transaction.SetWithTTL("acme:g", "short", "3", time.Minute))
			require.NoError(t, transaction.Delete("acme:g", "goes"))
			value, err := transaction.Get("acme:g", "new")
			require.NoError(t, err)
			assert.Equal(t, "2", value)
			there, err := transaction.Exists("acme:g", "goes")
			require.NoError(t, err)
			assert.False(t, there)
			sum, err := transaction.Increment("acme:g", "old", 41)
			require.NoError(t, err)
			assert.Equal(t, int64(42), sum)
			revision, err := transaction.Touch("acme:g", "old", time.Hour)
			require.NoError(t, err)
			entry, err := transaction.GetEntry("acme:g", "old")
			require.NoError(t, err)
			assert.Equal(t, store.Entry{Group: "acme:g", Key: "old", Value: "42", Revision: revision, UpdatedAt: clock.Now(), ExpiresAt: clock.Now().Add(time.Hour)}, entry)
			revision, err = transaction.Update("acme:g", "old", "43", revision)
			require.NoError(t, err)
			require.NoError(t, transaction.DeleteAt("acme:g", "old", revision))
			_, err = transaction.Create("acme:g", "old", "44")
			require.NoError(t, err)
			all, err := transaction.GetAll("acme:g")
			require.NoError(t, err)
			assert.Equal(t, map[string]string{"new": "2", "short": "3", "old": "44"}, all)
			return nil
		}))
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"new": "2", "short": "3", "old": "44"}, all)
	})
	t.Run("AFailedOperationIsTheCallersAffair", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
			require.NoError(t, transaction.Set("acme:g", "a", "one"))
			_, err := transaction.Create("acme:g", "a", "2")
			require.EqualError(t, err, `store.StoreTransaction.Create: group "acme:g" key "a": group "acme:g" key "a" stands at revision 1, not 0`)
			_, err = transaction.Update("acme:g", "a", "2", 7)
			require.ErrorIs(t, err, store.ErrRevisionConflict)
			require.ErrorIs(t, transaction.DeleteAt("acme:g", "a", 7), store.ErrRevisionConflict)
			_, err = transaction.Get("acme:g", "b")
			require.EqualError(t, err, `store.StoreTransaction.Get: group "acme:g" key "b": not found`)
			_, err = transaction.GetEntry("acme:g", "b")
			require.ErrorIs(t, err, store.ErrNotFound)
			_, err = transaction.Touch("acme:g", "b", 0)
			require.ErrorIs(t, err, store.ErrNotFound)
			_, err = transaction.Increment("acme:g", "a", 1)
			require.ErrorIs(t, err, store.ErrNotANumber)
			require.ErrorIs(t, transaction.SetWithTTL("acme:g", "a", "2", 0), store.ErrInvalidTTL)
			return nil
		}))
		requireValue(t, opened, "a", "one")
		assert.Equal(t, []string{"set a"}, brief(changes(t, opened, "acme", 0)))
	})
	t.Run("SpansNamespaces", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Set("one:g", "before", ""))
		require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
			for _, group := range []string{"one:g", "two:g", "one:h", "two:h", "one:g", "unscoped"} {
				require.NoError(t, transaction.Set(group, "key", ""))
			}
			return nil
		}))
		for namespace, want := range map[string][2]uint64{"one": {2, 4}, "two": {1, 2}, "": {1, 1}} {
			for _, event := range changes(t, opened, namespace, want[0]-1) {
				assert.Equal(t, want, [2]uint64{event.TransactionFirst, event.TransactionLast}, namespace)
			}
		}
	})
	t.Run("TellsItsEventsAfterTheCommit", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		events := opened.Watch("*")
		returned := false
		var called []string
		defer opened.OnChange(func(event store.Event) {
			assert.True(t, returned)
			requireValue(t, opened, "b", "2")
			called = append(called, event.Key)
		})()
		require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
			require.NoError(t, transaction.Set("acme:g", "a", "1"))
			require.NoError(t, transaction.Set("acme:g", "b", "2"))
			assert.Empty(t, events)
			returned = true
			return nil
		}))
		assert.Equal(t, []string{"a", "b"}, called)
		assert.Equal(t, []string{"set a", "set b"}, brief(received(events)))
	})
	t.Run("OneThatOnlyReadsIsNoCommit", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		consumer := registerConsumer(t, opened)
		require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
			_, err := transaction.GetAll("acme:g")
			return err
		}))
		requireNothingNext(t, consumer)
	})
	t.Run("RunsAloneInItsTurn", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		release := store.Hold(opened)
		var running sync.WaitGroup
		var outcomes []uint64
		set := func() {
			running.Add(1)
			opened.Submit(store.IncrementCommand{Group: "acme:g", Key: "a", By: 1}, func(outcome store.Outcome, err error) {
				assert.NoError(t, err)
				outcomes = append(outcomes, outcome.Revision)
				running.Done()
			})
		}
		set()
		running.Go(func() {
			assert.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
				value, err := transaction.Get("acme:g", "a")
				assert.NoError(t, err)
				assert.Equal(t, "1", value, "what came before it, and nothing that came after")
				// Memory has the log at hand, and does not wait for the committer.
				assert.Equal(t, []string{"set a"}, brief(changes(t, opened, "acme", 0)), "what came before it is committed")
				return transaction.Set("acme:g", "b", "")
			}))
		})
		store.WaitForWrites(opened, 2)
		set()
		release()
		running.Wait()
		assert.Equal(t, []uint64{1, 3}, outcomes)
		assert.Equal(t, []string{"set a", "set b", "set a"}, brief(changes(t, opened, "acme", 0)))
	})
}

func TestStoreTransaction_Transaction_Bad(t *testing.T) {
	errCallers := errors.New("no apples left")
	t.Run("AnErrorTakesEverythingBack", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Set("acme:g", "a", "1"))
		events := opened.Watch("*")
		err := opened.Transaction(func(transaction *store.StoreTransaction) error {
			require.NoError(t, transaction.Set("acme:g", "a", "2"))
			require.NoError(t, transaction.Set("fresh:g", "a", "2"))
			return errCallers
		})
		require.EqualError(t, err, "store.Transaction: no apples left")
		require.ErrorIs(t, err, errCallers)
		requireValue(t, opened, "a", "1")
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, uint64(1), status.Namespaces)
		assert.Empty(t, events)
		require.NoError(t, opened.Set("acme:g", "b", ""))
		assert.Equal(t, uint64(2), revision(t, opened, "acme"))
	})
	t.Run("APanicTakesEverythingBack", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		assert.PanicsWithValue(t, "no apples left", func() {
			_ = opened.Transaction(func(transaction *store.StoreTransaction) error {
				require.NoError(t, transaction.Set("acme:g", "a", "2"))
				panic("no apples left")
			})
		})
		requireNoKey(t, opened, "a")
		setKeys(t, opened, "b")
	})
	t.Run("AGoroutineThatEndsTakesEverythingBack", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var running sync.WaitGroup
		running.Go(func() {
			_ = opened.Transaction(func(transaction *store.StoreTransaction) error {
				assert.NoError(t, transaction.Set("acme:g", "a", "2"))
				runtime.Goexit()
				return nil
			})
		})
		running.Wait()
		requireNoKey(t, opened, "a")
	})
	t.Run("UsedAfterItsEnd", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var kept *store.StoreTransaction
		for _, verdict := range []error{nil, errCallers} {
			require.ErrorIs(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
				kept = transaction
				return verdict
			}), verdict)
			require.ErrorIs(t, kept.Set("acme:g", "a", ""), store.ErrTransactionEnded)
			_, err := kept.Get("acme:g", "a")
			require.ErrorIs(t, err, store.ErrTransactionEnded)
			_, err = kept.Exists("acme:g", "a")
			require.ErrorIs(t, err, store.ErrTransactionEnded)
			_, err = kept.GetAll("acme:g")
			require.EqualError(t, err, `store.StoreTransaction.GetAll: group "acme:g" key "": transaction has ended`)
		}
		requireNoKey(t, opened, "a")
	})
	t.Run("TakesTooLong", func(t *testing.T) {
		for name, after := range map[string]error{"AndSucceeds": nil, "AndFails": errCallers} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					opened := openStore(t, store.StoreConfig{TransactionTimeout: time.Minute})
					begin := time.Now()
					err := opened.Transaction(func(transaction *store.StoreTransaction) error {
						require.NoError(t, transaction.Set("acme:g", "a", ""))
						<-time.After(2 * time.Minute)
						require.ErrorIs(t, transaction.Set("acme:g", "b", ""), store.ErrTransactionTimeout)
						return after
					})
					require.ErrorIs(t, err, store.ErrTransactionTimeout)
					require.ErrorContains(t, err, "transaction has taken too long: its time is 1m0s")
					if after != nil {
						require.ErrorIs(t, err, after)
					}
					assert.Equal(t, 2*time.Minute, time.Since(begin))
					requireNoKey(t, opened, "a")
					setKeys(t, opened, "c")
				})
			})
		}
	})
	t.Run("CallsTheStoreItself", func(t *testing.T) {
		for name, call := range map[string]func(opened *store.Store) error{
			"ToWrite": func(opened *store.Store) error { return opened.Set("acme:g", "b", "waited") },
			"ToRead": func(opened *store.Store) error {
				_, err := opened.GetAll("acme:g")
				return err
			},
			"ForAnother": func(opened *store.Store) error {
				return opened.Transaction(func(transaction *store.StoreTransaction) error { return transaction.Set("acme:g", "b", "waited") })
			},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					opened := openStore(t, store.StoreConfig{})
					begin := time.Now()
					err := opened.Transaction(func(transaction *store.StoreTransaction) error {
						require.NoError(t, transaction.Set("acme:g", "a", ""))
						return call(opened)
					})
					require.ErrorIs(t, err, store.ErrTransactionTimeout)
					assert.Equal(t, store.DefaultTransactionTimeout, time.Since(begin))
					requireNoKey(t, opened, "a")
				})
			})
		}
	})
	t.Run("NegativeTimeout", func(t *testing.T) {
		_, err := store.NewConfigured(store.StoreConfig{DatabasePath: store.MemoryDatabase, TransactionTimeout: -1})
		require.ErrorContains(t, err, "TransactionTimeout -1ns may not be negative")
	})
	t.Run("DiskIsFull", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, store.LeaveRoom(opened, 10))
		calls := 0
		err := opened.Transaction(func(transaction *store.StoreTransaction) error {
			calls++
			return transaction.Set("acme:g", "a", string(make([]byte, 1<<20)))
		})
		require.ErrorIs(t, err, store.ErrUnavailable)
		assert.Equal(t, 1, calls)
		requireNoKey(t, opened, "a")
		require.NoError(t, store.LeaveRoom(opened, -1))
	})
	t.Run("WritingHasStopped", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, store.OnCommit(opened, func(func() error) error { return errFsync }))
		err := opened.Transaction(func(transaction *store.StoreTransaction) error { return transaction.Set("acme:g", "a", "") })
		require.ErrorIs(t, err, store.ErrOutcomeUnknown)
		err = opened.Transaction(func(*store.StoreTransaction) error {
			t.Error("nothing is lent")
			return nil
		})
		require.ErrorIs(t, err, store.ErrUnavailable)
	})
}

func TestStoreTransaction_Transaction_Ugly(t *testing.T) {
	t.Run("CloseWaitsForIt", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		var closing sync.WaitGroup
		require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
			closing.Go(func() { assert.NoError(t, opened.Close()) })
			for !store.Closing(opened) {
				runtime.Gosched()
			}
			return transaction.Set("acme:g", "a", "1")
		}))
		closing.Wait()
		opened = openStore(t, config)
		requireValue(t, opened, "a", "1")
	})
	t.Run("ManyAtOnceLoseNothing", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		var running sync.WaitGroup
		for worker := range 8 {
			running.Go(func() {
				for round := range 20 {
					err := opened.Transaction(func(transaction *store.StoreTransaction) error {
						all, err := transaction.GetAll("acme:g")
						if err == nil {
							err = transaction.Set("acme:g", fmt.Sprintf("%03d", len(all)), "")
						}
						if err == nil && (worker+round)%4 == 0 {
							err = errUndo
						}
						return err
					})
					if !errors.Is(err, errUndo) {
						assert.NoError(t, err)
					}
					_, err = submit(opened, store.IncrementCommand{Group: "acme:h", Key: "sum", By: 1})
					assert.NoError(t, err)
				}
			})
		}
		running.Wait()
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Len(t, all, 8*20*3/4, "no two took the same place")
		sum, err := opened.Get("acme:h", "sum")
		require.NoError(t, err)
		assert.Equal(t, "160", sum)
	})
	t.Run("SharedByManyGoroutines", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
			var running sync.WaitGroup
			for range 8 {
				running.Go(func() {
					for range 25 {
						_, err := transaction.Increment("acme:g", "a", 1)
						assert.NoError(t, err)
					}
				})
			}
			running.Wait()
			return nil
		}))
		requireValue(t, opened, "a", "200")
	})
}
