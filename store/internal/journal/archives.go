// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"slices"
	"sort"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of a slice that removes rows.
const (
	rowsPerRemoval  = 512
	bytesPerRemoval = 4 << 20
)

// The steps of a compaction that a failpoint hears of here: rows are being removed, and all rows
// are removed.
const (
	stepRemoving = "removing"
	stepEmptied  = "emptied"
)

// bytesPerArchiveSlice is how much of the journal is read between two batches, apart from the last
// entry.
const bytesPerArchiveSlice = 1 << 20

// Archives are the archives in the database, and the rows of the journal that are in them.
type Archives struct {
	news *News

	// removals are the rows that are in an archive and still in the table, in order.
	removals []span
	// next is the time from which on the first of them still has rows.
	next int64

	insert           *sqlite.Statement
	selectUnfinished *sqlite.Statement
	selectFinished   *sqlite.Statement
	finish           *sqlite.Statement
	forget           *sqlite.Statement
	selectSlice      *sqlite.Statement
	selectRemovals   *sqlite.Statement
	insertRemoval    *sqlite.Statement
	deleteRemoval    *sqlite.Statement
	selectRemovable  *sqlite.Statement
	deleteRows       *sqlite.Statement
}

func newArchives(session *sqlite.Session, news *News) *Archives {
	return &Archives{
		news:             news,
		insert:           session.Prepare(`INSERT INTO journal_archives (folder, name, begun_at) VALUES (?, ?, ?)`),
		selectUnfinished: session.Prepare(`SELECT folder, name FROM journal_archives WHERE finished_at IS NULL`),
		selectFinished:   session.Prepare(`SELECT entries, sha256 FROM journal_archives WHERE name = ? AND finished_at IS NOT NULL`),
		finish: session.Prepare(`UPDATE journal_archives SET finished_at = ?, entries = ?, sha256 = ?, first_at = ?, last_at = ?, last_entry_id = ?
			WHERE name = ?`),
		forget: session.Prepare(`DELETE FROM journal_archives WHERE name = ? AND finished_at IS NULL`),
		selectSlice: session.Prepare(`SELECT ` + columnsOfRow + `, e.bucket_name,
			e.archived_at IS NOT NULL OR EXISTS (SELECT 1 FROM journal_refusals r WHERE r.committed_at = e.committed_at)
			FROM journal_entries e WHERE e.committed_at > ? AND e.committed_at <= ? ORDER BY e.committed_at LIMIT ?`),
		selectRemovals: session.Prepare(`SELECT first_at, last_at FROM journal_removals ORDER BY first_at`),
		insertRemoval:  session.Prepare(`INSERT INTO journal_removals (first_at, last_at) VALUES (?, ?)`),
		deleteRemoval:  session.Prepare(`DELETE FROM journal_removals WHERE first_at = ?`),
		selectRemovable: session.Prepare(`SELECT committed_at, octet_length(fields) + octet_length(tags) FROM journal_entries
			WHERE committed_at BETWEEN ? AND ? ORDER BY committed_at LIMIT ?`),
		deleteRows: session.Prepare(`DELETE FROM journal_entries WHERE committed_at BETWEEN ? AND ?`),
	}
}

func (archives *Archives) load() error {
	return archives.selectRemovals.Query(func(row sqlite.Row) bool {
		archives.removals = append(archives.removals, span{row.Signed(0), row.Signed(1)})
		return true
	})
}

// hides reports whether the entry of a time is in an archive, although its row is there.
func (archives *Archives) hides(committedAt int64) bool {
	index := sort.Search(len(archives.removals), func(index int) bool { return archives.removals[index].last >= committedAt })
	return index < len(archives.removals) && archives.removals[index].first <= committedAt
}

// ArchiveSlice is a part of the journal that is read at once.
type ArchiveSlice struct {
	Rows []ArchiveRow
	// More tells that there may be rows behind these.
	More bool
}

