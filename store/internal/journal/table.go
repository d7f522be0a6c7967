// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"errors"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Table is the journal in the database, with its counters.
type Table struct {
	// Archives are the archives whose entries have left the journal, or will.
	Archives *Archives

	// last is the newest entry, by its time and id alone.
	last Row
	// accounts tell where each namespace stands.
	accounts *accounts
	news     *News

	insert         *sqlite.Statement
	insertRefusal  *sqlite.Statement
	deleteRefusal  *sqlite.Statement
	requeueOne     *sqlite.Statement
	requeueAll     *sqlite.Statement
	selectLast     *sqlite.Statement
	selectRequeued *sqlite.Statement
	selectNext     *sqlite.Statement
	selectRefused  *sqlite.Statement
	selectRefusal  *sqlite.Statement
	countBetween   *sqlite.Statement
	scans          scans
}

// NewTable prepares the statements of the journal. It tells its news to every goroutine.
func NewTable(session *sqlite.Session, news *News) *Table {
	return &Table{
		accounts: newAccounts(session),
		news:     news,
		Archives: newArchives(session, news),
		insert:   session.Prepare(`INSERT INTO journal_entries (committed_at, entry_id, namespace, measurement, fields, tags) VALUES (?, ?, ?, ?, ?, ?)`),
		insertRefusal: session.Prepare(`INSERT INTO journal_refusals (committed_at, entry_id, namespace, refused_at, status, reason, requeued) VALUES (?, ?, ?, ?, ?, ?, 0)
			ON CONFLICT DO UPDATE SET refused_at = excluded.refused_at, status = excluded.status, reason = excluded.reason, requeued = 0`),
		deleteRefusal: session.Prepare(`DELETE FROM journal_refusals WHERE committed_at = ?`),
		requeueOne:    session.Prepare(`UPDATE journal_refusals SET requeued = 1 WHERE entry_id = ?`),
		requeueAll:    session.Prepare(`UPDATE journal_refusals SET requeued = 1 WHERE namespace = ? AND requeued = 0`),
		selectLast: session.Prepare(`SELECT max(a.last_at, e.last_at), max(a.last_entry_id, e.last_entry_id)
			FROM (SELECT ifnull(max(last_at), 0) AS last_at, ifnull(max(last_entry_id), 0) AS last_entry_id FROM journal_archives) a,
			(SELECT ifnull(max(committed_at), 0) AS last_at, ifnull(max(entry_id), 0) AS last_entry_id FROM journal_entries) e`),
		selectRequeued: session.Prepare(`SELECT ` + columnsOfRow + ` FROM journal_refusals r JOIN journal_entries e ON e.committed_at = r.committed_at
			WHERE r.namespace = ? AND r.requeued = 1 AND r.committed_at > ? ORDER BY r.committed_at LIMIT ?`),
		selectNext: session.Prepare(`SELECT ` + columnsOfRow + ` FROM journal_entries e INDEXED BY journal_entries_by_namespace
			WHERE e.namespace = ? AND e.committed_at > ? AND e.archived_at IS NULL ORDER BY e.committed_at LIMIT ?`),
		selectRefused: session.Prepare(`SELECT ` + columnsOfRow + `, r.refused_at, r.status, r.reason FROM journal_refusals r JOIN journal_entries e ON e.committed_at = r.committed_at
			WHERE r.namespace = ? AND r.requeued = 0 AND r.committed_at > ? ORDER BY r.committed_at LIMIT ?`),
		selectRefusal: session.Prepare(`SELECT committed_at, requeued FROM journal_refusals WHERE entry_id = ? AND namespace = ?`),
		countBetween: session.Prepare(`SELECT count(*) FROM journal_entries INDEXED BY journal_entries_by_namespace
			WHERE namespace = ? AND committed_at > ? AND committed_at <= ? AND archived_at IS NULL`),
		scans: newScans(session),
	}
}

