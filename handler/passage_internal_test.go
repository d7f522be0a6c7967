// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Those that waited leave nothing behind: the next request that meets it shut waits as long.
func TestPassage_Await_Good(t *testing.T) {
	const waiting = 8
	passage := newPassage(nil)
	results := make(chan error, waiting)
	for range waiting {
		go func() { results <- passage.await(t.Context()) }()
	}
	require.Eventually(t, func() bool {
		passage.mutex.Lock()
		defer passage.mutex.Unlock()
		return !passage.shutSince.IsZero()
	}, time.Minute, time.Millisecond)
	passage.open(certainty{at: time.Now()})
	for range waiting {
		require.NoError(t, <-results)
	}
	passage.mutex.Lock()
	defer passage.mutex.Unlock()
	assert.Zero(t, passage.shutSince)
}
