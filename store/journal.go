// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// CommitToJournal puts a point into the journal, outside every namespace, and returns it when
// it is on disk. NewJournalCommand lists the limits and errors.
//
//	entry, err := store.CommitToJournal("deploy", map[string]any{"seconds": 12.5}, map[string]string{"host": "a1"})
func (store *Store) CommitToJournal(measurement string, fields map[string]any, tags map[string]string) (JournalEntry, error) {
	return store.commitToJournal("store.CommitToJournal", "", measurement, fields, tags)
}

// CommitToJournal is Store.CommitToJournal for the namespace: the point is delivered
// with the tag "namespace".
//
//	entry, err := scoped.CommitToJournal("deploy", map[string]any{"seconds": 12.5}, nil)
func (scoped *ScopedStore) CommitToJournal(measurement string, fields map[string]any, tags map[string]string) (JournalEntry, error) {
	return scoped.within().commitToJournal("store.CommitToJournal", scoped.Namespace(), measurement, fields, tags)
}

func (store *Store) commitToJournal(operation, namespace, measurement string, fields map[string]any, tags map[string]string) (JournalEntry, error) {
	command, err := NewJournalCommand(namespace, measurement, fields, tags)
	err = cmp.Or(store.unusable(), err)
	var outcome Outcome
	if err == nil {
		outcome, err = store.execute(command)
	}
	if err != nil {
		return JournalEntry{}, fmt.Errorf("%s: measurement %q: %w", operation, measurement, err)
	}
	return JournalEntry{
		EntryID: outcome.EntryID, Namespace: namespace, Measurement: measurement,
		Fields: readFields(command.fields), Tags: readTags(command.tags), CommittedAt: outcome.CommittedAt,
	}, nil
}

// Apply implements Command.
func (command JournalCommand) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	if command.measurement == "" {
		return Outcome{}, invalidEntry("it was not made by NewJournalCommand")
	}
	if err := command.checkSize(batch.Limits()); err != nil {
		return Outcome{}, err
	}
	last := lastJournalRow(batch)
	row := journalRow{
		JournalCommand: command,
		entryID:        last.entryID + 1,
		committedAt:    max(last.committedAt+1, batch.Timestamp().UnixNano()),
	}
	changes := journalIn.In(batch)
	changes.rows = append(changes.rows, row)
	return Outcome{EntryID: row.entryID, CommittedAt: time.Unix(0, row.committedAt).UTC()}, nil
}

// Groups implements Command.
func (command JournalCommand) Groups() []string { return nil }

// checkSize checks the size of the entry on the wire, in a list of refused entries, against the
// limit of entries.
func (command *JournalCommand) checkSize(limits kv.Limits) error {
	size := kv.EntryOverhead + len(command.measurement) + len(command.fields) + len(command.tags)
	if command.namespace != "" && limits.EntryBytes > 0 && size > limits.EntryBytes {
		return &failure.TooLargeError{What: "journal entry", Size: size, Limit: limits.EntryBytes}
	}
	return nil
}

// journalRow is an entry as it is kept.
type journalRow struct {
	JournalCommand
	entryID     int64
	committedAt int64 // Unix nanoseconds
}

func (row *journalRow) bytes() int {
	return len(row.namespace) + len(row.measurement) + len(row.fields) + len(row.tags)
}

// journalPart is the journal's part of a batch: new entries, and steps in their order.
type journalPart struct {
	rows  []journalRow
	steps []journalStep
	// oldest is the time of the oldest pending entry when they are committed.
	oldest int64
}

func (changes *journalPart) Empty() bool { return len(changes.rows)+len(changes.steps) == 0 }

func (changes *journalPart) MergeInto(below *batch.Batch) {
	sum := journalIn.In(below)
	sum.rows = append(sum.rows, changes.rows...)
	sum.steps = append(sum.steps, changes.steps...)
}

