// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"

	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/compaction"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/journalquery"
)

// The bounds of a journal entry.
const (
	// MaxJournalNameBytes is the length of the longest measurement, field name, tag name or tag
	// value.
	MaxJournalNameBytes = journal.MaxNameBytes
	// MaxJournalTextBytes is the length of the longest text in a field.
	MaxJournalTextBytes = journal.MaxTextBytes
	// MaxJournalFields and MaxJournalTags are the largest numbers of fields and tags of an
	// entry.
	MaxJournalFields = journal.MaxFields
	MaxJournalTags   = journal.MaxTags
	// MaxJournalEntryBytes is the largest size of fields and tags, stored as JSON.
	MaxJournalEntryBytes = journal.MaxEntryBytes
)

// JournalEntry is a point for the journal's endpoint.
type JournalEntry = journal.JournalEntry

// JournalCommand puts a point into the journal. Make it with NewJournalCommand; the zero value
// is refused.
type JournalCommand = journal.Command

// NewJournalCommand makes the command that commits a point to the journal. An empty namespace
// puts the point outside every namespace. There must be at least one field. Fields are integers
// and floats of Go, bool and string, and keep their types: float, integer, unsigned, boolean,
// string. A tag with an empty value is left out. It returns TooLargeError for a point beyond a
// bound. It returns ErrInvalidJournalEntry for a point that the line protocol cannot carry
// exactly: with control characters, a name that is empty or begins with "_", a name or a tag
// with a backslash at its end or in front of a comma, an equals sign or a space, a float that
// is not finite, a field or tag named "time", a tag named "namespace", or one name for a field
// and a tag.
//
//	command, err := store.NewJournalCommand("acme", "deploy", map[string]any{"seconds": 12.5}, map[string]string{"host": "a1"})
func NewJournalCommand(namespace, measurement string, fields map[string]any, tags map[string]string) (JournalCommand, error) {
	return journal.NewCommand(namespace, measurement, fields, tags)
}

// JournalCounts counts the entries of the journal by their state: Pending entries wait for
// delivery, the endpoint has taken Delivered entries and refused Rejected entries.
type JournalCounts = journal.JournalCounts

// JournalStatus is the state of the journal of a namespace, with the time of the oldest pending
// entry.
type JournalStatus = journal.Status

// JournalRejection is an entry that the endpoint has refused.
type JournalRejection = journal.Rejection

// JournalRejectedQuery asks for the entries of a namespace that the endpoint has refused, in
// the order of their times.
//
//	store.JournalRejectedQuery{Namespace: "acme", Limit: 100}
type JournalRejectedQuery = journal.RejectedQuery

// JournalRejectedPage is one page of refused entries.
type JournalRejectedPage = journal.RejectedPage

// RequeueJournalCommand makes refused entries of a namespace pending again: the entries of
// EntryIDs, or all refused entries if EntryIDs is nil. Entries that were not refused are left
// alone.
//
//	store.RequeueJournalCommand{Namespace: "acme", EntryIDs: []int64{17}}
type RequeueJournalCommand = journal.RequeueCommand

// The limits of a query of the journal.
const (
	// MaxFluxBytes is the length of the longest query.
	MaxFluxBytes = journalquery.MaxFluxBytes
	// MaxJournalQueryTime is the longest time that a query runs.
	MaxJournalQueryTime = journalquery.MaxTime
	// MaxJournalQueryBytes is the largest size of all entries that a query returns or holds for
	// sorting. An entry counts with its stored size and 256 bytes.
	MaxJournalQueryBytes = journalquery.MaxBytes
)

// FluxError names the mistake in a query of the journal, and its place. It wraps ErrInvalidFlux.
type FluxError = journalquery.Error

// JournalQuery is a query of the journal.
//
//	store.JournalQuery{Namespace: "acme", Flux: `from(bucket: "journal") |> range(start: -1h)`, Limit: 100}
type JournalQuery = journalquery.Query

// JournalRows has the entries that a query has found, in the order of the query.
type JournalRows = journalquery.Rows

// The formats of an archive.
const (
	// ArchiveGzip, the default, is lines of JSON in one member of gzip: *.jsonl.gz.
	ArchiveGzip = archivefile.Gzip
	// ArchiveZstd is lines of JSON in one frame of Zstandard: *.jsonl.zst.
	ArchiveZstd = archivefile.Zstd
)

// CompactOptions says which journal entries to archive, and in which folder.
//
//	store.CompactOptions{Before: time.Now().AddDate(0, -1, 0), Output: "./data/archive", Format: store.ArchiveZstd}
type CompactOptions = compaction.Options

// Compaction is the result of Compact.
type Compaction = compaction.Result

// ArchiveContent describes the content of an archive.
type ArchiveContent = archivefile.Content

// VerifyArchive reads an archive, *.jsonl.gz or *.jsonl.zst, from beginning to end, and
// describes its content. It returns ErrInvalidArchive for a file that Compact cannot have
// written: a damaged file, a file that is cut off or continues after its end, a file whose
// lines are not one entry each in the order of their times, or a file made to exhaust its
// reader. It needs memory for a few lines of at most 16 MiB, whatever the file is.
//
//	content, err := store.VerifyArchive("./data/archive/journal-20261101T000000Z-….jsonl.gz")
func VerifyArchive(path string) (archivefile.Content, error) {
	content, err := archivefile.VerifyNamed(path)
	if err != nil {
		return content, fmt.Errorf("store.VerifyArchive: %s: %w", path, err)
	}
	return content, nil
}
