// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
	"dappco.re/go/storebus/store"
)

// requirePages compares every page of a group with what GetAll has of it.
func requirePages(t *testing.T, opened *store.Store, group string, offsets ...int) {
	t.Helper()
	all, err := opened.GetAll(group)
	require.NoError(t, err)
	keys := slices.Sorted(maps.Keys(all))
	for _, offset := range offsets {
		page, err := opened.GetPage(group, offset, 3)
		require.NoError(t, err)
		want := []store.KeyValue{}
		for _, key := range keys[min(offset, len(keys)):min(offset+3, len(keys))] {
			want = append(want, store.KeyValue{Key: key, Value: all[key]})
		}
		require.Equal(t, want, page, "offset %d of %d keys", offset, len(keys))
	}
}

func upTo(count int) (numbers []int) {
	for number := range count {
		numbers = append(numbers, number)
	}
	return numbers
}

// TestOffset_GetPage_Good turns to every offset of groups that lie in the tables, in
// memory, and in both.
func TestOffset_GetPage_Good(t *testing.T) {
	testrun.SkipUnderDetector(t)
	for _, path := range []string{"", store.MemoryDatabase} {
		for _, pending := range []int{0, 1, 20, 64, 65, 700} {
			t.Run(fmt.Sprintf("%sWith%dPending", path, pending), func(t *testing.T) {
				opened := openStore(t, store.StoreConfig{DatabasePath: path})
				var stored []store.Command
				for index := range 300 {
					stored = append(stored, store.SetCommand{Group: "acme:g", Key: fmt.Sprintf("%04d", 3*index), Value: "stored"})
				}
				submitTogether(opened, stored...)
				require.NoError(t, store.Settle(opened))
				setIn(t, opened, "acme:f", "before")
				setIn(t, opened, "acme:h", "behind")
				var changed []store.Command
				for range pending {
					key := fmt.Sprintf("%04d", rand.IntN(1000))
					if rand.IntN(3) == 0 {
						changed = append(changed, store.DeleteCommand{Group: "acme:g", Key: key})
					} else {
						changed = append(changed, store.SetCommand{Group: "acme:g", Key: key, Value: "pending"})
					}
				}
				submitTogether(opened, changed...)
				requirePages(t, opened, "acme:g", upTo(1010)...)
			})
		}
	}
	t.Run("WhatIsSkippedIsNotRead", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		writeAll(t, opened, "acme:g", 10_000, 0)
		require.NoError(t, store.Settle(opened))
		allocations := testing.AllocsPerRun(10, func() {
			page, err := opened.GetPage("acme:g", 5000, 25)
			assert.NoError(t, err)
			assert.Len(t, page, 25)
		})
		assert.Less(t, allocations, 1000.0, "a fifth of what it is to see each key that is skipped")
	})
	t.Run("MoreThanIsSkippedAtOnce", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		writeAll(t, opened, "acme:g", 20_000, 0)
		require.NoError(t, store.Settle(opened))
		requirePages(t, opened, "acme:g", 16_383, 16_384, 16_385, 19_999, 20_000, 40_000)
	})
}

// TestOffset_GetPage_Ugly turns pages while some of what lies there does not count.
func TestOffset_GetPage_Ugly(t *testing.T) {
	for _, path := range []string{"", store.MemoryDatabase} {
		t.Run(path+"KeysAreDue", func(t *testing.T) {
			clock := newClock()
			opened := openStore(t, store.StoreConfig{DatabasePath: path, Clock: clock.Now})
			writeAll(t, opened, "acme:g", 1500, 0)
			for key := 100; key < 1500; key += 7 {
				require.NoError(t, opened.SetWithTTL("acme:g", fmt.Sprint(key), "due", time.Minute))
			}
			clock.Advance(time.Hour) // no timer tells the store
			requirePages(t, opened, "acme:g", 0, 50, 1000, 1295, 1299, 1300, 2000)
		})
		t.Run(path+"TheGroupWasDeleted", func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{DatabasePath: path})
			writeAll(t, opened, "acme:g", 1500, 0)
			require.NoError(t, store.Settle(opened))
			held, err := store.HoldRemovals(opened)
			require.NoError(t, err)
			require.NoError(t, opened.DeleteGroup("acme:g"))
			requirePages(t, opened, "acme:g", 0, 1, 1000)
			setIn(t, opened, "acme:g", "2", "3", "1000", "9999", "a", "b", "c")
			requirePages(t, opened, "acme:g", upTo(10)...)
			require.NoError(t, held.Release())
			requirePages(t, opened, "acme:g", upTo(10)...)
		})
	}
}
