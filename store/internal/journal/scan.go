// SPDX-License-Identifier: EUPL-1.2

package journal

import "dappco.re/go/storebus/store/internal/sqlite"

// The bounds of one turn of the committer that reads for a query of the journal.
const (
	rowsPerSlice  = 512
	bytesPerSlice = 1 << 20
)

// Scan is a part of the journal in the order of its times.
type Scan struct {
	// Namespace is empty for all.
	Namespace string
	// Measurement is empty for any.
	Measurement string
	// Low is the first time, High the first behind the last, in Unix nanoseconds.
	Low, High  int64
	Descending bool
}

// Slice is the part of a scan that was read at once.
type Slice struct {
	Rows []Row
	// More tells that there may be rows in the rest.
	More bool
	Rest Scan
}

// The statements for a scan. Entries of other measurements and archived entries count when they are
// passed over, but their fields are not read.
const (
	scanColumns = `SELECT e.committed_at, e.entry_id, e.namespace, e.measurement,
		CASE WHEN e.archived_at IS NULL AND ? IN ('', e.measurement) THEN e.fields END, e.tags FROM journal_entries e `
	// SelectScan reads every namespace, and SelectScanOfNamespace one of them. DESC may stand
	// behind either.
	SelectScan            = scanColumns + `NOT INDEXED WHERE e.committed_at >= ? AND e.committed_at < ? ORDER BY e.committed_at `
	SelectScanOfNamespace = scanColumns + `INDEXED BY journal_entries_by_namespace
		WHERE e.namespace = ? AND e.committed_at >= ? AND e.committed_at < ? ORDER BY e.committed_at `
)

// scans are the statements for a scan, for ascending times and for descending ones.
type scans struct {
	all         [2]*sqlite.Statement
	ofNamespace [2]*sqlite.Statement
}

func newScans(session *sqlite.Session) scans {
	return scans{
		all:         [2]*sqlite.Statement{session.Prepare(SelectScan), session.Prepare(SelectScan + `DESC`)},
		ofNamespace: [2]*sqlite.Statement{session.Prepare(SelectScanOfNamespace), session.Prepare(SelectScanOfNamespace + `DESC`)},
	}
}

// query calls visit for each row of a scan, until visit returns false.
func (scans *scans) query(scan *Scan, visit func(columns sqlite.Row) bool) error {
	direction := 0
	if scan.Descending {
		direction = 1
	}
	if scan.Namespace == "" {
		return scans.all[direction].Query(visit, scan.Measurement, scan.Low, scan.High)
	}
	return scans.ofNamespace[direction].Query(visit, scan.Measurement, scan.Namespace, scan.Low, scan.High)
}

// Slice reads the next rows of a scan, as many as one turn of the committer may.
func (table *Table) Slice(scan Scan) (Slice, error) {
	slice := Slice{Rest: scan}
	seen, bytes := 0, 0
	err := table.scans.query(&scan, func(columns sqlite.Row) bool {
		row := rowOf(columns)
		if !columns.Null(4) && !table.Archives.hides(row.committedAt) {
			slice.Rows = append(slice.Rows, row)
		}
		slice.Rest.pass(row.committedAt)
		seen++
		bytes += row.Bytes()
		slice.More = seen == rowsPerSlice || bytes >= bytesPerSlice
		return !slice.More
	})
	return slice, err
}

// pass goes on behind a row.
func (scan *Scan) pass(committedAt int64) {
	if scan.Descending {
		scan.High = committedAt
	} else {
		scan.Low = committedAt + 1
	}
}
