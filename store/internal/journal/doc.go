// SPDX-License-Identifier: EUPL-1.2

// Package journal owns the journal of a store: its tables in the database, their part of a batch,
// and the form of an entry. The journal has entries, the position of their delivery, entries that
// the endpoint has refused, and the archives whose entries have left it.
//
// A Command adds an entry. All other changes are steps: an outcome of the delivery, refused
// entries that are sent again, and the life of an archive. The package reads no file and starts no
// goroutine. Package journalquery has the queries, and package compaction writes the archives.
//
// Table and Archives belong to the owner of the committer, and so does Pending
// while it reads. News is for every goroutine. Commands, entries, rows and scans are values.
// Nobody changes a row that was read. An Archive belongs to the goroutine that writes it.
package journal
