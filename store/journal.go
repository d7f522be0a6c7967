// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"fmt"

	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/journal"
)

// The methods of this file are for the journal: its entries and their delivery, its queries, and
// its archives.

// JournalConfiguration returns the endpoint for journal entries; the zero value without one.
func (store *Store) JournalConfiguration() JournalConfiguration { return store.Config().Journal }

// JournalConfigured reports whether journal entries wait for delivery to an endpoint.
func (store *Store) JournalConfigured() bool { return store.JournalConfiguration().EndpointURL != "" }

// CommitToJournal puts a point into the journal, outside every namespace, and returns it when
// it is on disk. NewJournalCommand lists the limits and errors.
//
//	entry, err := store.CommitToJournal("deploy", map[string]any{"seconds": 12.5}, map[string]string{"host": "a1"})
func (store *Store) CommitToJournal(measurement string, fields map[string]any, tags map[string]string) (JournalEntry, error) {
	return store.commitToJournal("", measurement, fields, tags)
}

// CommitToJournal is Store.CommitToJournal for the namespace: the point is delivered
// with the tag "namespace".
//
//	entry, err := scoped.CommitToJournal("deploy", map[string]any{"seconds": 12.5}, nil)
func (scoped *ScopedStore) CommitToJournal(measurement string, fields map[string]any, tags map[string]string) (JournalEntry, error) {
	return scoped.within().commitToJournal(scoped.Namespace(), measurement, fields, tags)
}

func (store *Store) commitToJournal(namespace, measurement string, fields map[string]any, tags map[string]string) (JournalEntry, error) {
	command, err := NewJournalCommand(namespace, measurement, fields, tags)
	err = cmp.Or(store.unusable(), err)
	var outcome Outcome
	if err == nil {
		outcome, err = store.execute(command)
	}
	if err != nil {
		return JournalEntry{}, fmt.Errorf("store.CommitToJournal: measurement %q: %w", measurement, err)
	}
	return journal.EntryOf(command, outcome), nil
}

// JournalNews returns a channel that has a token when there may be entries to deliver: after an
// open, a commit or a requeue. After receiving the token, read PendingJournal until it returns
// no entry.
func (store *Store) JournalNews() <-chan struct{} {
	if !store.opened() {
		return nil
	}
	return store.journal.Ready()
}

// JournalTotals returns the state of the whole journal, with the entries of every namespace and
// outside all. It does not wait for the store.
func (store *Store) JournalTotals() JournalStatus {
	if !store.opened() {
		return JournalStatus{}
	}
	return store.journal.Totals()
}

// PendingJournal returns the next entries to deliver, of at most 512 namespaces. Each namespace
// gives its oldest entries, first the requeued ones. If not all fit, each has a fair share, and a
// namespace whose entries were settled comes last. There are at most limit entries, in the order of
// their times. They take about bytes at most, as stored, but one entry may be larger. more tells
// that a bound was met.
//
//	entries, more, err := store.PendingJournal(5000, 4<<20)
func (store *Store) PendingJournal(limit, bytes int) (entries []JournalEntry, more bool, err error) {
	return store.pendingJournal("store.PendingJournal", limit, bytes, nil)
}

// PendingJournalOf is PendingJournal for the namespaces that wants names. The empty namespace has the
// entries outside every namespace.
//
//	entries, more, err := store.PendingJournalOf(5000, 4<<20, func(namespace string) bool { return namespace == "acme" })
func (store *Store) PendingJournalOf(limit, bytes int, wants func(namespace string) bool) (entries []JournalEntry, more bool, err error) {
	if wants == nil {
		return nil, false, fmt.Errorf("store.PendingJournalOf: %w: the function is nil", failure.ErrInvalidArgument)
	}
	return store.pendingJournal("store.PendingJournalOf", limit, bytes, wants)
}

func (store *Store) pendingJournal(method string, limit, bytes int, wants func(namespace string) bool) (entries []JournalEntry, more bool, err error) {
	pending := journal.NewPending(limit, bytes, wants)
	for more := true; more && err == nil; {
		more, err = askJournal(store, pending.Read)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", method, err)
	}
	return pending.Entries(), pending.Full(), nil
}

