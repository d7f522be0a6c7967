// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// Reads that memory answers see a commit wholly or not at all.
func TestHot_Read_Ugly(t *testing.T) {
	const keys, rounds = 1000, 20
	opened := openStore(t, store.StoreConfig{})
	var last atomic.Int64
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for round := range rounds {
			writeRound(opened, round, keys)
			last.Store(int64(round))
		}
	}()
	for last.Load() < rounds-1 {
		later := readRound(t, opened, keys-1)
		require.GreaterOrEqual(t, readRound(t, opened, 0), later, "the first key of a batch, read after its last")
	}
	<-finished
}

// writeRound sets every key once, from the first to the last, and waits for all.
func writeRound(opened *store.Store, round, keys int) {
	var written sync.WaitGroup
	for key := range keys {
		written.Add(1)
		opened.Submit(store.SetCommand{Group: "acme:config", Key: strconv.Itoa(key), Value: strconv.Itoa(round)},
			func(store.Outcome, error) { written.Done() })
	}
	written.Wait()
}

// readRound returns the round that a key was last set in, -1 before the first.
func readRound(t *testing.T, opened *store.Store, key int) int {
	t.Helper()
	text, err := opened.Get("acme:config", strconv.Itoa(key))
	if errors.Is(err, store.ErrNotFound) {
		return -1
	}
	require.NoError(t, err)
	round, err := strconv.Atoi(text)
	require.NoError(t, err)
	return round
}
