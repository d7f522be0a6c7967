// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/store/internal/archivefile"
)

// archiveRow is a row of the journal on its way into an archive.
type archiveRow struct {
	journalRow
	// bucket is what the original library had; nil for what is newer.
	bucket *string
	// stays tells that the row is not archived.
	stays bool
}

// line gives the row as it stands in an archive.
func (row *archiveRow) line() ([]byte, error) {
	fields, tags := row.fields, row.tags
	if row.bucket != nil {
		// The original library kept what its callers gave it.
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

// originalValues gives fields and tags of the original library as they are delivered.
// What is no object stands under the name of its column, as text.
func (row *archiveRow) originalValues() (fields, tags string, err error) {
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