func (changes *journalPart) Waits() batch.Waiting {
	if len(changes.rows) > 0 {
		return batch.WaitsAsUsual
	}
	longest := batch.WaitsNot
	for _, step := range changes.steps {
		longest = max(longest, step.waits())
	}
	return longest
}

func (changes *journalPart) AppendTo(section []byte) []byte {
	section = binary.AppendUvarint(section, uint64(len(changes.rows)))
	for index := range changes.rows {
		section = changes.rows[index].appendTo(section)
	}
	for _, step := range changes.steps {
		section = append(section, byte(step.kind()))
		section = step.appendTo(section)
	}
	return section
}

func (*journal) Read(batch *batch.Batch, section *changelog.Reader) {
	changes := journalIn.In(batch)
	for rows := section.Number(); rows > 0 && !section.Failed(); rows-- {
		changes.rows = append(changes.rows, readJournalRow(section))
	}
	for section.More() {
		changes.steps = append(changes.steps, readJournalStep(section))
	}
}

func (row *journalRow) appendTo(section []byte) []byte {
	section = binary.AppendVarint(section, row.entryID)
	section = binary.AppendVarint(section, row.committedAt)
	for _, text := range [...]string{row.namespace, row.measurement, row.fields, row.tags} {
		section = changelog.AppendText(section, text)
	}
	return section
}

func readJournalRow(section *changelog.Reader) journalRow {
	return journalRow{
		entryID: section.Signed(), committedAt: section.Signed(),
		JournalCommand: JournalCommand{namespace: section.Text(), measurement: section.Text(), fields: section.Text(), tags: section.Text()},
	}
}

// lastJournalRow returns the newest entry as the batch has it, by its time and id.
func lastJournalRow(batch *batch.Batch) journalRow {
	for ; ; batch = batch.Below() {
		if rows := journalIn.Of(batch).rows; len(rows) > 0 {
			return rows[len(rows)-1]
		}
		if batch.Below() == nil {
			return journalIn.Table(batch.Tables()).last
		}
	}
}

// JournalCounts counts the entries of the journal by their state.
type JournalCounts struct {
	// Pending entries wait for delivery. The endpoint has taken Delivered entries and refused
	// Rejected entries.
	Pending   int64
	Delivered int64
	Rejected  int64
}

func (counts *JournalCounts) add(more JournalCounts) {
	counts.Pending += more.Pending
	counts.Delivered += more.Delivered
	counts.Rejected += more.Rejected
}

// journal is the table of the journal, with its counters. It belongs to the committer's
// goroutine.
type journal struct {
	// last is the newest entry, by its time and id alone.
	last journalRow
	// position is the time up to which every entry is settled.
	position int64
	counts   map[string]JournalCounts
	total    JournalCounts
	// oldest is the time of the oldest pending entry, if there is one.
	oldest   int64
	news     *journalNews
	archives *archives

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
	scans          journalScans
}

const journalColumns = `e.committed_at, e.entry_id, e.namespace, e.measurement, e.fields, e.tags`

// journalNews is what the journal tells every goroutine.
type journalNews struct {
	// ready gets a token when there is something to deliver.
	ready chan struct{}
	// totals are the figures of the whole journal.
	totals atomic.Pointer[JournalStatus]
	// archiving counts the entries that a compaction under way has written.
	archiving atomic.Int64
	// failpoint, if not nil, is called after each step of a compaction.
	failpoint func(step string)
}

func newJournalNews() *journalNews {
	return &journalNews{ready: make(chan struct{}, 1)}
}

// reach tells the failpoint how far a compaction has come.
func (news *journalNews) reach(step string) {
	if news.failpoint != nil {
		news.failpoint(step)
	}
}

