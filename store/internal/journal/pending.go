// SPDX-License-Identifier: EUPL-1.2

package journal

import "dappco.re/go/storebus/store/internal/sqlite"

// rowsPerRead is how many entries one turn of the committer reads.
const rowsPerRead = 1000

// Pending are the next entries to deliver: first requeued entries, then the entries behind the
// settled ones, each in the order of their times.
type Pending struct {
	limit, bytes int
	rows         []Row
	full         bool
	// unsettled tells that the requeued entries are read.
	unsettled bool
	// after is the time behind which to go on with a part, if begun.
	after int64
	begun bool
}

// NewPending returns room for at most limit entries. They take about bytes at most, as stored, but
// one entry may be larger.
func NewPending(limit, bytes int) *Pending { return &Pending{limit: limit, bytes: bytes} }

// Read reads a share of the entries, and reports whether there is more to read.
func (pending *Pending) Read(table *Table) (more bool, err error) {
	rows, after := table.selectRequeued, int64(-1)
	if pending.unsettled {
		rows, after = table.selectNext, table.position
	}
	if !pending.begun {
		pending.begun, pending.after = true, after
	}
	before, share := len(pending.rows), min(pending.limit-len(pending.rows), rowsPerRead)
	err = rows.Query(pending.take, pending.after, int64(share))
	if read := len(pending.rows) - before; read > 0 {
		pending.after = pending.rows[len(pending.rows)-1].committedAt
		more = read == share
	}
	if !more && !pending.unsettled {
		pending.unsettled, pending.begun, more = true, false, true
	}
	return more && !pending.full, err
}

func (pending *Pending) take(columns sqlite.Row) bool {
	row := rowOf(columns)
	if pending.bytes -= row.Bytes(); pending.bytes < 0 && len(pending.rows) > 0 {
		pending.full = true
		return false
	}
	pending.rows = append(pending.rows, row)
	pending.full = len(pending.rows) == pending.limit
	return !pending.full
}

// Full tells that a bound was met.
func (pending *Pending) Full() bool { return pending.full }

// Entries returns the entries that were read.
func (pending *Pending) Entries() []JournalEntry {
	entries := make([]JournalEntry, len(pending.rows))
	for index := range pending.rows {
		entries[index] = pending.rows[index].Entry()
	}
	return entries
}
