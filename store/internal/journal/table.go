// SPDX-License-Identifier: EUPL-1.2

package journal

import (
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
	// position is the time up to which every entry is settled.
	position int64
	counts   map[string]JournalCounts
	total    JournalCounts
	// oldest is the time of the oldest pending entry, if there is one.
	oldest int64
	news   *News

	insert         *sqlite.Statement
	upsertCounts   *sqlite.Statement
	savePosition   *sqlite.Statement
	insertRefusal  *sqlite.Statement
	deleteRefusal  *sqlite.Statement
	requeueOne     *sqlite.Statement
	requeueAll     *sqlite.Statement
	selectLast     *sqlite.Statement
	selectPosition *sqlite.Statement
	selectCounts   *sqlite.Statement
	selectRequeued *sqlite.Statement
	selectNext     *sqlite.Statement
	selectRefused  *sqlite.Statement
	selectRefusal  *sqlite.Statement
	countBetween   *sqlite.Statement
	oldestRequeued *sqlite.Statement
	oldestPending  *sqlite.Statement
	firstRequeued  *sqlite.Statement
	firstPending   *sqlite.Statement
	scans          scans
}

// NewTable prepares the statements of the journal. It tells its news to every goroutine.
func NewTable(session *sqlite.Session, news *News) *Table {
	return &Table{
		counts:   map[string]JournalCounts{},
		news:     news,
		Archives: newArchives(session, news),
		insert:   session.Prepare(`INSERT INTO journal_entries (committed_at, entry_id, namespace, measurement, fields, tags) VALUES (?, ?, ?, ?, ?, ?)`),
		upsertCounts: session.Prepare(`INSERT INTO journal_counts (namespace, pending, delivered, rejected) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET pending = excluded.pending, delivered = excluded.delivered, rejected = excluded.rejected`),
		savePosition: session.Prepare(`UPDATE meta SET value = ? WHERE name = 'journal_position'`),
		insertRefusal: session.Prepare(`INSERT INTO journal_refusals (committed_at, entry_id, namespace, refused_at, status, reason, requeued) VALUES (?, ?, ?, ?, ?, ?, 0)
			ON CONFLICT DO UPDATE SET refused_at = excluded.refused_at, status = excluded.status, reason = excluded.reason, requeued = 0`),
		deleteRefusal: session.Prepare(`DELETE FROM journal_refusals WHERE committed_at = ?`),
		requeueOne:    session.Prepare(`UPDATE journal_refusals SET requeued = 1 WHERE entry_id = ?`),
		requeueAll:    session.Prepare(`UPDATE journal_refusals SET requeued = 1 WHERE namespace = ? AND requeued = 0`),
		selectLast: session.Prepare(`SELECT max(a.last_at, e.last_at), max(a.last_entry_id, e.last_entry_id)
			FROM (SELECT ifnull(max(last_at), 0) AS last_at, ifnull(max(last_entry_id), 0) AS last_entry_id FROM journal_archives) a,
			(SELECT ifnull(max(committed_at), 0) AS last_at, ifnull(max(entry_id), 0) AS last_entry_id FROM journal_entries) e`),
		selectPosition: session.Prepare(`SELECT value FROM meta WHERE name = 'journal_position'`),
		selectCounts:   session.Prepare(`SELECT namespace, pending, delivered, rejected FROM journal_counts`),
		selectRequeued: session.Prepare(`SELECT ` + columnsOfRow + ` FROM journal_refusals r JOIN journal_entries e ON e.committed_at = r.committed_at
			WHERE r.requeued = 1 AND r.committed_at > ? ORDER BY r.committed_at LIMIT ?`),
		selectNext: session.Prepare(`SELECT ` + columnsOfRow + ` FROM journal_entries e WHERE e.committed_at > ? AND e.archived_at IS NULL ORDER BY e.committed_at LIMIT ?`),
		selectRefused: session.Prepare(`SELECT ` + columnsOfRow + `, r.refused_at, r.status, r.reason FROM journal_refusals r JOIN journal_entries e ON e.committed_at = r.committed_at
			WHERE r.namespace = ? AND r.requeued = 0 AND r.committed_at > ? ORDER BY r.committed_at LIMIT ?`),
		selectRefusal:  session.Prepare(`SELECT committed_at, requeued FROM journal_refusals WHERE entry_id = ? AND namespace = ?`),
		countBetween:   session.Prepare(`SELECT count(*) FROM journal_entries WHERE committed_at > ? AND committed_at <= ? AND archived_at IS NULL`),
		oldestRequeued: session.Prepare(`SELECT committed_at FROM journal_refusals WHERE namespace = ? AND requeued = 1 ORDER BY committed_at LIMIT 1`),
		oldestPending:  session.Prepare(`SELECT committed_at FROM journal_entries WHERE namespace = ? AND committed_at > ? AND archived_at IS NULL ORDER BY committed_at LIMIT 1`),
		// Requeued entries lie behind the position, because they are older than the rest.
		firstRequeued: session.Prepare(`SELECT committed_at FROM journal_refusals WHERE requeued = 1 AND committed_at <= ? ORDER BY committed_at LIMIT 1`),
		firstPending:  session.Prepare(`SELECT committed_at FROM journal_entries WHERE committed_at > ? AND archived_at IS NULL ORDER BY committed_at LIMIT 1`),
		scans:         newScans(session),
	}
}

