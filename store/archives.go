// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// errDeliveredMeanwhile is the failure of a compaction beside a delivery that the
// configuration has not told of.
var errDeliveredMeanwhile = fmt.Errorf("%w: entries were delivered while they were archived; name the endpoint in StoreConfig.Journal", failure.ErrUnavailable)

const (
	// bytesPerArchiveSlice is how much of the journal is read between two batches, but
	// for one entry.
	bytesPerArchiveSlice = 1 << 20
	// partialArchiveSuffix is behind the name of an archive that is being written.
	partialArchiveSuffix = ".partial"
)

// timeSpan are times in Unix nanoseconds, both ends included.
type timeSpan struct{ first, last int64 }

// archive is a file of journal entries, with its row in the database.
type archive struct {
	folder, name string
	entries      int64
	sha256       string
	lastEntryID  int64
	// spans are the times of the archive's entries; no other entry has a time within a span.
	// gap tells that the next entry begins another span.
	spans []timeSpan
	gap   bool
	// pending counts the entries of the archive that waited for delivery; position is the
	// position of the delivery then.
	pending  journalSums
	position int64
}

func (archive *archive) path() string        { return filepath.Join(archive.folder, archive.name) }
func (archive *archive) partialPath() string { return archive.path() + partialArchiveSuffix }

// last is the time of its last entry.
func (archive *archive) last() int64 { return archive.spans[len(archive.spans)-1].last }

// add takes note of an entry, which is later than those before.
func (archive *archive) add(row *archiveRow) {
	archive.entries++
	archive.lastEntryID = max(archive.lastEntryID, row.entryID)
	if row.committedAt > archive.position {
		archive.pending.add(row.namespace, JournalCounts{Pending: -1})
	}
	if archive.gap || len(archive.spans) == 0 {
		archive.spans, archive.gap = append(archive.spans, timeSpan{first: row.committedAt}), false
	}
	archive.spans[len(archive.spans)-1].last = row.committedAt
}

// removeFiles removes the file under either name. If the folder is away that cannot be known to
// be done.
func (archive *archive) removeFiles() error {
	if _, err := os.Stat(archive.folder); err != nil {
		return err
	}
	for _, path := range []string{archive.partialPath(), archive.path()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return platform.SyncFolder(archive.folder)
}

// archives are the tables of archives. They belong to the committer's goroutine, but
// for reach and written.
type archives struct {
	// removals are the rows that are in an archive and still in the table, in order.
	removals []timeSpan
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

func newArchives(session *sqlite.Session) *archives {
	return &archives{
		insert:           session.Prepare(`INSERT INTO journal_archives (folder, name, begun_at) VALUES (?, ?, ?)`),
		selectUnfinished: session.Prepare(`SELECT folder, name FROM journal_archives WHERE finished_at IS NULL`),
		selectFinished:   session.Prepare(`SELECT entries, sha256 FROM journal_archives WHERE name = ? AND finished_at IS NOT NULL`),
		finish: session.Prepare(`UPDATE journal_archives SET finished_at = ?, entries = ?, sha256 = ?, first_at = ?, last_at = ?, last_entry_id = ?
			WHERE name = ?`),
		forget: session.Prepare(`DELETE FROM journal_archives WHERE name = ? AND finished_at IS NULL`),
		selectSlice: session.Prepare(`SELECT ` + journalColumns + `, e.bucket_name,
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

func (archives *archives) load() error {
	return archives.selectRemovals.Query(func(row sqlite.Row) bool {
		archives.removals = append(archives.removals, timeSpan{row.Signed(0), row.Signed(1)})
		return true
	})
}

// hides reports whether the entry of a time is in an archive, although its row is there.
func (archives *archives) hides(committedAt int64) bool {
	index := sort.Search(len(archives.removals), func(index int) bool { return archives.removals[index].last >= committedAt })
	return index < len(archives.removals) && archives.removals[index].first <= committedAt
}

// archiveSlice is a part of the journal that is read at once.
type archiveSlice struct {
	rows []archiveRow
	more bool
}

// slice reads the rows behind a time, up to another one.
func (archives *archives) slice(after, through int64) (slice archiveSlice, err error) {
	bytes := 0
	err = archives.selectSlice.Query(func(columns sqlite.Row) bool {
		row := archiveRow{journalRow: journalRowOf(columns)}
		if !columns.Null(6) {
			row.bucket = new(columns.Text(6))
		}
		row.stays = columns.Signed(7) != 0 || archives.hides(row.committedAt)
		slice.rows = append(slice.rows, row)
		bytes += row.bytes()
		return bytes < bytesPerArchiveSlice
	}, after, through, int64(journalRowsPerRead))
	slice.more = len(slice.rows) == journalRowsPerRead || bytes >= bytesPerArchiveSlice
	return slice, err
}

func (archives *archives) unfinished() (unfinished []archive, err error) {
	err = archives.selectUnfinished.Query(func(row sqlite.Row) bool {
		unfinished = append(unfinished, archive{folder: row.Text(0), name: row.Text(1)})
		return true
	})
	return unfinished, err
}

// finished returns the record of an archive by its name.
func (archives *archives) finished(name string) (entries int64, sha256 string, found bool, err error) {
	err = archives.selectFinished.Query(func(row sqlite.Row) bool {
		entries, sha256, found = row.Signed(0), row.Text(1), true
		return false
	}, name)
	return entries, sha256, found, err
}

// add queues the rows of spans for removal. The spans can lie between present ones.
func (archives *archives) add(spans []timeSpan) {
	archives.removals = append(archives.removals, spans...)
	slices.SortFunc(archives.removals, func(a, b timeSpan) int { return int(min(max(a.first-b.first, -1), 1)) })
	archives.next = 0
}

// archiveRemoval is a slice of removing rows, while it is put together.
type archiveRemoval struct {
	// rows are the removed rows, and spans is the number of spans of archives.removals that
	// they complete.
	rows  []timeSpan
	spans int
	next  int64
	// counted counts the rows, and one for each span.
	counted, bytes int
}

func (removal *archiveRemoval) full() bool {
	return removal.counted >= rowsPerRemoval || removal.bytes >= bytesPerRemoval
}

// nextRemoval returns the next slice of removing rows.
func (archives *archives) nextRemoval() (*archiveRemoval, error) {
	removal := &archiveRemoval{next: archives.next}
	for !removal.full() && removal.spans < len(archives.removals) {
		rows := timeSpan{first: max(removal.next, archives.removals[removal.spans].first)}
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

// write removes the rows in the transaction of the caller.
func (archives *archives) write(transaction *sqlite.Transaction, removal *archiveRemoval) {
	for _, rows := range removal.rows {
		transaction.Execute(archives.deleteRows, rows.first, rows.last)
	}
	for _, span := range archives.removals[:removal.spans] {
		transaction.Execute(archives.deleteRemoval, span.first)
	}
}
