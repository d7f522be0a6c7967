// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// submitMany carries out so many sets of a group, in batches of many.
func submitMany(t *testing.T, opened *store.Store, group string, count int, value string) {
	t.Helper()
	for count > 0 {
		commands := make([]store.Command, min(count, 500))
		for index := range commands {
			commands[index] = store.SetCommand{Group: group, Key: fmt.Sprint(index % 100), Value: value}
		}
		for _, result := range submitTogether(opened, commands...) {
			require.NoError(t, result.err)
		}
		count -= len(commands)
	}
}

func TestFairRetention_Trim_Good(t *testing.T) {
	t.Run("WhoWritesMuchTakesNothingFromOthers", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed, Retention: store.Retention{Count: 2000}}
		opened := openStore(t, config)
		submitMany(t, opened, "small:g", 50, "value")
		submitMany(t, opened, "large:g", 10_000, "value")
		require.NoError(t, store.Settle(opened))
		for range 2 {
			oldest, events := retained(t, opened, "small")
			assert.Equal(t, uint64(1), oldest)
			assert.Len(t, events, 50)
			oldest, events = retained(t, opened, "large")
			assert.LessOrEqual(t, len(events), 1950)
			assert.Greater(t, len(events), 1400)
			_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "large", After: oldest - 2})
			require.ErrorIs(t, err, store.ErrCompacted)
			opened = reopen(t, opened, config)
		}
	})
	t.Run("WhoWritesLargeValuesTakesNothingFromOthers", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, Retention: store.Retention{Bytes: 1 << 20}})
		submitMany(t, opened, "small:g", 50, "value")
		submitMany(t, opened, "large:g", 500, strings.Repeat("x", 10_000))
		require.NoError(t, opened.Set("large:g", "last", ""))
		require.NoError(t, store.Settle(opened))
		oldest, events := retained(t, opened, "small")
		assert.Equal(t, uint64(1), oldest)
		assert.Len(t, events, 50)
	})
	t.Run("ManyShareAlike", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, Retention: store.Retention{Count: 1000}})
		for range 40 {
			for namespace := range 40 {
				require.NoError(t, opened.Set(fmt.Sprintf("tenant%d:g", namespace), "key", ""))
			}
		}
		require.NoError(t, store.Settle(opened))
		total := 0
		for namespace := range 40 {
			_, events := retained(t, opened, fmt.Sprintf("tenant%d", namespace))
			assert.GreaterOrEqual(t, len(events), 24)
			total += len(events)
		}
		assert.LessOrEqual(t, total, 1000)
	})
	t.Run("OldChangesGoWhoeverMadeThem", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed, Retention: store.Retention{Age: time.Hour, Count: 100}})
		submitMany(t, opened, "small:g", 5, "")
		submitMany(t, opened, "large:g", 500, "")
		clock.Advance(2 * time.Hour)
		submitMany(t, opened, "other:g", 1, "")
		require.NoError(t, store.KeepHouse(opened))
		require.NoError(t, store.Settle(opened))
		oldest, _ := retained(t, opened, "small")
		assert.Equal(t, uint64(6), oldest)
	})
}

func TestFairRetention_Trim_Ugly(t *testing.T) {
	t.Run("CommitsOfSeveralAreThinned", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed, Retention: store.Retention{Bytes: 200_000}}
		opened := openStore(t, config)
		for round := range 60 {
			// Each tenant is in many commits, with changes of its own size.
			var commands []store.Command
			for tenant := range 8 {
				if round%(tenant+1) == 0 {
					commands = append(commands, store.SetCommand{Group: fmt.Sprintf("tenant%d:g", tenant), Key: fmt.Sprint(round), Value: strings.Repeat("x", 300*(8-tenant))})
				}
			}
			for _, result := range submitTogether(opened, commands...) {
				require.NoError(t, result.err)
			}
			require.NoError(t, store.Settle(opened))
		}
		submitMany(t, opened, "tenant0:g", 1, "")
		require.NoError(t, store.Settle(opened))
		for range 2 {
			for tenant := range 8 {
				name := fmt.Sprintf("tenant%d", tenant)
				oldest, events := retained(t, opened, name)
				require.NotEmpty(t, events)
				for index, event := range events {
					require.Equal(t, oldest+uint64(index), event.Revision)
				}
				if size := 300 * (8 - tenant); oldest > 1 {
					assert.Greater(t, len(events)*size, 200_000/8/2, "%s keeps its share", name)
				}
			}
			opened = reopen(t, opened, config)
		}
		require.NoError(t, opened.Close())
		raw := openRaw(t, config.DatabasePath)
		defer raw.Close()
		var bytes, thinned int
		require.NoError(t, raw.QueryRow("SELECT sum(octet_length(changes)), (SELECT count(*) FROM commits_thinned) FROM commits").Scan(&bytes, &thinned))
		assert.LessOrEqual(t, bytes, 200_000)
	})
	t.Run("WhatAConsumerHasNotHadCostsOthersNothing", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, Retention: store.Retention{Count: 100}})
		submitMany(t, opened, "small:g", 30, "")
		consumer := registerConsumer(t, opened)
		submitMany(t, opened, "large:g", 60, "")
		submitMany(t, opened, "large:g", 90, "")
		require.NoError(t, store.Settle(opened))
		_, events := retained(t, opened, "small")
		assert.Len(t, events, 30, "its share is 50")
		_, events = retained(t, opened, "large")
		assert.Len(t, events, 150)
		next(t, consumer, 150)
		consumer.Acknowledge()
		submitMany(t, opened, "large:g", 1, "")
		require.NoError(t, store.Settle(opened))
		_, events = retained(t, opened, "small")
		assert.Len(t, events, 30)
		_, events = retained(t, opened, "large")
		assert.Len(t, events, 1, "a commit goes as a whole")
	})
	t.Run("NoneIsForgottenByAKill", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Retention: store.Retention{Count: 100}}
		opened := openStore(t, config)
		submitMany(t, opened, "small:g", 10, "")
		for range 5 {
			submitMany(t, opened, "large:g", 60, "")
			require.NoError(t, store.Settle(opened))
			config.DatabasePath = crashCopy(t, opened, config.DatabasePath)
			require.NoError(t, opened.Close())
			opened = openStore(t, config)
			oldest, events := retained(t, opened, "small")
			assert.Equal(t, uint64(1), oldest)
			assert.Len(t, events, 10)
			_, events = retained(t, opened, "large")
			assert.Len(t, events, 60)
		}
	})
}