// Of returns the journal of a store.
func Of(tables *batch.Tables) *Table { return slot.Table(tables) }

// Positions are the times up to which each entry is settled, in Unix nanoseconds, of the namespaces
// with pending entries.
func (table *Table) Positions() map[string]int64 { return table.accounts.positions() }

// NewestAt is the time of the newest entry, in Unix nanoseconds.
func (table *Table) NewestAt() int64 { return table.last.committedAt }

// Read makes the part of a batch from the section of a record.
func (*Table) Read(batch *batch.Batch, section *changelog.Reader) { slot.In(batch).readFrom(section) }

// Load reads where the journal stands.
func (table *Table) Load() (err error) {
	if err := table.selectLast.Query(func(row sqlite.Row) bool {
		table.last.committedAt, table.last.entryID = row.Signed(0), row.Signed(1)
		return false
	}); err != nil {
		return err
	}
	if err := table.accounts.load(); err != nil {
		return err
	}
	table.show()
	table.tell()
	return table.Archives.load()
}

// show makes the totals known.
func (table *Table) show() { table.news.totals.Store(table.accounts.totals()) }

// tell leaves a token for the delivery.
func (table *Table) tell() {
	if table.accounts.total.Pending == 0 {
		return
	}
	select {
	case table.news.ready <- struct{}{}:
	default:
	}
}

// Save writes the entries and the steps of a batch.
func (table *Table) Save(transaction *sqlite.Transaction, batch *batch.Batch) {
	changes := slot.Of(batch)
	if changes.Empty() {
		return
	}
	for index := range changes.rows {
		row := &changes.rows[index]
		transaction.Execute(table.insert, row.committedAt, row.entryID, row.namespace, row.measurement, row.fields, row.tags)
	}
	for _, step := range changes.steps {
		step.save(transaction, table)
	}
	var err error
	if changes.accounts, err = table.changedBy(changes); err != nil {
		transaction.Fail(err)
	}
	table.accounts.save(transaction, changes.accounts)
}

// changedBy returns the accounts that change, as they are once the entries and steps are written.
// New entries are newer than all the rest.
func (table *Table) changedBy(changes *part) (changed []account, err error) {
	added := changes.counts()
	for _, namespace := range sortedNames(added) {
		account := table.accounts.of(namespace)
		before := account.Pending
		account.add(added[namespace].JournalCounts)
		account.bytes += added[namespace].bytes
		account.position, account.served = changes.positionOf(namespace, account.position)
		switch {
		case len(changes.steps) > 0:
			err = errors.Join(err, table.accounts.findOldest(&account))
		case before == 0:
			account.oldest = changes.firstOf(namespace)
		}
		changed = append(changed, account)
	}
	return changed, err
}

// Saved brings memory to the entries and the steps of a batch.
func (table *Table) Saved(batch *batch.Batch) (bytes int) {
	changes := slot.Of(batch)
	if changes.Empty() {
		return 0
	}
	for index := range changes.rows {
		bytes += sqlite.RowBytes + changes.rows[index].Bytes()
	}
	if last := len(changes.rows) - 1; last >= 0 {
		table.last.entryID, table.last.committedAt = changes.rows[last].entryID, changes.rows[last].committedAt
	}
	for _, step := range changes.steps {
		bytes += step.saved(table)
	}
	for index := range changes.accounts {
		table.accounts.keep(&changes.accounts[index])
	}
	table.accounts.findFirst()
	table.show()
	table.tell()
	return bytes
}

// Bytes returns how many bytes the entries of a namespace have that are in no archive.
func (table *Table) Bytes(namespace string) int64 { return table.accounts.of(namespace).bytes }

// Status returns the state of the journal of a namespace.
func (table *Table) Status(namespace string) Status {
	account := table.accounts.of(namespace)
	status := Status{JournalCounts: account.JournalCounts}
	if status.Pending > 0 {
		status.OldestPendingAt = time.Unix(0, account.oldest).UTC()
	}
	return status
}