func newJournal(session *sqlite.Session, news *journalNews) *journal {
	return &journal{
		counts:   map[string]JournalCounts{},
		news:     news,
		archives: newArchives(session),
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
		selectRequeued: session.Prepare(`SELECT ` + journalColumns + ` FROM journal_refusals r JOIN journal_entries e ON e.committed_at = r.committed_at
			WHERE r.requeued = 1 AND r.committed_at > ? ORDER BY r.committed_at LIMIT ?`),
		selectNext: session.Prepare(`SELECT ` + journalColumns + ` FROM journal_entries e WHERE e.committed_at > ? AND e.archived_at IS NULL ORDER BY e.committed_at LIMIT ?`),
		selectRefused: session.Prepare(`SELECT ` + journalColumns + `, r.refused_at, r.status, r.reason FROM journal_refusals r JOIN journal_entries e ON e.committed_at = r.committed_at
			WHERE r.namespace = ? AND r.requeued = 0 AND r.committed_at > ? ORDER BY r.committed_at LIMIT ?`),
		selectRefusal:  session.Prepare(`SELECT committed_at, requeued FROM journal_refusals WHERE entry_id = ? AND namespace = ?`),
		countBetween:   session.Prepare(`SELECT count(*) FROM journal_entries WHERE committed_at > ? AND committed_at <= ? AND archived_at IS NULL`),
		oldestRequeued: session.Prepare(`SELECT committed_at FROM journal_refusals WHERE namespace = ? AND requeued = 1 ORDER BY committed_at LIMIT 1`),
		oldestPending:  session.Prepare(`SELECT committed_at FROM journal_entries WHERE namespace = ? AND committed_at > ? AND archived_at IS NULL ORDER BY committed_at LIMIT 1`),
		// Requeued entries lie behind the position, because they are older than the rest.
		firstRequeued: session.Prepare(`SELECT committed_at FROM journal_refusals WHERE requeued = 1 AND committed_at <= ? ORDER BY committed_at LIMIT 1`),
		firstPending:  session.Prepare(`SELECT committed_at FROM journal_entries WHERE committed_at > ? AND archived_at IS NULL ORDER BY committed_at LIMIT 1`),
		scans:         newJournalScans(session),
	}
}

// Load reads where the journal stands.
func (journal *journal) Load() (err error) {
	if journal.position, _, err = journal.selectPosition.Integer(); err != nil {
		return err
	}
	if err := journal.selectLast.Query(func(row sqlite.Row) bool {
		journal.last.committedAt, journal.last.entryID = row.Signed(0), row.Signed(1)
		return false
	}); err != nil {
		return err
	}
	if err := journal.selectCounts.Query(func(row sqlite.Row) bool {
		journal.setCounts(row.Text(0), JournalCounts{Pending: row.Signed(1), Delivered: row.Signed(2), Rejected: row.Signed(3)})
		return true
	}); err != nil {
		return err
	}
	if journal.oldest, err = journal.oldestBehind(journal.position); err != nil {
		return err
	}
	journal.show()
	journal.tell()
	return journal.archives.load()
}

func (journal *journal) setCounts(namespace string, counts JournalCounts) {
	before := journal.counts[namespace]
	journal.total.add(JournalCounts{Pending: -before.Pending, Delivered: -before.Delivered, Rejected: -before.Rejected})
	journal.total.add(counts)
	journal.counts[namespace] = counts
}

// show makes the totals known.
func (journal *journal) show() {
	totals := &JournalStatus{JournalCounts: journal.total}
	if totals.Pending > 0 {
		totals.OldestPendingAt = time.Unix(0, journal.oldest).UTC()
	}
	journal.news.totals.Store(totals)
}

// oldestBehind returns the time of the oldest entry that is pending if everything up to a
// position is settled, 0 if there is none.
func (journal *journal) oldestBehind(position int64) (oldest int64, err error) {
	for _, rows := range []*sqlite.Statement{journal.firstRequeued, journal.firstPending} {
		var found bool
		if oldest, found, err = rows.Integer(position); found || err != nil {
			break
		}
	}
	return oldest, err
}

