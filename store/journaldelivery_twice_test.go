// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestJournaldelivery_Twice_Bad settles a requeued entry twice in one call. The second outcome
// is of an entry that is no longer pending.
func TestJournaldelivery_Twice_Bad(t *testing.T) {
	for name, settle := range map[string]func(entry store.JournalEntry) ([]store.JournalEntry, []store.JournalRejection){
		"Delivered": func(entry store.JournalEntry) ([]store.JournalEntry, []store.JournalRejection) {
			return []store.JournalEntry{entry, entry}, nil
		},
		"Refused": func(entry store.JournalEntry) ([]store.JournalEntry, []store.JournalRejection) {
			return nil, []store.JournalRejection{{JournalEntry: entry}, {JournalEntry: entry}}
		},
		"DeliveredAndRefused": func(entry store.JournalEntry) ([]store.JournalEntry, []store.JournalRejection) {
			return []store.JournalEntry{entry}, []store.JournalRejection{{JournalEntry: entry}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			opened := openStore(t, store.StoreConfig{})
			for range 2 {
				_, err := opened.CommitToJournal("deploy", map[string]any{"seconds": 1.5}, nil)
				require.NoError(t, err)
			}
			settleJournal(t, opened, 2, 1)
			_, err := opened.RequeueJournal("", nil)
			require.NoError(t, err)
			pending, _, err := opened.PendingJournal(10, 1<<20)
			require.NoError(t, err)
			require.Len(t, pending, 1)
			require.ErrorIs(t, opened.SettleJournal(settle(pending[0])), store.ErrNotPending)
			requireCounts(t, opened, "", 1, 1, 0)
			require.NoError(t, opened.SettleJournal(pending, nil))
			requireCounts(t, opened, "", 0, 2, 0)
		})
	}
}
