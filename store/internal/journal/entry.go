// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dappco.re/go/storebus/store/internal/failure"
)

// The bounds of a journal entry.
const (
	// MaxNameBytes is the length of the longest measurement, field name, tag name or tag value.
	MaxNameBytes = 512
	// MaxTextBytes is the length of the longest text in a field.
	MaxTextBytes = 64<<10 - 1
	// MaxFields and MaxTags are the largest numbers of fields and tags of an entry.
	MaxFields = 1000
	MaxTags   = 50
	// MaxEntryBytes is the largest size of fields and tags, stored as JSON.
	MaxEntryBytes = 1 << 20
)

// NamespaceTag is the tag that every delivered point of a namespace has.
const NamespaceTag = "namespace"

// JournalEntry is a point for the journal's endpoint. The contract has types that embed it, so it
// has the name of the contract.
type JournalEntry struct {
	// EntryID is the id of the entry; ids rise.
	EntryID int64
	// Namespace is empty for an entry outside every namespace.
	Namespace   string
	Measurement string
	// Fields are float64, int64, uint64, bool and string.
	Fields map[string]any
	Tags   map[string]string
	// CommittedAt is exact to the nanosecond. No two entries of a store have the same time.
	CommittedAt time.Time
}

func checkMeasurement(measurement string) error {
	if strings.HasPrefix(measurement, "#") {
		return invalidEntry("measurement %q begins with \"#\", as a comment does", measurement)
	}
	return checkName("measurement", measurement)
}

// checkName checks a name or a tag, which have no quotes in a line.
func checkName(kind, name string) error {
	switch {
	case name == "":
		return invalidEntry("%s is empty", kind)
	case strings.HasPrefix(name, "_"):
		return invalidEntry("%s %q begins with \"_\"", kind, name)
	}
	return checkBare(kind, name)
}

func checkBare(kind, text string) error {
	switch {
	case len(text) > MaxNameBytes:
		return &failure.TooLargeError{What: kind + " of a journal entry", Size: len(text), Limit: MaxNameBytes}
	case !utf8.ValidString(text):
		return invalidEntry("%s %q is not UTF-8", kind, text)
	case strings.ContainsFunc(text, isControl):
		return invalidEntry("%s %q holds a control character", kind, text)
	case hidesSpecial(text):
		return invalidEntry("%s %q has a backslash at its end or in front of a comma, an equals sign or a space", kind, text)
	}
	return nil
}

