// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/store/internal/archivefile"
)

// span are times in Unix nanoseconds, both ends included.
type span struct{ first, last int64 }

// Archive is a file of journal entries, with its row in the database.
type Archive struct {
	Folder, Name string
	Entries      int64
	SHA256       string
	// Positions are those of the namespaces with pending entries when the archive is begun.
	Positions map[string]int64

	lastEntryID int64
	// spans are the times of the archive's entries; no other entry has a time within a span.
	// gap tells that the next entry begins another span.
	spans []span
	gap   bool
	// taken are the figures that the archive takes from the namespaces: the entries that waited for
	// delivery, and the bytes of all. pending are the namespaces with entries that waited.
	taken   sums
	pending map[string]bool
}

// last is the time of its last entry.
func (archive *Archive) last() int64 { return archive.spans[len(archive.spans)-1].last }

// Add takes note of an entry, which is later than the entries before.
func (archive *Archive) Add(row *ArchiveRow) {
	archive.Entries++
	archive.lastEntryID = max(archive.lastEntryID, row.entryID)
	if archive.taken == nil {
		archive.taken, archive.pending = sums{}, map[string]bool{}
	}
	taken := figures{bytes: -int64(row.Bytes())}
	if position, waits := archive.Positions[row.namespace]; waits && row.committedAt > position {
		archive.pending[row.namespace] = true
		taken.Pending = -1
	}
	archive.taken.add(row.namespace, taken)
	if archive.gap || len(archive.spans) == 0 {
		archive.spans, archive.gap = append(archive.spans, span{first: row.committedAt}), false
	}
	archive.spans[len(archive.spans)-1].last = row.committedAt
}

// Skip takes note of an entry that the archive leaves out.
func (archive *Archive) Skip() { archive.gap = true }

// IsFull reports whether one more entry would need a span beyond a bound.
func (archive *Archive) IsFull(bound int) bool { return archive.gap && len(archive.spans) >= bound }

// ArchiveRow is a row of the journal on its way into an archive.
type ArchiveRow struct {
	Row
	// Stays tells that the row is not archived.
	Stays bool
	// bucket is a column of the original library; nil for a newer row.
	bucket *string
}

// Line returns the row as it stands in an archive.
func (row *ArchiveRow) Line() ([]byte, error) {
	fields, tags := row.fields, row.tags
	if row.bucket != nil {
		// The original library kept the values as its callers gave them.
		var err error
		if fields, tags, err = row.originalValues(); err != nil {
			return nil, err
		}
	}
	entry := archivefile.Line{
		EntryID: &row.entryID, CommittedAt: time.Unix(0, row.committedAt).UTC(), Namespace: &row.namespace, Measurement: &row.measurement,
		Fields: jsontext.Value(fields), Tags: jsontext.Value(tags), Bucket: row.bucket,
	}
	text, err := entry.Text()
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", row.entryID, err)
	}
	return text, nil
}

// originalValues returns fields and tags of the original library as they are delivered. A column
// that is no object becomes a text under the name of the column.
func (row *ArchiveRow) originalValues() (fields, tags string, err error) {
	values, texts := readFields(row.fields), readTags(row.tags)
	if keptValues(row.fields) == nil {
		values = map[string]any{"fields": row.fields}
	}
	if keptValues(row.tags) == nil {
		texts = map[string]string{"tags": row.tags}
	}
	kept := make(map[string]any, len(values))
	for name, value := range values {
		switch value.(type) {
		case int64, uint64:
			kept[name] = keepInteger(value)
		default:
			kept[name] = value
		}
	}
	if fields, err = keepJSON(kept); err == nil {
		tags, err = keepJSON(texts)
	}
	return fields, tags, err
}