// Of returns the journal of a store.
func Of(tables *batch.Tables) *Table { return slot.Table(tables) }

// Position is the time up to which every entry is settled, in Unix nanoseconds.
func (table *Table) Position() int64 { return table.position }

// NewestAt is the time of the newest entry, in Unix nanoseconds.
func (table *Table) NewestAt() int64 { return table.last.committedAt }

// Read makes the part of a batch from the section of a record.
func (*Table) Read(batch *batch.Batch, section *changelog.Reader) { slot.In(batch).readFrom(section) }

// Load reads where the journal stands.
func (table *Table) Load() (err error) {
	if table.position, _, err = table.selectPosition.Integer(); err != nil {
		return err
	}
	if err := table.selectLast.Query(func(row sqlite.Row) bool {
		table.last.committedAt, table.last.entryID = row.Signed(0), row.Signed(1)
		return false
	}); err != nil {
		return err
	}
	if err := table.selectCounts.Query(func(row sqlite.Row) bool {
		table.setCounts(row.Text(0), JournalCounts{Pending: row.Signed(1), Delivered: row.Signed(2), Rejected: row.Signed(3)})
		return true
	}); err != nil {
		return err
	}
	if table.oldest, err = table.oldestBehind(table.position); err != nil {
		return err
	}
	table.show()
	table.tell()
	return table.Archives.load()
}

func (table *Table) setCounts(namespace string, counts JournalCounts) {
	before := table.counts[namespace]
	table.total.add(JournalCounts{Pending: -before.Pending, Delivered: -before.Delivered, Rejected: -before.Rejected})
	table.total.add(counts)
	table.counts[namespace] = counts
}

// show makes the totals known.
func (table *Table) show() {
	totals := &Status{JournalCounts: table.total}
	if totals.Pending > 0 {
		totals.OldestPendingAt = time.Unix(0, table.oldest).UTC()
	}
	table.news.totals.Store(totals)
}

// oldestBehind returns the time of the oldest entry that is pending if everything up to a
// position is settled, 0 if there is none.
func (table *Table) oldestBehind(position int64) (oldest int64, err error) {
	for _, rows := range []*sqlite.Statement{table.firstRequeued, table.firstPending} {
		var found bool
		if oldest, found, err = rows.Integer(position); found || err != nil {
			break
		}
	}
	return oldest, err
}

// tell leaves a token for the delivery.
func (table *Table) tell() {
	if table.total.Pending == 0 {
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
	position := table.position
	for _, step := range changes.steps {
		step.save(transaction, table)
		position = step.position(position)
	}
	if position != table.position {
		transaction.Execute(table.savePosition, position)
	}
	var err error
	if changes.oldest, err = table.oldestWith(changes, position); err != nil {
		transaction.Fail(err)
	}
	table.saveCounts(transaction, changes.counts())
}

// oldestWith returns the time of the oldest pending entry once changes are written, if there
// are any. New entries are newer than all the rest.
func (table *Table) oldestWith(changes *part, position int64) (int64, error) {
	switch {
	case len(changes.steps) > 0:
		return table.oldestBehind(position)
	case table.total.Pending > 0:
		return table.oldest, nil
	}
	return changes.rows[0].committedAt, nil
}

func (table *Table) saveCounts(transaction *sqlite.Transaction, added sums) {
	for namespace, sum := range added {
		sum.add(table.counts[namespace])
		transaction.Execute(table.upsertCounts, namespace, sum.Pending, sum.Delivered, sum.Rejected)
	}
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
		table.position = step.position(table.position)
		bytes += step.saved(table)
	}
	table.addCounts(changes.counts())
	table.oldest = changes.oldest
	table.show()
	table.tell()
	return bytes
}

func (table *Table) addCounts(added sums) {
	for namespace, sum := range added {
		sum.add(table.counts[namespace])
		table.setCounts(namespace, sum)
	}
}

// Status returns the state of the journal of a namespace.
func (table *Table) Status(namespace string) (Status, error) {
	status := Status{JournalCounts: table.counts[namespace]}
	if status.Pending == 0 {
		return status, nil
	}
	oldest, found, err := table.oldestRequeued.Integer(namespace)
	if err == nil && !found {
		oldest, _, err = table.oldestPending.Integer(namespace, table.position)
	}
	status.OldestPendingAt = time.Unix(0, oldest).UTC()
	return status, err
}
