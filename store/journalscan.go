// SPDX-License-Identifier: EUPL-1.2

package store

import "dappco.re/go/storebus/store/internal/sqlite"

// The bounds of one turn of the committer that reads for a query of the journal.
const (
	journalRowsPerSlice  = 512
	journalBytesPerSlice = 1 << 20
)

// journalScan is a part of the journal in the order of its times.
type journalScan struct {
	// namespace is empty for all.
	namespace string
	// measurement is empty for any.
	measurement string
	// low is the first time, high the first behind the last, in Unix nanoseconds.
	low, high  int64
	descending bool
}

// journalSlice is the part of a scan that was read at once.
type journalSlice struct {
	rows []journalRow
	// more tells that there may be rows in the rest.
	more bool
	rest journalScan
}

// Entries of other measurements and archived entries count when they are passed over, but their
// fields are not read.
const (
	journalScanColumns = `SELECT e.committed_at, e.entry_id, e.namespace, e.measurement,
		CASE WHEN e.archived_at IS NULL AND ? IN ('', e.measurement) THEN e.fields END, e.tags FROM journal_entries e `
	journalScanAll          = journalScanColumns + `NOT INDEXED WHERE e.committed_at >= ? AND e.committed_at < ? ORDER BY e.committed_at `
	journalScanOfANamespace = journalScanColumns + `INDEXED BY journal_entries_by_namespace
		WHERE e.namespace = ? AND e.committed_at >= ? AND e.committed_at < ? ORDER BY e.committed_at `
)

// journalScans are the statements for a scan, by descending.
type journalScans struct {
	all          [2]*sqlite.Statement
	ofANamespace [2]*sqlite.Statement
}

func newJournalScans(session *sqlite.Session) journalScans {
	return journalScans{
		all:          [2]*sqlite.Statement{session.Prepare(journalScanAll), session.Prepare(journalScanAll + `DESC`)},
		ofANamespace: [2]*sqlite.Statement{session.Prepare(journalScanOfANamespace), session.Prepare(journalScanOfANamespace + `DESC`)},
	}
}

// slice reads the next rows of a scan, as many as one turn may.
func (journal *journal) slice(scan journalScan) (journalSlice, error) {
	slice := journalSlice{rest: scan}
	seen, bytes := 0, 0
	err := journal.query(scan, func(columns sqlite.Row) bool {
		row := journalRowOf(columns)
		if !columns.Null(4) && !journal.archives.hides(row.committedAt) {
			slice.rows = append(slice.rows, row)
		}
		slice.rest.pass(row.committedAt)
		seen++
		bytes += row.bytes()
		slice.more = seen == journalRowsPerSlice || bytes >= journalBytesPerSlice
		return !slice.more
	})
	return slice, err
}

// pass goes on behind a row.
func (scan *journalScan) pass(committedAt int64) {
	if scan.descending {
		scan.high = committedAt
	} else {
		scan.low = committedAt + 1
	}
}

func (journal *journal) query(scan journalScan, visit func(columns sqlite.Row) bool) error {
	if scan.namespace == "" {
		return journal.scans.all[index(scan.descending)].Query(visit, scan.measurement, scan.low, scan.high)
	}
	return journal.scans.ofANamespace[index(scan.descending)].Query(visit, scan.measurement, scan.namespace, scan.low, scan.high)
}

func index(condition bool) int {
	if condition {
		return 1
	}
	return 0
}