// SettleJournal records the outcome of entries that PendingJournal has returned: of all, or of
// the first ones of each namespace. A crash of the machine can undo it; the entries are then
// pending again. If an entry is not pending, or an entry of its namespace before it was left out,
// it changes nothing and returns ErrNotPending.
//
//	err := store.SettleJournal(entries, nil)
func (store *Store) SettleJournal(delivered []JournalEntry, rejected []JournalRejection) error {
	var err error
	if len(delivered)+len(rejected) > 0 {
		err = change(store, journal.SettleCommand{Delivered: delivered, Rejected: rejected})
	} else {
		err = store.unusable()
	}
	if err != nil {
		return fmt.Errorf("store.SettleJournal: %w", err)
	}
	return nil
}

// JournalStatus returns the state of the journal of a namespace. The empty namespace has the
// entries outside every namespace.
//
//	status, err := store.JournalStatus("acme")
func (store *Store) JournalStatus(namespace string) (JournalStatus, error) {
	status, err := askJournal(store, func(table *journal.Table) (JournalStatus, error) { return table.Status(namespace), nil })
	return status, namespaceError("store.JournalStatus", namespace, err)
}

// SubmitJournalStatus is JournalStatus without waiting. It calls done once, before
// SubmitJournalStatus returns or later from a goroutine of the store. done must not block.
func (store *Store) SubmitJournalStatus(namespace string, done func(JournalStatus, error)) {
	submitAskJournal(store, func(table *journal.Table) (JournalStatus, error) { return table.Status(namespace), nil }, done)
}

// JournalStatus is Store.JournalStatus of the namespace.
func (scoped *ScopedStore) JournalStatus() (JournalStatus, error) {
	return scoped.within().JournalStatus(scoped.Namespace())
}

// JournalRejected returns one page of entries that the endpoint has refused and nobody has
// requeued.
//
//	page, err := store.JournalRejected(store.JournalRejectedQuery{Namespace: "acme"})
func (store *Store) JournalRejected(query JournalRejectedQuery) (JournalRejectedPage, error) {
	page, err := askJournal(store, func(table *journal.Table) (JournalRejectedPage, error) { return table.Rejected(query) })
	return page, namespaceError("store.JournalRejected", query.Namespace, err)
}

// SubmitJournalRejected is JournalRejected without waiting. It calls done once, before
// SubmitJournalRejected returns or later from a goroutine of the store. done must not block.
func (store *Store) SubmitJournalRejected(query JournalRejectedQuery, done func(JournalRejectedPage, error)) {
	submitAskJournal(store, func(table *journal.Table) (JournalRejectedPage, error) { return table.Rejected(query) }, done)
}

// JournalRejected is Store.JournalRejected of the namespace, whatever query.Namespace says.
//
//	page, err := scoped.JournalRejected(store.JournalRejectedQuery{Limit: 100})
func (scoped *ScopedStore) JournalRejected(query JournalRejectedQuery) (JournalRejectedPage, error) {
	query.Namespace = scoped.Namespace()
	return scoped.within().JournalRejected(query)
}

// RequeueJournal makes refused entries pending again, as RequeueJournalCommand, and returns how
// many.
//
//	requeued, err := store.RequeueJournal("acme", nil)
func (store *Store) RequeueJournal(namespace string, entryIDs []int64) (int64, error) {
	outcome, err := store.execute(RequeueJournalCommand{Namespace: namespace, EntryIDs: entryIDs})
	return outcome.Requeued, namespaceError("store.RequeueJournal", namespace, err)
}

// RequeueJournal is Store.RequeueJournal in the namespace.
//
//	requeued, err := scoped.RequeueJournal(nil)
func (scoped *ScopedStore) RequeueJournal(entryIDs []int64) (int64, error) {
	return scoped.within().RequeueJournal(scoped.Namespace(), entryIDs)
}

// QueryJournal runs a query in Flux over the entries of the journal, of every namespace and
// outside all. It takes a part of Flux: from, one range, then filter, sort and limit, as often
// as wanted. They apply in the order of the text. An entry is one row, with the columns _time
// and _measurement, its tags and fields by name, and namespace if it has one. The bucket is the
// one of StoreConfig.Journal, or any if that names none. Archived entries are not found.
// docs/protocol.md has the grammar.
//
// It returns FluxError for any other text, TooLargeError for a text over MaxFluxBytes and for
// entries over MaxJournalQueryBytes, and ErrDeadlineExceeded after MaxJournalQueryTime. It
// returns ErrUnavailable if so many queries wait that its turn does not come within half a
// minute. Entries that are committed meanwhile may be found or not.
//
//	entries, err := store.QueryJournal(`from(bucket: "journal")
//		|> range(start: -24h)
//		|> filter(fn: (r) => r._measurement == "deploy" and r.seconds > 10.0)`)
func (store *Store) QueryJournal(flux string) ([]JournalEntry, error) {
	rows, err := store.queryJournal(JournalQuery{Flux: flux})
	if err != nil {
		err = fmt.Errorf("store.QueryJournal: %w", err)
	}
	return rows.Entries, err
}

