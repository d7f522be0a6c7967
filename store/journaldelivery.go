// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
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
	return store.committer.tables.journal.news
}

// JournalTotals returns the state of the whole journal, with the entries of every namespace and
// outside all. It does not wait for the store.
func (store *Store) JournalTotals() JournalStatus {
	if !store.opened() {
		return JournalStatus{}
	}
	return *store.committer.tables.journal.totals.Load()
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
	_, err := ask(store, func(*state.View) (struct{}, error) {
		return struct{}{}, store.committer.settleJournal(delivered, rejected)
	})
	if err != nil {
		return fmt.Errorf("store.SettleJournal: %w", err)
	}
	return nil
}

func (committer *committer) settleJournal(delivered []JournalEntry, rejected []JournalRejection) error {
	if len(delivered)+len(rejected) == 0 {
		return nil
	}
	settling := &settling{journal: committer.tables.journal, position: committer.tables.journal.position, counts: map[string]JournalCounts{}}
	err := committer.unsynced(func() error { return settling.write(delivered, rejected) })
	switch {
	case errors.Is(err, kv.ErrNotPending):
		return err
	case err != nil:
		return writeFailure(err)
	}
	settling.journal.position, settling.journal.oldest = settling.position, settling.oldest
	settling.journal.addCounts(settling.counts)
	settling.journal.show()
	return nil
}

// settling has the changes of SettleJournal.
type settling struct {
	journal  *journal
	position int64
	// advanced counts the entries that lie behind the position as it was.
	advanced int64
	counts   map[string]JournalCounts
	// oldest is the time of the oldest entry that is pending afterwards.
	oldest int64
}

func (settling *settling) write(delivered []JournalEntry, rejected []JournalRejection) error {
	for index := range delivered {
		if err := settling.deliver(&delivered[index]); err != nil {
			return err
		}
	}
	for index := range rejected {
		if err := settling.reject(&rejected[index]); err != nil {
			return err
		}
	}
	passed, _, err := settling.journal.countBetween.Integer(settling.journal.position, settling.position)
	if err == nil && passed != settling.advanced {
		err = fmt.Errorf("%w: %d entries would be passed over", kv.ErrNotPending, passed-settling.advanced)
	}
	if err == nil {
		err = settling.journal.savePosition.Execute(settling.position)
	}
	if err == nil {
		settling.oldest, err = settling.journal.oldestBehind(settling.position)
	}
	if err != nil {
		return err
	}
	return settling.journal.saveCounts(settling.counts)
}

func (settling *settling) deliver(entry *JournalEntry) error {
	settling.add(entry, JournalCounts{Pending: -1, Delivered: 1})
	requeued, err := settling.advance(entry)
	if err == nil && requeued {
		err = settling.journal.deleteRefusal.Execute(entry.CommittedAt.UnixNano())
	}
	return err
}

func (settling *settling) reject(rejection *JournalRejection) error {
	settling.add(&rejection.JournalEntry, JournalCounts{Pending: -1, Rejected: 1})
	if _, err := settling.advance(&rejection.JournalEntry); err != nil {
		return err
	}
	return settling.journal.insertRefusal.Execute(rejection.CommittedAt.UnixNano(), rejection.EntryID, rejection.Namespace,
		rejection.RejectedAt.UnixNano(), int64(rejection.Status), rejection.Reason)
}

// advance moves the position to an entry, unless the entry was requeued.
func (settling *settling) advance(entry *JournalEntry) (requeued bool, err error) {
	committedAt := entry.CommittedAt.UnixNano()
	if committedAt > settling.journal.position {
		settling.position = max(settling.position, committedAt)
		settling.advanced++
		return false, nil
	}
	at, requeued, err := settling.journal.refusal(entry.EntryID, entry.Namespace)
	if err == nil && (!requeued || at != committedAt) {
		err = fmt.Errorf("%w: entry %d", kv.ErrNotPending, entry.EntryID)
	}
	return requeued, err
}

