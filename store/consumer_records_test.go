// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestConsumer_Watermarks_Ugly has the watermark of a consumer move just before the
// consumer goes: the same commit could carry both.
func TestConsumer_Watermarks_Ugly(t *testing.T) {
	t.Run("ItsWatermarkHasMoved", func(t *testing.T) {
		clock := newClock()
		config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
		opened := openStore(t, config)
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "a")
		_, err := consumer.Next(t.Context())
		require.NoError(t, err)
		consumer.Acknowledge()
		clock.Advance(time.Minute)
		require.NoError(t, opened.UnregisterConsumer("publisher"))
		require.ErrorIs(t, opened.UnregisterConsumer("publisher"), store.ErrNotFound)
		_, err = consumer.Next(t.Context())
		require.ErrorIs(t, err, store.ErrNotFound)
		requireFollows(t, opened, t.TempDir())
		opened = reopen(t, opened, config)
		require.ErrorIs(t, opened.UnregisterConsumer("publisher"), store.ErrNotFound)
	})
	t.Run("TheCommitBehindIsSealedBefore", func(t *testing.T) {
		opened, log := openScripted(t)
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "a")
		_, err := consumer.Next(t.Context())
		require.NoError(t, err)
		consumer.Acknowledge()
		log.hold(true)
		unregistered := make(chan error, 1)
		go func() { unregistered <- opened.UnregisterConsumer("publisher") }()
		<-log.arrived
		answers := newAnswers()
		setLater(t, opened, log, answers, "b", nil)
		for _, record := range log.take() {
			record.acknowledged(nil)
		}
		log.hold(false)
		require.NoError(t, <-unregistered)
		require.NoError(t, <-answers.list)
		assert.ErrorIs(t, opened.UnregisterConsumer("publisher"), store.ErrNotFound)
	})
}

// TestConsumer_Idle_Good leaves a store alone with one consumer: the watermark is saved once.
func TestConsumer_Idle_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	consumer := registerConsumer(t, opened)
	setKeys(t, opened, "a")
	_, err := consumer.Next(t.Context())
	require.NoError(t, err)
	consumer.Acknowledge()
	for range 3 {
		require.NoError(t, store.KeepHouse(opened))
	}
	before, err := store.RecordsAfter(opened, 0)
	require.NoError(t, err)
	for range 10 {
		require.NoError(t, store.KeepHouse(opened))
	}
	after, err := store.RecordsAfter(opened, 0)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	requireNothingNext(t, consumer)
}
