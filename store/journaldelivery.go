// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/paging"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// journalRowsPerRead is how many entries one turn of the committer reads.
const journalRowsPerRead = 1000

// JournalRejection is an entry that the endpoint has refused.
type JournalRejection struct {
	JournalEntry
	RejectedAt time.Time
	// Status is the status of HTTP, 0 for an entry that was never sent.
	Status int
	Reason string
}

// JournalStatus is the state of the journal of a namespace.
type JournalStatus struct {
	JournalCounts
	// OldestPendingAt is the time of the oldest pending entry; the zero time if none is
	// pending.
	OldestPendingAt time.Time
}

// JournalNews returns a channel that has a token when there may be entries to deliver: after an
// open, a commit or a requeue. After receiving the token, read PendingJournal until it returns
// no entry.
func (store *Store) JournalNews() <-chan struct{} {
	if !store.opened() {
		return nil
	}
	return store.engine.journal.ready
}

// JournalTotals returns the state of the whole journal, with the entries of every namespace and
// outside all. It does not wait for the store.
func (store *Store) JournalTotals() JournalStatus {
	if !store.opened() {
		return JournalStatus{}
	}
	return *store.engine.journal.totals.Load()
}

// PendingJournal returns the next entries to deliver: first requeued entries, then the entries
// behind the settled ones, each in the order of their times. There are at most limit entries,
// and they take about bytes at most, as stored, but one entry may be larger. more tells that a
// bound was met.
//
//	entries, more, err := store.PendingJournal(5000, 4<<20)
func (store *Store) PendingJournal(limit, bytes int) (entries []JournalEntry, more bool, err error) {
	page := journalPage{limit: limit, bytes: bytes}
	for _, part := range []pendingRows{requeuedEntries, unsettledEntries} {
		page.begun = false
		for more := !page.full; more && err == nil; {
			more, err = askJournal(store, func(journal *journal) (bool, error) { return page.read(journal, part) })
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("store.PendingJournal: %w", err)
	}
	return page.entries(), page.full, nil
}

// journalPart is a part of the entries to deliver: the rows behind a time.
type pendingRows func(journal *journal) (rows *sqlite.Statement, after int64)

func requeuedEntries(journal *journal) (rows *sqlite.Statement, after int64) {
	return journal.selectRequeued, -1
}

func unsettledEntries(journal *journal) (rows *sqlite.Statement, after int64) {
	return journal.selectNext, journal.position
}

// journalPage are rows as they are read, up to a bound.
type journalPage struct {
	limit, bytes int
	rows         []journalRow
	full         bool
	// after is the time behind which to go on with a part, if begun.
	after int64
	begun bool
}

// read takes a share of a part, and reports whether there is more.
func (page *journalPage) read(journal *journal, part pendingRows) (more bool, err error) {
	rows, after := part(journal)
	if !page.begun {
		page.begun, page.after = true, after
	}
	before, share := len(page.rows), min(page.limit-len(page.rows), journalRowsPerRead)
	err = rows.Query(page.take, page.after, int64(share))
	if read := len(page.rows) - before; read > 0 {
		page.after = page.rows[len(page.rows)-1].committedAt
		more = read == share
	}
	return more && !page.full, err
}

func (page *journalPage) take(columns sqlite.Row) bool {
	row := journalRowOf(columns)
	if page.bytes -= row.bytes(); page.bytes < 0 && len(page.rows) > 0 {
		page.full = true
		return false
	}
	page.rows = append(page.rows, row)
	page.full = len(page.rows) == page.limit
	return !page.full
}

func journalRowOf(columns sqlite.Row) (row journalRow) {
	row.committedAt, row.entryID = columns.Signed(0), columns.Signed(1)
	row.namespace, row.measurement = columns.Text(2), columns.Text(3)
	row.fields, row.tags = columns.Text(4), columns.Text(5)
	return row
}

func (page *journalPage) entries() []JournalEntry {
	entries := make([]JournalEntry, len(page.rows))
	for index := range page.rows {
		entries[index] = page.rows[index].entry()
	}
	return entries
}

func (row *journalRow) entry() JournalEntry {
	return JournalEntry{
		EntryID: row.entryID, Namespace: row.namespace, Measurement: row.measurement,
		Fields: readFields(row.fields), Tags: readTags(row.tags), CommittedAt: time.Unix(0, row.committedAt).UTC(),
	}
}

// SettleJournal records the outcome of entries that PendingJournal has returned: of all, or of
// the first ones. A crash of the machine can undo it; the entries are then pending again. If an
// entry is not pending, or an entry before it was left out, it changes nothing and returns
// ErrNotPending.
//
//	err := store.SettleJournal(entries, nil)
func (store *Store) SettleJournal(delivered []JournalEntry, rejected []JournalRejection) error {
	var err error
	if len(delivered)+len(rejected) > 0 {
		err = change(store, settleCommand{delivered: delivered, rejected: rejected})
	} else {
		err = store.unusable()
	}
	if err != nil {
		return fmt.Errorf("store.SettleJournal: %w", err)
	}
	return nil
}

// refusal is the state of an entry that was refused. Its time is 0 if there is no such entry.
type refusal struct {
	entryID     int64
	namespace   string
	committedAt int64
	// requeued tells that the entry is to be sent again.
	requeued bool
}

// refusal returns the state of an entry of a namespace that was refused.
func (journal *journal) refusal(entryID int64, namespace string) (refusal, error) {
	found := refusal{entryID: entryID, namespace: namespace}
	err := journal.selectRefusal.Query(func(row sqlite.Row) bool {
		found.committedAt, found.requeued = row.Signed(0), row.Signed(1) == 1
		return false
	}, entryID, namespace)
	return found, err
}

// JournalStatus returns the state of the journal of a namespace. The empty namespace has the
// entries outside every namespace.
//
//	status, err := store.JournalStatus("acme")
func (store *Store) JournalStatus(namespace string) (JournalStatus, error) {
	status, err := askJournal(store, func(journal *journal) (JournalStatus, error) { return journal.status(namespace) })
	return status, namespaceError("store.JournalStatus", namespace, err)
}

// SubmitJournalStatus is JournalStatus without waiting. It calls done once, before
// SubmitJournalStatus returns or later from a goroutine of the store. done must not block.
func (store *Store) SubmitJournalStatus(namespace string, done func(JournalStatus, error)) {
	submitAskJournal(store, func(journal *journal) (JournalStatus, error) { return journal.status(namespace) }, done)
}

func (journal *journal) status(namespace string) (JournalStatus, error) {
	status := JournalStatus{JournalCounts: journal.counts[namespace]}
	if status.Pending == 0 {
		return status, nil
	}
	oldest, found, err := journal.oldestRequeued.Integer(namespace)
	if err == nil && !found {
		oldest, _, err = journal.oldestPending.Integer(namespace, journal.position)
	}
	status.OldestPendingAt = time.Unix(0, oldest).UTC()
	return status, err
}

// JournalRejectedQuery asks for the entries of a namespace that the endpoint has refused, in
// the order of their times.
//
//	store.JournalRejectedQuery{Namespace: "acme", Limit: 100}
type JournalRejectedQuery struct {
	Namespace string
	// After is the CommittedAt of the last entry before the page; the zero time is the
	// beginning.
	After time.Time
	// Limit is the largest number of entries; 0 is DefaultPageLimit.
	Limit int
	// Fits is as in ChangesQuery.
	Fits func(*JournalRejection) bool
}

// JournalRejectedPage is one page of refused entries.
type JournalRejectedPage struct {
	Entries []JournalRejection
	// Next is the After of the next page; the zero time on the last page.
	Next time.Time
}

// JournalRejected returns one page of entries that the endpoint has refused and nobody has
// requeued.
//
//	page, err := store.JournalRejected(store.JournalRejectedQuery{Namespace: "acme"})
func (store *Store) JournalRejected(query JournalRejectedQuery) (JournalRejectedPage, error) {
	page, err := askJournal(store, query.read)
	return page, namespaceError("store.JournalRejected", query.Namespace, err)
}

// SubmitJournalRejected is JournalRejected without waiting. It calls done once, before
// SubmitJournalRejected returns or later from a goroutine of the store. done must not block.
func (store *Store) SubmitJournalRejected(query JournalRejectedQuery, done func(JournalRejectedPage, error)) {
	submitAskJournal(store, query.read, done)
}

func (query JournalRejectedQuery) read(journal *journal) (page JournalRejectedPage, err error) {
	if err := paging.CheckLimit(query.Limit); err != nil {
		return page, err
	}
	after := int64(-1)
	if !query.After.IsZero() {
		after = query.After.UnixNano()
	}
	filling := paging.New(query.Limit, query.Fits)
	err = journal.selectRefused.Query(func(columns sqlite.Row) bool {
		row := journalRowOf(columns)
		return filling.Take(JournalRejection{
			JournalEntry: row.entry(), RejectedAt: time.Unix(0, columns.Signed(6)).UTC(), Status: int(columns.Signed(7)), Reason: columns.Text(8),
		})
	}, query.Namespace, after, int64(cmp.Or(query.Limit, DefaultPageLimit))+1)
	page.Entries = filling.Elements
	if filling.Full && len(page.Entries) == 0 {
		return page, fmt.Errorf("%w: the next entry does not fit a page", failure.ErrTooLarge)
	}
	if filling.Full {
		page.Next = page.Entries[len(page.Entries)-1].CommittedAt
	}
	return page, err
}

// RequeueJournalCommand makes refused entries of a namespace pending again: the entries of
// EntryIDs, or all refused entries if EntryIDs is nil. Entries that were not refused are left
// alone.
//
//	store.RequeueJournalCommand{Namespace: "acme", EntryIDs: []int64{17}}
type RequeueJournalCommand struct {
	Namespace string
	EntryIDs  []int64
}

// RequeueJournal makes refused entries pending again, as RequeueJournalCommand, and returns how
// many.
//
//	requeued, err := store.RequeueJournal("acme", nil)
func (store *Store) RequeueJournal(namespace string, entryIDs []int64) (int64, error) {
	outcome, err := store.execute(RequeueJournalCommand{Namespace: namespace, EntryIDs: entryIDs})
	return outcome.Requeued, namespaceError("store.RequeueJournal", namespace, err)
}

// Apply implements Command.
func (command RequeueJournalCommand) Apply(batch *batch.Batch, _ batch.Origin) (outcome Outcome, err error) {
	if command.EntryIDs == nil {
		rejected := countsIn(batch, command.Namespace).Rejected
		requeue(batch, requeuing{namespace: command.Namespace, count: rejected})
		return Outcome{Requeued: rejected}, nil
	}
	found := make(map[int64]bool, len(command.EntryIDs))
	for _, entryID := range command.EntryIDs {
		refused, err := refusalIn(batch, entryID, command.Namespace)
		if err != nil {
			return Outcome{}, err
		}
		if refused.committedAt != 0 && !refused.requeued {
			found[entryID] = true
		}
	}
	for entryID := range found {
		requeue(batch, requeuing{namespace: command.Namespace, entryID: entryID, count: 1})
	}
	return Outcome{Requeued: int64(len(found))}, nil
}

// Groups implements Command.
func (command RequeueJournalCommand) Groups() []string { return nil }

func requeue(batch *batch.Batch, requeued requeuing) {
	if requeued.count > 0 {
		journalIn.In(batch).step(&requeued)
	}
}

// refusalIn returns the state of an entry that was refused, as the batch leaves it.
func refusalIn(batch *batch.Batch, entryID int64, namespace string) (refused refusal, err error) {
	if below := batch.Below(); below != nil {
		refused, err = refusalIn(below, entryID, namespace)
	} else {
		refused, err = journalIn.Table(batch.Tables()).refusal(entryID, namespace)
	}
	for _, step := range journalIn.Of(batch).steps {
		step.amend(&refused)
	}
	return refused, err
}

// countsIn returns the counts of a namespace after the batch.
func countsIn(batch *batch.Batch, namespace string) JournalCounts {
	counts := journalIn.Table(batch.Tables()).counts[namespace]
	for ; batch != nil; batch = batch.Below() {
		counts.add(journalIn.Of(batch).counts()[namespace])
	}
	return counts
}

// positionIn returns the position of the delivery after the batch.
func positionIn(batch *batch.Batch) int64 {
	position := journalIn.Table(batch.Tables()).position
	if below := batch.Below(); below != nil {
		position = positionIn(below)
	}
	for _, step := range journalIn.Of(batch).steps {
		position = step.position(position)
	}
	return position
}