func (settling *settling) add(entry *JournalEntry, more JournalCounts) {
	sum := settling.counts[entry.Namespace]
	sum.add(more)
	settling.counts[entry.Namespace] = sum
}

// refusal returns the time of an entry of a namespace that was refused, 0 if there is none, and
// whether it is to be sent again.
func (journal *journal) refusal(entryID int64, namespace string) (committedAt int64, requeued bool, err error) {
	err = journal.selectRefusal.Query(func(row sqlite.Row) bool {
		committedAt, requeued = row.Signed(0), row.Signed(1) == 1
		return false
	}, entryID, namespace)
	return committedAt, requeued, err
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
	if err := checkLimit(query.Limit); err != nil {
		return page, err
	}
	after := int64(-1)
	if !query.After.IsZero() {
		after = query.After.UnixNano()
	}
	filling := fillingOf(query.Limit, query.Fits)
	err = journal.selectRefused.Query(func(columns sqlite.Row) bool {
		row := journalRowOf(columns)
		return filling.take(JournalRejection{
			JournalEntry: row.entry(), RejectedAt: time.Unix(0, columns.Signed(6)).UTC(), Status: int(columns.Signed(7)), Reason: columns.Text(8),
		})
	}, query.Namespace, after, int64(cmp.Or(query.Limit, DefaultPageLimit))+1)
	page.Entries = filling.elements
	if filling.full && len(page.Entries) == 0 {
		return page, fmt.Errorf("%w: the next entry does not fit a page", kv.ErrTooLarge)
	}
	if filling.full {
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

// requeuing has the changes of a RequeueJournalCommand: one entry, or count entries.
type requeuing struct {
	namespace string
	// entryID is 0 for all that there are.
	entryID int64
	count   int64
}

func (command RequeueJournalCommand) apply(batch *batch, _ origin) (outcome Outcome, err error) {
	if command.EntryIDs == nil {
		rejected := batch.journalCounts(command.Namespace).Rejected
		batch.requeue(requeuing{namespace: command.Namespace, count: rejected})
		return Outcome{Requeued: rejected}, nil
	}
	found := make(map[int64]bool, len(command.EntryIDs))
	for _, entryID := range command.EntryIDs {
		at, requeued, err := batch.tables.journal.refusal(entryID, command.Namespace)
		if err != nil {
			return Outcome{}, err
		}
		if at != 0 && !requeued && !batch.requeues(command.Namespace, entryID) {
			found[entryID] = true
		}
	}
	for entryID := range found {
		batch.requeue(requeuing{namespace: command.Namespace, entryID: entryID, count: 1})
	}
	return Outcome{Requeued: int64(len(found))}, nil
}

func (command RequeueJournalCommand) groups() []string { return nil }

func (batch *batch) requeue(requeued requeuing) {
	if requeued.count > 0 {
		changes := journalIn.in(batch)
		changes.requeued = append(changes.requeued, requeued)
	}
}

// requeues reports whether the batch requeues an entry already.
func (batch *batch) requeues(namespace string, entryID int64) bool {
	for ; batch != nil; batch = batch.below {
		for _, requeued := range journalIn.of(batch).requeued {
			if requeued.entryID == entryID || requeued.entryID == 0 && requeued.namespace == namespace {
				return true
			}
		}
	}
	return false
}

// journalCounts returns the counts of a namespace after the batch.
func (batch *batch) journalCounts(namespace string) JournalCounts {
	counts := batch.tables.journal.counts[namespace]
	for ; batch != nil; batch = batch.below {
		counts.add(journalIn.of(batch).counts()[namespace])
	}
	return counts
}

func (journal *journal) requeue(requeued *requeuing) error {
	if requeued.entryID == 0 {
		return journal.requeueAll.Execute(requeued.namespace)
	}
	return journal.requeueOne.Execute(requeued.entryID)
}
