// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/changelog"
)

// trimmingLog is a log of its own, which removes records from itself.
type trimmingLog struct {
	changelog.Log
	through []uint64
}

func (log *trimmingLog) Trim(through uint64) error {
	log.through = append(log.through, through)
	return nil
}

// TestRecords_Trim_Good has old sections go from the database although another log decides.
func TestRecords_Trim_Good(t *testing.T) {
	log := &trimmingLog{}
	opened := openStore(t, store.OverLog(store.StoreConfig{}, func(database changelog.Log) changelog.Log {
		log.Log = database
		return log
	}))
	for index := range 5 {
		require.NoError(t, opened.SetQuota("acme", store.Quota{MaxKeys: int64(index + 1)}))
	}
	require.NoError(t, store.RemoveSections(opened))
	assert.Equal(t, []uint64{5}, log.through)
	_, err := store.RecordsAfter(opened, 0)
	require.ErrorIs(t, err, changelog.ErrTrimmed)
}