// hidesSpecial reports whether a backslash comes before a character that needs an escape, or at
// the end of the text. InfluxDB reads the two backslashes as one. It then refuses the line, or
// stores it under another name.
func hidesSpecial(text string) bool {
	return strings.HasSuffix(text, `\`) || strings.Contains(text, `\,`) || strings.Contains(text, `\=`) || strings.Contains(text, `\ `)
}

func isControl(char rune) bool { return char < ' ' || char == '\x7f' }

// CheckKey checks the name of a field or a tag.
func CheckKey(kind, key string) error {
	if key == "time" {
		return invalidEntry("%s may not be named \"time\"", kind)
	}
	return checkName("name of a "+kind, key)
}

func keepTags[Value any](tags map[string]string, fields map[string]Value) (string, error) {
	if len(tags) > MaxTags {
		return "", invalidEntry("it has %d tags, %d are allowed", len(tags), MaxTags)
	}
	kept := make(map[string]string, len(tags))
	for key, value := range tags {
		if err := CheckKey("tag", key); err != nil {
			return "", err
		}
		if key == NamespaceTag {
			return "", invalidEntry("the tag %q is given by the store", key)
		}
		if _, both := fields[key]; both {
			return "", invalidEntry("%q is both a field and a tag", key)
		}
		if err := checkBare("value of tag "+strconv.Quote(key), value); err != nil {
			return "", err
		}
		if value != "" {
			kept[key] = value
		}
	}
	return keepJSON(kept)
}

// keepJSON encodes without the escapes that HTML would need.
func keepJSON(kept any) (string, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(kept)
	return strings.TrimSuffix(text.String(), "\n"), err
}

func keepFields[Value any](fields map[string]Value) (string, error) {
	if len(fields) == 0 || len(fields) > MaxFields {
		return "", invalidEntry("it has %d fields, 1 to %d are allowed", len(fields), MaxFields)
	}
	kept := make(map[string]any, len(fields))
	for key, value := range fields {
		if err := CheckKey("field", key); err != nil {
			return "", err
		}
		if key == NamespaceTag {
			return "", invalidEntry("a field may not be named %q, as the tag that the store gives", key)
		}
		var err error
		if kept[key], err = keepField(key, value); err != nil {
			return "", err
		}
	}
	return keepJSON(kept)
}

// exactNumber is how an integer is kept: JSON's numbers are floats.
type exactNumber struct {
	Integer  *int64  `json:"integer,omitempty,string"`
	Unsigned *uint64 `json:"unsigned,omitempty,string"`
}

func keepField(key string, value any) (any, error) {
	switch value := value.(type) {
	case bool:
		return value, nil
	case string:
		return value, checkFieldText(key, value)
	case float32:
		return keepFloat(key, float64(value))
	case float64:
		return keepFloat(key, value)
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return keepInteger(value), nil
	default:
		return nil, invalidEntry("field %q is a %T; use a float, an integer, a bool or a string", key, value)
	}
}

func checkFieldText(key, text string) error {
	switch {
	case len(text) > MaxTextBytes:
		return &failure.TooLargeError{What: "field " + strconv.Quote(key), Size: len(text), Limit: MaxTextBytes}
	case !utf8.ValidString(text):
		return invalidEntry("field %q is not UTF-8", key)
	case strings.ContainsAny(text, "\n\r\x00"):
		return invalidEntry("field %q holds the end of a line or a NUL", key)
	}
	return nil
}

func keepFloat(key string, value float64) (any, error) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil, invalidEntry("field %q is %v, no finite number", key, value)
	}
	return value, nil
}

func keepInteger(value any) exactNumber {
	switch value := value.(type) {
	case int:
		return exactNumber{Integer: new(int64(value))}
	case int8:
		return exactNumber{Integer: new(int64(value))}
	case int16:
		return exactNumber{Integer: new(int64(value))}
	case int32:
		return exactNumber{Integer: new(int64(value))}
	case int64:
		return exactNumber{Integer: &value}
	case uint:
		return exactNumber{Unsigned: new(uint64(value))}
	case uint8:
		return exactNumber{Unsigned: new(uint64(value))}
	case uint16:
		return exactNumber{Unsigned: new(uint64(value))}
	case uint32:
		return exactNumber{Unsigned: new(uint64(value))}
	}
	unsigned, _ := value.(uint64)
	return exactNumber{Unsigned: &unsigned}
}

func invalidEntry(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", failure.ErrInvalidJournalEntry, fmt.Sprintf(format, arguments...))
}

// readFields returns the values of stored fields. Rows of the original library can hold
// anything: null is left out, and any other value that no field can have becomes its JSON, as
// text. The delivery refuses an entry without fields.
func readFields(text string) map[string]any {
	kept := keptValues(text)
	fields := make(map[string]any, len(kept))
	for key, raw := range kept {
		if value := readField(raw); value != nil {
			fields[key] = value
		}
	}
	return fields
}

// Values are the tags and fields of an entry. They are decoded one by one.
type Values struct{ tags, fields map[string]json.RawMessage }

// Find returns the tag or field of a name, nil if there is none.
func (values Values) Find(name string) any {
	if tag, found := values.tags[name]; found {
		return readTag(tag)
	}
	if field, found := values.fields[name]; found {
		return readField(field)
	}
	return nil
}

// keptValues returns the stored fields or tags, nil for anything but a JSON object.
func keptValues(text string) map[string]json.RawMessage {
	var kept map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &kept) != nil {
		return nil
	}
	return kept
}

func readField(raw json.RawMessage) any {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return string(raw)
	}
	switch value.(type) {
	case nil, bool, float64, string:
		return value
	}
	var number exactNumber
	switch err := json.Unmarshal(raw, &number); {
	case err == nil && number.Integer != nil:
		return *number.Integer
	case err == nil && number.Unsigned != nil:
		return *number.Unsigned
	}
	return string(raw)
}

// readTags returns stored tags. A tag of the original library that is not a text becomes its
// JSON.
func readTags(text string) map[string]string {
	kept := keptValues(text)
	tags := make(map[string]string, len(kept))
	for key, raw := range kept {
		tags[key] = readTag(raw)
	}
	return tags
}

func readTag(raw json.RawMessage) string {
	var value string
	if json.Unmarshal(raw, &value) != nil {
		return string(raw)
	}
	return value
}
