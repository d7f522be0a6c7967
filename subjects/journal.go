// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JournalFields are the fields of a point by name: strings, booleans, numbers, which
// are floats, and {"integer":"-5"} and {"unsigned":"5"} for exact ones of 64 bits. A
// field that is null is as if left out.
type JournalFields map[string]jsontext.Value

// exactNumber is an integer as it travels, its digits in a string.
type exactNumber struct {
	Integer  *jsontext.Value `json:"integer,omitzero"`
	Unsigned *jsontext.Value `json:"unsigned,omitzero"`
}

// NewJournalFields makes the fields of a request or a reply from Go's values, each a
// bool, a string, or an integer or float of any size.
//
//	fields, err := subjects.NewJournalFields(map[string]any{"seconds": 12.5, "tries": 3})
func NewJournalFields(values map[string]any) (JournalFields, error) {
	fields := make(JournalFields, len(values))
	for name, value := range values {
		switch integer := value.(type) {
		case int, int8, int16, int32, int64:
			value = exactNumber{Integer: digitsOf(integer)}
		case uint, uint8, uint16, uint32, uint64:
			value = exactNumber{Unsigned: digitsOf(integer)}
		case bool, string, float32, float64:
		default:
			return nil, badJournalField(name)
		}
		text, err := json.Marshal(value)
		if err != nil { // NaN, an infinity, or no UTF-8
			return nil, badJournalField(name)
		}
		fields[name] = text
	}
	return fields, nil
}

func digitsOf(integer any) *jsontext.Value {
	return new(jsontext.Value(fmt.Sprintf(`"%d"`, integer)))
}

// Values gives the fields as float64, int64, uint64, bool and string. What is none of
// them is ErrBadRequest with the field by its path, fields/seconds.
func (fields JournalFields) Values() (map[string]any, error) {
	values := make(map[string]any, len(fields))
	for name, text := range fields {
		if text.Kind() == 'n' {
			continue
		}
		value, err := journalValue(name, text)
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	return values, nil
}

func journalValue(name string, text jsontext.Value) (any, error) {
	switch text.Kind() {
	case 't', 'f', '"':
		var value any
		if json.Unmarshal(text, &value) == nil {
			return value, nil
		}
	case '0':
		return heldFloat(name, string(text))
	case '{':
		return exactValue(name, text)
	}
	return nil, badJournalField(name)
}

// heldFloat reads a number, unless the float would be another.
func heldFloat(name, number string) (any, error) {
	float, err := strconv.ParseFloat(number, 64)
	if err == nil && FloatHolds(number, float) {
		return float, nil
	}
	given := describe(jsontext.Value(number))
	digits, whole := WholeNumber(number)
	if integer := exactText(digits); whole && integer != "" {
		return nil, badNumber(name, fmt.Sprintf("a float does not hold %s exactly: write %s", given, integer))
	}
	return nil, badNumber(name, fmt.Sprintf(`a float does not hold %s: write an integer of 64 bits as {"integer":"-5"}, and any other as a string`, given))
}

// exactText gives an integer as it travels, "" for one over 64 bits.
func exactText(digits string) string {
	if _, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return fmt.Sprintf(`{"integer":%q}`, digits)
	}
	if _, err := strconv.ParseUint(digits, 10, 64); err == nil {
		return fmt.Sprintf(`{"unsigned":%q}`, digits)
	}
	return ""
}

func badNumber(name, problem string) error {
	return BadField("fields/"+name, fmt.Sprintf("the field %s: %s", quote(name), problem))
}

func exactValue(name string, text jsontext.Value) (any, error) {
	var number exactNumber
	err := json.Unmarshal(text, &number, strict)
	switch {
	case err != nil || (number.Integer == nil) == (number.Unsigned == nil):
		return nil, badJournalField(name)
	case number.Integer != nil:
		return readExact(name, "integer", *number.Integer, func(digits string) (any, error) { return strconv.ParseInt(digits, 10, 64) })
	}
	return readExact(name, "unsigned", *number.Unsigned, func(digits string) (any, error) { return strconv.ParseUint(digits, 10, 64) })
}

