// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/changelog"
)

// keepingLog is a log of its own, which has records before the database does.
type keepingLog struct {
	changelog.Log
	records []changelog.Record
}

func (log *keepingLog) Append(record *changelog.Record, acknowledged func(error)) {
	log.records = append(log.records, *record)
	acknowledged(nil)
}

func (log *keepingLog) After(id uint64) ([]changelog.Record, error) { return log.records[id:], nil }

func (log *keepingLog) End() (id uint64, hash changelog.Hash) {
	last := len(log.records) - 1
	if last < 0 {
		return 0, 0
	}
	return log.records[last].ID, log.records[last].Hash()
}

// TestScriptedlog_Install_Bad has the database refuse a record that the log has for good. The
// next record must not get the same id, and the record comes into the database at the next start.
func TestScriptedlog_Install_Bad(t *testing.T) {
	kept := &keepingLog{}
	over := func(database changelog.Log) changelog.Log {
		kept.Log = database
		return kept
	}
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened, err := store.NewConfigured(store.OverLog(config, over))
	require.NoError(t, err)
	setKeys(t, opened, "a")
	full := diskFull(t)
	require.NoError(t, store.OnCommit(opened, func(func() error) error { return full }))
	for _, result := range submitTogether(opened, store.SetCommand{Group: "acme:g", Key: "b", Value: "value"}, store.SetCommand{Group: "acme:g", Key: "c", Value: "value"}) {
		require.ErrorIs(t, result.err, store.ErrOutcomeUnknown)
	}
	require.NoError(t, store.OnCommit(opened, func(commit func() error) error { return commit() }))
	require.ErrorIs(t, opened.Set("acme:g", "d", "value"), store.ErrUnavailable)
	require.ErrorIs(t, opened.SetQuota("acme", store.Quota{MaxKeys: 7}), store.ErrUnavailable)
	require.NoError(t, opened.Close())
	require.Len(t, kept.records, 2, "nothing is handed to the log while the database does not follow")
	for index := range kept.records {
		require.Equal(t, uint64(index+1), kept.records[index].ID)
	}

	opened, err = store.NewConfigured(store.OverLog(config, over))
	require.NoError(t, err)
	for _, key := range []string{"a", "b", "c"} {
		requireValue(t, opened, key, "value")
	}
	requireNoKey(t, opened, "d")
	setKeys(t, opened, "d")
	assert.Len(t, kept.records, 3)
	require.NoError(t, opened.Close())
}