// QueryJournalRows is QueryJournal for a part of the entries.
//
//	rows, err := store.QueryJournalRows(store.JournalQuery{Namespace: "acme", Flux: text, Limit: 100})
func (store *Store) QueryJournalRows(query JournalQuery) (JournalRows, error) {
	rows, err := store.queryJournal(query)
	if err != nil {
		err = fmt.Errorf("store.QueryJournalRows: %w", err)
	}
	return rows, err
}

// SubmitJournalQuery is QueryJournalRows without waiting. It calls done once, before
// SubmitJournalQuery returns or later from a goroutine of the store.
func (store *Store) SubmitJournalQuery(query JournalQuery, done func(JournalRows, error)) {
	submitBackground(store, func() (JournalRows, error) { return store.queryJournal(query) }, done)
}

// QueryJournal is Store.QueryJournal for the entries of the namespace, whatever the
// query says.
//
//	entries, err := scoped.QueryJournal(`from(bucket: "journal") |> range(start: -24h)`)
func (scoped *ScopedStore) QueryJournal(flux string) ([]JournalEntry, error) {
	rows, err := scoped.QueryJournalRows(JournalQuery{Flux: flux})
	return rows.Entries, err
}

// QueryJournalRows is Store.QueryJournalRows of the namespace, whatever query.Namespace
// says.
//
//	rows, err := scoped.QueryJournalRows(store.JournalQuery{Flux: text, Limit: 100})
func (scoped *ScopedStore) QueryJournalRows(query JournalQuery) (JournalRows, error) {
	query.Namespace = scoped.Namespace()
	return scoped.within().QueryJournalRows(query)
}

func (store *Store) queryJournal(query JournalQuery) (JournalRows, error) {
	if err := store.unusable(); err != nil {
		return JournalRows{}, err
	}
	return store.journalQueries.Run(query)
}

// Compact moves journal entries out of the database into a file, *.jsonl.gz or *.jsonl.zst,
// while reads and writes go on. It takes all entries that were committed before options.Before,
// with two exceptions: entries that the endpoint has refused, and entries that wait for
// delivery if StoreConfig.Journal names an endpoint. The file has one line of JSON for each
// entry. It is whole, on disk and read again before any entry is removed. If Compact fails, or
// the process ends, every entry is in the table or in an archive, and never in both.
//
// It returns ErrCompactionUnderway while another compaction runs, ErrInvalidCompaction for
// invalid options, and ErrUnavailable if the folder takes no file.
//
//	compaction, err := store.Compact(store.CompactOptions{Before: time.Now().AddDate(0, -1, 0), Output: "./data/archive"})
func (store *Store) Compact(options CompactOptions) (Compaction, error) {
	compaction, err := wait(func(done func(Compaction, error)) { store.SubmitCompact(options, done) })
	if err != nil {
		err = fmt.Errorf("store.Compact: %w", err)
	}
	return compaction, err
}

// SubmitCompact is Compact without waiting. It calls done once, before SubmitCompact returns or
// later from a goroutine of the store.
func (store *Store) SubmitCompact(options CompactOptions, done func(Compaction, error)) {
	if !store.opened() {
		fail(done, failure.ErrNeverOpened)
		return
	}
	submitAlone(store, &store.compacting, failure.ErrCompactionUnderway, func() (Compaction, error) { return store.compactor.Compact(options) }, done)
}

// VerifyArchive is the function VerifyArchive, and also compares the file with the record of
// this store's Compact. It returns ErrNotFound if this store has written no archive of that
// name, and ErrInvalidArchive if the file has changed.
//
//	content, err := opened.VerifyArchive("./data/archive/journal-20261101T000000Z-….jsonl.gz")
func (store *Store) VerifyArchive(path string) (archivefile.Content, error) {
	var content archivefile.Content
	err := store.unusable()
	if err == nil {
		content, err = store.compactor.Verify(path)
	}
	if err != nil {
		return archivefile.Content{}, fmt.Errorf("store.VerifyArchive: %s: %w", path, err)
	}
	return content, nil
}