// readExact reads an integer, which is a string of digits. Another way of writing it is
// refused with this one.
func readExact(name, kind string, given jsontext.Value, parse func(digits string) (any, error)) (any, error) {
	text := string(given)
	if given.Kind() == '"' {
		text = unquoted(given)
		if value, err := parse(text); err == nil {
			return value, nil
		}
	}
	digits, _ := WholeNumber(text)
	if _, err := parse(digits); err != nil {
		return nil, badJournalField(name)
	}
	return nil, badNumber(name, fmt.Sprintf("an integer of 64 bits is a string of digits: write {%q:%q}", kind, digits))
}

func badJournalField(name string) error {
	return BadField("fields/"+name, fmt.Sprintf(
		`the field %s is a string, a boolean, a finite number, or an integer of 64 bits as {"integer":"-5"} or {"unsigned":"5"}`, quote(name)))
}

// JournalCommitRequest puts a point into the journal.
type JournalCommitRequest struct {
	Measurement *string           `json:"measurement,omitzero" required:"true"`
	Fields      JournalFields     `json:"fields,omitzero" required:"true"`
	Tags        map[string]string `json:"tags,omitzero"`
}

// Check is Request's. What a point may be is the store's to say.
func (request JournalCommitRequest) Check() error {
	if request.Measurement == nil {
		return BadField("measurement", "measurement is required")
	}
	if request.Fields == nil {
		return BadField("fields", "fields is required")
	}
	values, err := request.Fields.Values()
	if err == nil && len(values) == 0 {
		err = BadField("fields", "fields is empty; a point has one at least")
	}
	return err
}

// JournalCommitReply answers a journal_commit.
type JournalCommitReply struct {
	EntryID     uint64    `json:"entry_id"`
	CommittedAt time.Time `json:"committed_at"`
}

// JournalQueryRequest asks for points in a part of Flux, which docs/protocol.md describes.
type JournalQueryRequest struct {
	Flux  *string `json:"flux,omitzero" required:"true"`
	Limit *int    `json:"limit,omitzero"`
}

// Check is Request's. It does not look at what the query says.
func (request JournalQueryRequest) Check() error {
	return cmp.Or(checkRequired("flux", request.Flux, checkFlux), checkOptional(request.Limit, checkLimit))
}

func checkFlux(flux string) error {
	switch {
	case len(flux) > MaxFluxBytes:
		return BadField("flux", fmt.Sprintf("flux is at most %d bytes, not %d", MaxFluxBytes, len(flux)))
	case !utf8.ValidString(flux):
		return BadField("flux", "flux is valid UTF-8, which this one is not")
	}
	return nil
}

// JournalRow is a point that a query has found.
type JournalRow struct {
	EntryID     uint64            `json:"entry_id"`
	Measurement string            `json:"measurement"`
	Fields      JournalFields     `json:"fields,omitzero"`
	Tags        map[string]string `json:"tags,omitzero"`
	CommittedAt time.Time         `json:"committed_at"`
	// ValueOmitted says that fields and tags are left out, since no message carries them.
	ValueOmitted bool `json:"value_omitted,omitzero"`
}

// JournalQueryReply answers a journal_query: points in the order of the query. Truncated
// tells that there are more than Limit, or than fit the reply.
type JournalQueryReply struct {
	Rows      []JournalRow `json:"rows"`
	Truncated bool         `json:"truncated"`
}

// JournalStatusRequest asks how the journal of a namespace stands.
type JournalStatusRequest struct{}

// Check is Request's.
func (JournalStatusRequest) Check() error { return nil }

// JournalStatusReply answers a journal_status. Endpoint is nil where there is none, and
// nothing is pending then.
type JournalStatusReply struct {
	Pending         uint64    `json:"pending"`
	OldestPendingAt time.Time `json:"oldest_pending_at,omitzero"`
	Delivered       uint64    `json:"delivered"`
	Rejected        uint64    `json:"rejected"`
	LastError       string    `json:"last_error,omitzero"`
	Endpoint        *string   `json:"endpoint"`
}

