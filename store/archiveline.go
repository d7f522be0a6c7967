// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	strictjson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/store/internal/kv"
)

// archiveRow is a row of the journal on its way into an archive.
type archiveRow struct {
	journalRow
	// bucket is the bucket in the original library; nil for newer entries.
	bucket *string
	// stays tells that the row is not archived.
	stays bool
}

// archiveLine is an entry as it stands in an archive, on a line. Fields are as
// journal_commit takes them, so that no type is lost.
type archiveLine struct {
	EntryID     *int64         `json:"entry_id"`
	CommittedAt time.Time      `json:"committed_at"`
	Namespace   *string        `json:"namespace"`
	Measurement *string        `json:"measurement"`
	Fields      jsontext.Value `json:"fields"`
	Tags        jsontext.Value `json:"tags"`
	// Bucket is set in entries of the original library.
	Bucket *string `json:"bucket,omitzero"`
}

// line gives the row as it stands in an archive.
func (row *archiveRow) line() ([]byte, error) {
	fields, tags := row.fields, row.tags
	if row.bucket != nil {
		// The original library stored whatever its callers passed.
		var err error
		if fields, tags, err = row.originalValues(); err != nil {
			return nil, err
		}
	}
	line, err := strictjson.Marshal(archiveLine{
		EntryID: &row.entryID, CommittedAt: time.Unix(0, row.committedAt).UTC(), Namespace: &row.namespace, Measurement: &row.measurement,
		Fields: jsontext.Value(fields), Tags: jsontext.Value(tags), Bucket: row.bucket,
	}, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", row.entryID, err)
	}
	if len(line) >= maxArchiveLineBytes {
		return nil, fmt.Errorf("entry %d: %w", row.entryID, &kv.TooLargeError{What: "line of an archive", Size: len(line), Limit: maxArchiveLineBytes - 1})
	}
	return append(line, '\n'), nil
}

// originalValues returns fields and tags of the original library as they are delivered. A value
// that is not an object gets the name of its column, as text.
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

// readArchiveLine reads a line of an archive, and lets nothing pass that Compact does
// not write.
func readArchiveLine(text []byte) (committedAt time.Time, err error) {
	var line archiveLine
	if err := strictjson.Unmarshal(text, &line, strictjson.RejectUnknownMembers(true)); err != nil {
		return time.Time{}, err
	}
	if line.EntryID == nil || line.CommittedAt.IsZero() || line.Namespace == nil || line.Measurement == nil || line.Fields == nil || line.Tags == nil {
		return time.Time{}, errors.New("it has not all of entry_id, committed_at, namespace, measurement, fields and tags")
	}
	var tags map[string]string
	if err := json.Unmarshal(line.Tags, &tags); err != nil || tags == nil {
		return time.Time{}, errors.New("tags are no object of texts")
	}
	return line.CommittedAt, checkArchivedFields(line.Fields)
}

func checkArchivedFields(text jsontext.Value) error {
	var fields map[string]jsontext.Value
	if err := strictjson.Unmarshal(text, &fields); err != nil || fields == nil {
		return errors.New("fields are no object")
	}
	for name, value := range fields {
		if !isArchivedField(value) {
			return fmt.Errorf("field %q is no string, boolean, number or integer of 64 bits", name)
		}
	}
	return nil
}

func isArchivedField(value jsontext.Value) bool {
	switch value.Kind() {
	case jsontext.KindTrue, jsontext.KindFalse, jsontext.KindString:
		return true
	case jsontext.KindNumber:
		var number float64
		return strictjson.Unmarshal(value, &number) == nil
	}
	var number exactNumber
	err := strictjson.Unmarshal(value, &number, strictjson.RejectUnknownMembers(true))
	return err == nil && (number.Integer == nil) != (number.Unsigned == nil)
}