// ArchiveSlice reads the rows behind a time, up to another one. Rows that wait for delivery stay if
// delivers says so.
func (table *Table) ArchiveSlice(after, through int64, delivers bool) (slice ArchiveSlice, err error) {
	archives, bytes := table.Archives, 0
	err = archives.selectSlice.Query(func(columns sqlite.Row) bool {
		row := ArchiveRow{Row: rowOf(columns)}
		if !columns.Null(6) {
			row.bucket = new(columns.Text(6))
		}
		row.Stays = columns.Signed(7) != 0 || archives.hides(row.committedAt) || delivers && row.committedAt > table.accounts.of(row.namespace).position
		slice.Rows = append(slice.Rows, row)
		bytes += row.Bytes()
		return bytes < bytesPerArchiveSlice
	}, after, through, int64(rowsPerRead))
	slice.More = len(slice.Rows) == rowsPerRead || bytes >= bytesPerArchiveSlice
	return slice, err
}

// Unfinished returns the archives that have a row and are not finished.
func (archives *Archives) Unfinished() (unfinished []Archive, err error) {
	err = archives.selectUnfinished.Query(func(row sqlite.Row) bool {
		unfinished = append(unfinished, Archive{Folder: row.Text(0), Name: row.Text(1)})
		return true
	})
	return unfinished, err
}

// Finished returns the record of an archive by its name.
func (archives *Archives) Finished(name string) (entries int64, sha256 string, found bool, err error) {
	err = archives.selectFinished.Query(func(row sqlite.Row) bool {
		entries, sha256, found = row.Signed(0), row.Text(1), true
		return false
	}, name)
	return entries, sha256, found, err
}

// add queues the rows of spans for removal. The spans can lie between present ones.
func (archives *Archives) add(spans []span) {
	archives.removals = append(archives.removals, spans...)
	slices.SortFunc(archives.removals, func(a, b span) int { return int(min(max(a.first-b.first, -1), 1)) })
	archives.next = 0
}

// archiveRemoval is a slice of removing rows, while it is put together.
type archiveRemoval struct {
	// rows are the removed rows, and spans is the number of spans of archives.removals that
	// they complete.
	rows  []span
	spans int
	next  int64
	// counted counts the rows, and one for each span.
	counted, bytes int
}

func (removal *archiveRemoval) full() bool {
	return removal.counted >= rowsPerRemoval || removal.bytes >= bytesPerRemoval
}

// RemovalsWait reports whether rows that are in an archive are to be removed.
func (archives *Archives) RemovalsWait() bool { return len(archives.removals) > 0 }

// Remove removes a slice of the rows that are in an archive, in a transaction that commit carries
// out. It returns about how many bytes the transaction has written.
func (archives *Archives) Remove(commit func(func(transaction *sqlite.Transaction)) error) (bytes int, err error) {
	removal, err := archives.nextRemoval()
	if err == nil {
		err = commit(func(transaction *sqlite.Transaction) { archives.write(transaction, removal) })
	}
	if err != nil {
		return 0, err
	}
	archives.removals, archives.next = archives.removals[removal.spans:], removal.next
	archives.news.Reach(stepRemoving)
	if !archives.RemovalsWait() {
		archives.news.Reach(stepEmptied)
	}
	return removal.counted * sqlite.RowBytes, nil
}

// nextRemoval returns the next slice of removing rows.
func (archives *Archives) nextRemoval() (*archiveRemoval, error) {
	removal := &archiveRemoval{next: archives.next}
	for !removal.full() && removal.spans < len(archives.removals) {
		rows := span{first: max(removal.next, archives.removals[removal.spans].first)}
		limit, found := rowsPerRemoval-removal.counted, 0
		err := archives.selectRemovable.Query(func(row sqlite.Row) bool {
			rows.last = row.Signed(0)
			found++
			removal.bytes += int(row.Signed(1))
			return removal.bytes < bytesPerRemoval
		}, rows.first, archives.removals[removal.spans].last, int64(limit))
		if err != nil {
			return nil, err
		}
		if found > 0 {
			removal.rows = append(removal.rows, rows)
			removal.next = rows.last + 1
		}
		removal.counted += found + 1
		if found < limit && removal.bytes < bytesPerRemoval {
			removal.spans++
		}
	}
	return removal, nil
}

// write removes the rows of a slice.
func (archives *Archives) write(transaction *sqlite.Transaction, removal *archiveRemoval) {
	for _, rows := range removal.rows {
		transaction.Execute(archives.deleteRows, rows.first, rows.last)
	}
	for _, span := range archives.removals[:removal.spans] {
		transaction.Execute(archives.deleteRemoval, span.first)
	}
}