// JournalRejectedRequest asks for a page of what the endpoint has refused.
type JournalRejectedRequest struct {
	After *string `json:"after,omitzero"`
	Limit *int    `json:"limit,omitzero"`
}

// Check is Request's.
func (request JournalRejectedRequest) Check() error { return checkOptional(request.Limit, checkLimit) }

// RejectedEntry is a point that the endpoint has refused. Status is that of HTTP, 0 for
// one that could not be sent at all.
type RejectedEntry struct {
	EntryID     uint64            `json:"entry_id"`
	Measurement string            `json:"measurement"`
	Fields      JournalFields     `json:"fields,omitzero"`
	Tags        map[string]string `json:"tags,omitzero"`
	CommittedAt time.Time         `json:"committed_at"`
	RejectedAt  time.Time         `json:"rejected_at"`
	Status      int               `json:"status"`
	Reason      string            `json:"reason"`
	// ValueOmitted is as in JournalRow.
	ValueOmitted bool `json:"value_omitted,omitzero"`
}

// JournalRejectedReply is one page, in the order of the points' times. Next, where there
// is more, is handed back as After.
type JournalRejectedReply struct {
	Entries []RejectedEntry `json:"entries"`
	Next    string          `json:"next,omitzero"`
}

// JournalRequeueRequest has what the endpoint has refused sent again: the entries that
// are named, or all where EntryIDs is nil.
type JournalRequeueRequest struct {
	EntryIDs []uint64 `json:"entry_ids,omitzero"`
}

// Check is Request's.
func (request JournalRequeueRequest) Check() error {
	for _, entryID := range request.EntryIDs {
		if entryID > 1<<53 {
			return BadField("entry_ids", fmt.Sprintf("entry_ids are ids of entries, which %d is not", entryID))
		}
	}
	return cmp.Or(checkElements("entry_ids", len(request.EntryIDs)))
}

// JournalRequeueReply answers a journal_requeue: how many entries are pending again.
type JournalRequeueReply struct {
	Requeued uint64 `json:"requeued"`
}

// FlushRequest has what is pending in the journal delivered now.
type FlushRequest struct{}

// Check is Request's.
func (FlushRequest) Check() error { return nil }

// FlushReply answers a flush: how many points it has delivered, and how many are
// pending then.
type FlushReply struct {
	Delivered uint64 `json:"delivered"`
	Pending   uint64 `json:"pending"`
	LastError string `json:"last_error,omitzero"`
}

// JournalStatus is the journal in a StatusReply and in STATS, of all namespaces together.
type JournalStatus struct {
	Pending         uint64    `json:"pending"`
	OldestPendingAt time.Time `json:"oldest_pending_at,omitzero"`
	Delivered       uint64    `json:"delivered"`
	Rejected        uint64    `json:"rejected"`
	LastError       string    `json:"last_error,omitzero"`
	Endpoint        *string   `json:"endpoint"`
	// Archiving is how many entries a compaction that is under way has written.
	Archiving uint64 `json:"archiving,omitzero"`
}

// EncodeTimeCursor gives the "next" of a page of the journal that ended at a time.
func EncodeTimeCursor(at time.Time) string {
	return cursorTime + "." + strconv.FormatInt(at.UnixNano(), 10)
}

// DecodeTimeCursor gives the time that an "after" of the journal stands for.
func DecodeTimeCursor(cursor string) (time.Time, error) {
	text, found := strings.CutPrefix(cursor, cursorTime+".")
	nanoseconds, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || nanoseconds < 0 || cursor != EncodeTimeCursor(time.Unix(0, nanoseconds)) {
		return time.Time{}, badCursor(cursor)
	}
	return time.Unix(0, nanoseconds).UTC(), nil
}
