// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// setTogether has many writes wait for the committer at once.
func setTogether(t *testing.T, opened *store.Store, count int) {
	t.Helper()
	var writing sync.WaitGroup
	writing.Add(count)
	for number := range count {
		opened.Submit(store.SetCommand{Group: "acme:config", Key: fmt.Sprintf("key %d", number), Value: "dark"}, func(_ store.Outcome, err error) {
			assert.NoError(t, err)
			writing.Done()
		})
	}
	writing.Wait()
}

func TestFigures_Figures_Good(t *testing.T) {
	t.Run("CountsCommitsSyncsAndWrites", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)})
		before := opened.Figures()
		for range 3 {
			require.NoError(t, opened.Set("acme:config", "theme", "dark"))
		}
		setTogether(t, opened, 5_000)
		require.Eventually(t, func() bool {
			status, err := opened.Status()
			return err == nil && status.PendingMaterialisation == 0
		}, time.Minute, time.Millisecond)
		figures := opened.Figures()
		assert.Equal(t, uint64(5_003), figures.BatchSizes.Sum, "each write is in one batch")
		assert.GreaterOrEqual(t, figures.BatchSizes.AtMost(1)[0], uint64(3), "those that came alone")
		assert.Less(t, figures.Commits.Count, uint64(5_003), "the others went together")
		assert.Equal(t, figures.Commits.Count, figures.BatchSizes.Count)
		assert.Equal(t, figures.Commits.Count, figures.Syncs.Count-before.Syncs.Count, "what the log can make again waits for no disk")
		assert.Less(t, figures.Syncs.Sum-before.Syncs.Sum, figures.Commits.Sum)
		assert.Equal(t, []uint64{0, figures.Commits.Count}, figures.Commits.AtMost(0, uint64(time.Hour)))
		assert.Positive(t, figures.DatabaseBytes)
		assert.Positive(t, *figures.DiskFreeBytes)
		percentiles := figures.Commits.Percentiles(0.5, 1)
		assert.Positive(t, percentiles[0])
		assert.LessOrEqual(t, percentiles[0], percentiles[1])
		assert.Equal(t, []uint64{0, figures.Commits.Count}, figures.Commits.AtMost(0, percentiles[1]))
	})
	t.Run("WithoutFullDurabilityNoWriteWaitsForTheDisk", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: databasePath(t), Durability: store.DurabilityRelaxed})
		require.NoError(t, opened.Set("acme:config", "theme", "dark"))
		assert.Zero(t, opened.Figures().Syncs.Count)
		assert.Positive(t, opened.Figures().WriteAheadLogBytes)
	})
	t.Run("CountsWhatHasExpired", func(t *testing.T) {
		clock := newClock()
		opened := openStore(t, store.StoreConfig{Clock: clock.Now})
		require.NoError(t, opened.SetWithTTL("acme:config", "short", "", time.Minute))
		clock.Advance(time.Hour)
		_, err := opened.PurgeExpired()
		require.NoError(t, err)
		assert.Equal(t, int64(1), opened.Figures().Expired)
	})
	t.Run("InMemoryThereAreNoFiles", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		require.NoError(t, opened.Set("acme:config", "theme", "dark"))
		figures := opened.Figures()
		assert.Zero(t, figures.DatabaseBytes+figures.WriteAheadLogBytes)
		assert.Nil(t, figures.DiskFreeBytes)
		assert.Equal(t, uint64(1), figures.Commits.Count)
	})
}

func TestFigures_Figures_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)})
	assert.Error(t, opened.DeleteAt("acme:config", "absent", 7))
	assert.Zero(t, opened.Figures().Commits.Count, "what has changed nothing is no commit")
	require.NoError(t, opened.Close())
	assert.Positive(t, opened.Figures().DatabaseBytes, "a closed store tells as well")
	for _, none := range []*store.Store{nil, {}} {
		figures := none.Figures()
		assert.Zero(t, figures.DatabaseBytes+figures.Expired)
		assert.Equal(t, []uint64{0}, figures.Commits.AtMost(1))
		assert.Equal(t, []uint64{0}, figures.Commits.Percentiles(0.5))
	}
}
