// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"

	"dappco.re/go/storebus/journal"
	"dappco.re/go/storebus/store"
)

// journalQueue is the store as the delivery of the journal sees it.
type journalQueue struct {
	store *store.Store
}

// Pending is journal.Queue's.
func (queue journalQueue) Pending(limit, bytes int, wants func(namespace string) bool) ([]journal.Entry, bool, error) {
	pending, more, err := queue.store.PendingJournalOf(limit, bytes, wants)
	entries := make([]journal.Entry, len(pending))
	for index, entry := range pending {
		entries[index] = journal.Entry{
			ID: entry.EntryID, Namespace: entry.Namespace, Measurement: entry.Measurement, Fields: entry.Fields, Tags: entry.Tags, Time: entry.CommittedAt,
		}
	}
	return entries, more, err
}

// Settle is journal.Queue's.
func (queue journalQueue) Settle(delivered []journal.Entry, rejected []journal.Rejection) error {
	taken := make([]store.JournalEntry, len(delivered))
	for index := range delivered {
		taken[index] = settledEntry(&delivered[index])
	}
	refused := make([]store.JournalRejection, len(rejected))
	for index := range rejected {
		refused[index] = store.JournalRejection{
			JournalEntry: settledEntry(&rejected[index].Entry), RejectedAt: rejected[index].At, Status: rejected[index].Status, Reason: rejected[index].Reason,
		}
	}
	return queue.store.SettleJournal(taken, refused)
}

// settledEntry identifies an entry to the store.
func settledEntry(entry *journal.Entry) store.JournalEntry {
	return store.JournalEntry{EntryID: entry.ID, Namespace: entry.Namespace, CommittedAt: entry.Time}
}

// Waiting is journal.Queue's.
func (queue journalQueue) Waiting() int { return int(queue.store.JournalTotals().Pending) }

// News is journal.Queue's.
func (queue journalQueue) News() <-chan struct{} { return queue.store.JournalNews() }

// journalDelivery is the delivery as the service sees it.
type journalDelivery struct {
	delivery *journal.Delivery
}

// Endpoint is handler.Journal's.
func (journal journalDelivery) Endpoint() string { return journal.delivery.Status().Endpoint }

// LastError is handler.Journal's.
func (journal journalDelivery) LastError() (whole, brief string) {
	status := journal.delivery.Status()
	return status.LastError, status.Brief
}

// Flush is handler.Journal's.
func (journal journalDelivery) Flush(ctx context.Context) int {
	// A failure is in the status.
	outcome, _ := journal.delivery.Flush(ctx)
	return outcome.Delivered
}

// startJournal begins to deliver journal entries, if there is an endpoint. A store that is behind
// its mark delivers nothing: it could not note the delivered entries.
func (sidecar *Sidecar) startJournal(context.Context) error {
	settings := sidecar.config.Journal
	if settings.URL == "" {
		return nil
	}
	status, err := sidecar.store.Status()
	if err != nil || status.BehindMark {
		return err
	}
	sidecar.journal, err = journal.Start(journal.Config{
		Queue: journalQueue{sidecar.store}, URL: settings.URL, Organisation: settings.Organisation, Bucket: settings.Bucket,
		Token: settings.Token, TokenFile: settings.TokenFile, Logger: sidecar.config.Logger,
	})
	return err
}

// stopJournal delivers the pending entries. The next start delivers the rest.
func (sidecar *Sidecar) stopJournal(ctx context.Context) {
	if sidecar.journal == nil {
		return
	}
	if err := sidecar.journal.Stop(ctx); err != nil {
		sidecar.config.Logger.Warn("stopped with journal entries to deliver", "error", err)
	}
}
