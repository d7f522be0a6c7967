// SPDX-License-Identifier: EUPL-1.2

// Package largevalue has the values that are too large for the row of their entry.
//
// SQLite compares a key with a row by reading the whole row. So a large value has a row of its own in
// large_values, and entry_value of its entry is the id of that row, as a BLOB. A trigger removes
// the row when entry_value changes. Entries of older versions have large values in their own rows.
package largevalue

import (
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// from is the length from which a value is large. A row of 1,002 bytes still fits its page.
const from = 768

// SQL for the value of a row of entries, NULL if it is lost, and for its length.
const (
	Text  = `iif(` + IsLarge + `, (SELECT value` + large + `), entry_value)`
	Bytes = `iif(` + IsLarge + `, (SELECT octet_length(value)` + large + `), octet_length(entry_value))`
	large = ` FROM large_values WHERE id = CAST(entry_value AS INTEGER)`
)

// Stored is SQL for the entry_value of a row that is written. Its parameter is what Put returns.
const Stored = `ifnull(?, CAST(last_insert_rowid() AS BLOB))`

// CountLost is a query for the number of large values without an entry.
const CountLost = `SELECT count(*) FROM large_values WHERE id NOT IN (SELECT CAST(entry_value AS INTEGER) FROM entries WHERE ` + IsLarge + `)`

// IsLarge is SQL that tells whether the value of a row of entries is large.
const IsLarge = `typeof(entry_value) = 'blob'`

// Table writes large values.
type Table struct {
	// hasRows tells that there may be large values.
	hasRows bool

	insert    *sqlite.Statement
	release   *sqlite.Statement
	selectAny *sqlite.Statement
}

// NewTable prepares the statements of the table.
func NewTable(session *sqlite.Session) Table {
	return Table{
		insert:    session.Prepare(`INSERT INTO large_values (revision, value) VALUES (?, ?)`),
		release:   session.Prepare(`UPDATE entries SET entry_value = '' WHERE group_name = ? AND entry_key >= ? AND entry_key <= ? AND revision <= ? AND ` + IsLarge),
		selectAny: session.Prepare(`SELECT 1 FROM large_values LIMIT 1`),
	}
}

// Load finds out whether there are large values.
func (table *Table) Load() (err error) {
	_, table.hasRows, err = table.selectAny.Integer()
	return err
}

// Put writes the value of an entry if it is large. It returns the parameter of Stored for the next
// statement.
func (table *Table) Put(transaction *sqlite.Transaction, entry *kv.EntryState) any {
	if len(entry.Value) < from {
		return entry.Value
	}
	table.hasRows = true
	transaction.Execute(table.insert, int64(entry.Revision), entry.Value)
	return nil
}

// Release removes the large values of a group from one key to another, both included, of entries up to
// a revision. It comes before the removal of these entries: a trigger for that would cost each small
// entry as much again.
func (table *Table) Release(transaction *sqlite.Transaction, group, low, high string, revision int64) {
	if table.hasRows {
		transaction.Execute(table.release, group, low, high, revision)
	}
}
