// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// rowsPerInsert is how many rows of the log one statement writes.
	rowsPerInsert = 16
	// The bounds of deferred commits.
	commitsDeferred = 4 * rowsPerInsert
	columnsOfPlace  = 5
	bytesDeferred   = 256 << 10
	// bytesHeld is how much is deferred at most while the database takes nothing.
	bytesHeld = 4 * bytesDeferred
)

// deferredLog is the newest part of the log that the database does not have yet, because a
// transaction with many rows costs each row less. The file of records has them, if the store is on
// disk. Every other write has the rows written first. So the database always shows the state after some
// commit. Readers of the log read the rows from memory.
type deferredLog struct {
	rows []logRow
	// bytes and events are the size of the rows.
	bytes, events int
	// flush writes the deferred commits, in a transaction of its own.
	flush func() error

	insertCommit  *sqlite.Statement
	insertPlace   *sqlite.Statement
	insertCommits *sqlite.Statement
	insertPlaces  *sqlite.Statement
	values        sqlite.Row
}

// logRow is a row of commits with its rows of namespace_commits and of record_sections. It does not
// hold the entry, with which a whole batch would stay in memory.
type logRow struct {
	place       changelog.Position
	committedAt int64
	commit      *changelog.Changes
	record      uint64
	hash        changelog.Hash
	sections    []byte
}

func newDeferredLog(session *sqlite.Session, config Config) deferredLog {
	const commits, places = `INSERT INTO commits (id, committed_at, changes_total, bytes_total, changes, hash) VALUES `, `INSERT INTO namespace_commits (namespace, first_revision, commit_id, bytes, bytes_total) VALUES `
	many := func(text, row string) *sqlite.Statement {
		return session.Prepare(text + strings.Repeat(row+", ", rowsPerInsert-1) + row)
	}
	return deferredLog{
		flush:         config.Flush,
		insertCommit:  session.Prepare(commits + `(?, ?, ?, ?, ?, ?)`),
		insertPlace:   session.Prepare(places + `(?, ?, ?, ?, ?)`),
		insertCommits: many(commits, `(?, ?, ?, ?, ?, ?)`),
		insertPlaces:  many(places, `(?, ?, ?, ?, ?)`),
	}
}

// takes reports whether the next commit may be put off.
func (deferred *deferredLog) takes() bool {
	return len(deferred.rows) < commitsDeferred && deferred.bytes < bytesDeferred
}

// put puts a commit off.
func (deferred *deferredLog) put(row logRow) {
	deferred.rows = append(deferred.rows, row)
	deferred.bytes += len(row.commit.Blob) + len(row.sections)
	deferred.events += row.commit.Count
}

// write writes the deferred commits in the transaction of the caller. The caller calls written
// after the commit.
func (deferred *deferredLog) write(transaction *sqlite.Transaction) {
	rows := deferred.rows
	for ; len(rows) >= rowsPerInsert; rows = rows[rowsPerInsert:] {
		deferred.insertMany(transaction, rows[:rowsPerInsert])
	}
	for _, row := range rows {
		deferred.insert(transaction, row)
	}
}

// behind returns the last commit before the deferred ones, which end with one.
func (deferred *deferredLog) behind(last uint64) uint64 { return last - uint64(len(deferred.rows)) }

// after returns the deferred commits behind one.
func (deferred *deferredLog) after(id uint64) []logRow {
	first, _ := slices.BinarySearchFunc(deferred.rows, id+1, func(row logRow, id uint64) int { return cmp.Compare(row.place.CommitID, id) })
	return deferred.rows[first:]
}

// oldest returns the first revision of a namespace that is deferred.
func (deferred *deferredLog) oldest(namespace string) (revision uint64, found bool) {
	for index := range deferred.rows {
		if section := deferred.rows[index].sectionOf(namespace); section != nil {
			return section.FirstRevision, true
		}
	}
	return 0, false
}

// sectionOf returns the section of a namespace, nil if there is none.
func (row *logRow) sectionOf(namespace string) *changelog.NamespaceChanges {
	for _, section := range row.commit.Namespaces {
		if section.Namespace == namespace {
			return section
		}
	}
	return nil
}

func (row *logRow) time() time.Time { return time.Unix(0, row.committedAt).UTC() }

func (deferred *deferredLog) written() {
	clear(deferred.rows)
	deferred.rows, deferred.bytes, deferred.events = deferred.rows[:0], 0, 0
}

// insert writes a row.
func (deferred *deferredLog) insert(transaction *sqlite.Transaction, row logRow) {
	transaction.Execute(deferred.insertCommit, row.values(nil)...)
	for _, section := range row.commit.Namespaces {
		transaction.Execute(deferred.insertPlace, row.placeOf(section, nil)...)
	}
}

// insertMany writes rowsPerInsert rows.
func (deferred *deferredLog) insertMany(transaction *sqlite.Transaction, rows []logRow) {
	values := deferred.values[:0]
	for _, row := range rows {
		values = row.values(values)
	}
	transaction.Execute(deferred.insertCommits, values...)
	places, values := 0, values[:0]
	for _, row := range rows {
		for _, section := range row.commit.Namespaces {
			values = row.placeOf(section, values)
			if places++; places == rowsPerInsert {
				transaction.Execute(deferred.insertPlaces, values...)
				places, values = 0, values[:0]
			}
		}
	}
	deferred.values = values[:0]
	for ; len(values) > 0; values = values[columnsOfPlace:] {
		transaction.Execute(deferred.insertPlace, values[:columnsOfPlace]...)
	}
}

// values appends the columns of the row of commits.
func (row *logRow) values(values sqlite.Row) sqlite.Row {
	return append(values, int64(row.place.CommitID), row.committedAt, int64(row.place.End.Changes), int64(row.place.End.Bytes), row.commit.Blob, int64(row.hash))
}

// placeOf appends the columns of the row of namespace_commits for a section.
func (row *logRow) placeOf(section *changelog.NamespaceChanges, values sqlite.Row) sqlite.Row {
	return append(values, section.Namespace, int64(section.FirstRevision), int64(row.place.CommitID), int64(section.Bytes), int64(section.BytesLogged))
}
