// SPDX-License-Identifier: EUPL-1.2

package archivefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	strictjson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/store/internal/failure"
)

// Line is an entry on a line of an archive. Fields have the form of journal_commit, so that
// no type is lost.
type Line struct {
	EntryID     *int64         `json:"entry_id"`
	CommittedAt time.Time      `json:"committed_at"`
	Namespace   *string        `json:"namespace"`
	Measurement *string        `json:"measurement"`
	Fields      jsontext.Value `json:"fields"`
	Tags        jsontext.Value `json:"tags"`
	// Bucket is set if the entry comes from the original library.
	Bucket *string `json:"bucket,omitzero"`
}

// Text returns the line with its end. It returns TooLargeError if the line is longer than
// MaxLineBytes.
func (line *Line) Text() ([]byte, error) {
	text, err := strictjson.Marshal(line, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, err
	}
	if len(text) >= MaxLineBytes {
		return nil, &failure.TooLargeError{What: "line of an archive", Size: len(text), Limit: MaxLineBytes - 1}
	}
	return append(text, '\n'), nil
}

// ReadLine appends a line, with its end, to the line so far.
func ReadLine(text []byte) (committedAt time.Time, err error) {
	var line Line
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
	return line.CommittedAt, checkFields(line.Fields)
}

func checkFields(text jsontext.Value) error {
	var fields map[string]jsontext.Value
	if err := strictjson.Unmarshal(text, &fields); err != nil || fields == nil {
		return errors.New("fields are no object")
	}
	for name, value := range fields {
		if !isField(value) {
			return fmt.Errorf("field %q is no string, boolean, number or integer of 64 bits", name)
		}
	}
	return nil
}

func isField(value jsontext.Value) bool {
	switch value.Kind() {
	case jsontext.KindTrue, jsontext.KindFalse, jsontext.KindString:
		return true
	case jsontext.KindNumber:
		var number float64
		return strictjson.Unmarshal(value, &number) == nil
	}
	var number integer
	err := strictjson.Unmarshal(value, &number, strictjson.RejectUnknownMembers(true))
	return err == nil && (number.Integer == nil) != (number.Unsigned == nil)
}

// integer is an integer that a JSON number may not hold: {"integer":"-5"} or
// {"unsigned":"5"}.
type integer struct {
	Integer  *int64  `json:"integer,omitempty,string"`
	Unsigned *uint64 `json:"unsigned,omitempty,string"`
}