// tell leaves a token for the delivery.
func (journal *journal) tell() {
	if journal.total.Pending == 0 {
		return
	}
	select {
	case journal.news.ready <- struct{}{}:
	default:
	}
}

// Save writes the entries and the steps of a batch.
func (journal *journal) Save(transaction *sqlite.Transaction, batch *batch.Batch) {
	changes := journalIn.Of(batch)
	if changes.Empty() {
		return
	}
	for index := range changes.rows {
		row := &changes.rows[index]
		transaction.Execute(journal.insert, row.committedAt, row.entryID, row.namespace, row.measurement, row.fields, row.tags)
	}
	position := journal.position
	for _, step := range changes.steps {
		step.save(transaction, journal)
		position = step.position(position)
	}
	if position != journal.position {
		transaction.Execute(journal.savePosition, position)
	}
	var err error
	if changes.oldest, err = journal.oldestWith(changes, position); err != nil {
		transaction.Fail(err)
	}
	journal.saveCounts(transaction, changes.counts())
}

// oldestWith returns the time of the oldest pending entry once changes are written, if there
// are any. New entries are newer than all the rest.
func (journal *journal) oldestWith(changes *journalPart, position int64) (int64, error) {
	switch {
	case len(changes.steps) > 0:
		return journal.oldestBehind(position)
	case journal.total.Pending > 0:
		return journal.oldest, nil
	}
	return changes.rows[0].committedAt, nil
}

// counts are the figures that the changes add, by namespace.
func (changes *journalPart) counts() journalSums {
	sums := journalSums{}
	for index := range changes.rows {
		sums.add(changes.rows[index].namespace, JournalCounts{Pending: 1})
	}
	for _, step := range changes.steps {
		for namespace, counts := range step.sums() {
			sums.add(namespace, counts)
		}
	}
	return sums
}

// journalSums are figures that are added to the counts of namespaces.
type journalSums map[string]JournalCounts

func (sums journalSums) add(namespace string, more JournalCounts) {
	sum := sums[namespace]
	sum.add(more)
	sums[namespace] = sum
}

func (journal *journal) saveCounts(transaction *sqlite.Transaction, added journalSums) {
	for namespace, sum := range added {
		sum.add(journal.counts[namespace])
		transaction.Execute(journal.upsertCounts, namespace, sum.Pending, sum.Delivered, sum.Rejected)
	}
}

// Saved records that the rows of Save are committed.
func (journal *journal) Saved(batch *batch.Batch) (bytes int) {
	changes := journalIn.Of(batch)
	if changes.Empty() {
		return 0
	}
	for index := range changes.rows {
		bytes += sqlite.RowBytes + changes.rows[index].bytes()
	}
	if last := len(changes.rows) - 1; last >= 0 {
		journal.last = journalRow{entryID: changes.rows[last].entryID, committedAt: changes.rows[last].committedAt}
	}
	for _, step := range changes.steps {
		journal.position = step.position(journal.position)
		bytes += step.saved(journal)
	}
	journal.addCounts(changes.counts())
	journal.oldest = changes.oldest
	journal.show()
	journal.tell()
	return bytes
}

func (journal *journal) addCounts(added journalSums) {
	for namespace, sum := range added {
		sum.add(journal.counts[namespace])
		journal.setCounts(namespace, sum)
	}
}

// askJournal is ask for a question to the journal.
func askJournal[Answer any](store *Store, question func(journal *journal) (Answer, error)) (Answer, error) {
	return ask(store, func(committer *committer) (Answer, error) { return question(journalIn.Table(committer.tables)) })
}

// submitAskJournal is askJournal for a caller that does not wait.
func submitAskJournal[Answer any](store *Store, question func(journal *journal) (Answer, error), done func(Answer, error)) {
	submitAsk(store, func(committer *committer) (Answer, error) { return question(journalIn.Table(committer.tables)) }, done)
}
