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

// JournalFields are the fields of a point by name. A value is a string, a boolean, or a
// number, which is a float. An exact integer of 64 bits is {"integer":"-5"} or
// {"unsigned":"5"}. A field that is null counts as left out.
type JournalFields map[string]jsontext.Value

// exactNumber is an integer on the wire, with its digits in a string.
type exactNumber struct {
	Integer  *jsontext.Value `json:"integer,omitzero"`
	Unsigned *jsontext.Value `json:"unsigned,omitzero"`
}

// NewJournalFields encodes Go values as the fields of a point. Each value is a bool, a
// string, or an integer or float of any size. Other values, NaN, infinities and text that
// is not UTF-8 are ErrBadRequest with the field by its path, fields/seconds.
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

// Values returns the fields as float64, int64, uint64, bool and string. Any other value
// is ErrBadRequest with the field by its path, fields/seconds.
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

// heldFloat reads a number. It refuses a number that a float would change.
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

// exactText encodes an integer for the wire. It returns "" for an integer of more than 64
// bits.
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

// readExact reads an integer from a string of digits. For an integer in another form, the
// error shows this form.
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

// Check implements Request. The store checks the rest of the point.
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

// JournalCommitReply is the reply to a journal_commit.
type JournalCommitReply struct {
	EntryID     uint64    `json:"entry_id"`
	CommittedAt time.Time `json:"committed_at"`
}

// JournalQueryRequest asks for points by a query in a part of Flux. docs/protocol.md has
// the grammar.
type JournalQueryRequest struct {
	Flux  *string `json:"flux,omitzero" required:"true"`
	Limit *int    `json:"limit,omitzero"`
}

// Check implements Request. It does not parse the query.
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

// JournalRow is one point of the result of a query.
type JournalRow struct {
	EntryID     uint64            `json:"entry_id"`
	Measurement string            `json:"measurement"`
	Fields      JournalFields     `json:"fields,omitzero"`
	Tags        map[string]string `json:"tags,omitzero"`
	CommittedAt time.Time         `json:"committed_at"`
	// ValueOmitted says that fields and tags are left out, because no message carries
	// them.
	ValueOmitted bool `json:"value_omitted,omitzero"`
}

// JournalQueryReply is the reply to a journal_query: points in the order of the query.
// Truncated says that there are more points than Limit, or than fit the reply.
type JournalQueryReply struct {
	Rows      []JournalRow `json:"rows"`
	Truncated bool         `json:"truncated"`
}

// JournalStatusRequest asks for the state of a namespace's journal.
type JournalStatusRequest struct{}

// Check implements Request.
func (JournalStatusRequest) Check() error { return nil }

// JournalStatusReply is the reply to a journal_status. Endpoint is nil if the sidecar has
// no endpoint. Then nothing is pending.
type JournalStatusReply struct {
	Pending         uint64    `json:"pending"`
	OldestPendingAt time.Time `json:"oldest_pending_at,omitzero"`
	Delivered       uint64    `json:"delivered"`
	Rejected        uint64    `json:"rejected"`
	LastError       string    `json:"last_error,omitzero"`
	Endpoint        *string   `json:"endpoint"`
}

// JournalRejectedRequest asks for a page of the points that the endpoint has refused.
type JournalRejectedRequest struct {
	After *string `json:"after,omitzero"`
	Limit *int    `json:"limit,omitzero"`
}

// Check implements Request.
func (request JournalRejectedRequest) Check() error { return checkOptional(request.Limit, checkLimit) }

// RejectedEntry is a point that the endpoint has refused. Status is the HTTP status, or 0
// if the point could not be sent at all.
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

// JournalRejectedReply is one page, in the order of the points' times. Pass Next as After
// to get the next page. An empty Next ends the list.
type JournalRejectedReply struct {
	Entries []RejectedEntry `json:"entries"`
	Next    string          `json:"next,omitzero"`
}

// JournalRequeueRequest delivers refused points again: the points of EntryIDs, or all
// refused points if EntryIDs is nil.
type JournalRequeueRequest struct {
	EntryIDs []uint64 `json:"entry_ids,omitzero"`
}

// Check implements Request.
func (request JournalRequeueRequest) Check() error {
	for _, entryID := range request.EntryIDs {
		if entryID > 1<<53 {
			return BadField("entry_ids", fmt.Sprintf("entry_ids are ids of entries, which %d is not", entryID))
		}
	}
	return cmp.Or(checkElements("entry_ids", len(request.EntryIDs)))
}

// JournalRequeueReply is the reply to a journal_requeue: the number of points that are
// pending again.
type JournalRequeueReply struct {
	Requeued uint64 `json:"requeued"`
}

// FlushRequest delivers the pending points of the journal now.
type FlushRequest struct{}

// Check implements Request.
func (FlushRequest) Check() error { return nil }

// FlushReply is the reply to a flush: the number of delivered points, and of points that
// are still pending.
type FlushReply struct {
	Delivered uint64 `json:"delivered"`
	Pending   uint64 `json:"pending"`
	LastError string `json:"last_error,omitzero"`
}

// JournalStatus is the state of the journal in a StatusReply and in STATS, for all
// namespaces together.
type JournalStatus struct {
	Pending         uint64    `json:"pending"`
	OldestPendingAt time.Time `json:"oldest_pending_at,omitzero"`
	Delivered       uint64    `json:"delivered"`
	Rejected        uint64    `json:"rejected"`
	LastError       string    `json:"last_error,omitzero"`
	Endpoint        *string   `json:"endpoint"`
	// Archiving is the number of entries that a running compaction has written.
	Archiving uint64 `json:"archiving,omitzero"`
}

// EncodeTimeCursor returns the "next" of a page of the journal that ended at a time.
func EncodeTimeCursor(at time.Time) string {
	return cursorTime + "." + strconv.FormatInt(at.UnixNano(), 10)
}

// DecodeTimeCursor returns the time of an "after" of the journal. Its errors are those of
// DecodeCursor.
func DecodeTimeCursor(cursor string) (time.Time, error) {
	text, found := strings.CutPrefix(cursor, cursorTime+".")
	nanoseconds, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || nanoseconds < 0 || cursor != EncodeTimeCursor(time.Unix(0, nanoseconds)) {
		return time.Time{}, badCursor(cursor)
	}
	return time.Unix(0, nanoseconds).UTC(), nil
}
