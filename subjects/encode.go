// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"encoding/base64"
	"strconv"
	"time"
)

// EntryRecord is one entry, not encoded. AppendEntry writes the same JSON as json.Marshal
// of an Entry or a Lookup, without building one.
type EntryRecord struct {
	Group, Key, Value    string
	KeysOnly             bool // leave the value out
	Missing              bool // there is no such entry: leave all out but the names
	ValueOmitted         bool // leave the value out, and say so
	Revision             uint64
	UpdatedAt, ExpiresAt time.Time
}

// EventRecord is one change, not encoded. AppendEvent writes the same JSON as
// json.Marshal of an Event, without building one.
type EventRecord struct {
	Revision, Previous                uint64
	Type                              EventType
	Store, Namespace                  string
	Group, Key, Value                 string // Key in all but EventDeleteGroup, Value in EventSet only
	Created                           bool   // in EventSet only
	ExpiresAt, Timestamp              time.Time
	TransactionFirst, TransactionLast uint64 // 0 if the change is part of no transaction
	ValueOmitted                      bool   // leave the value of an EventSet out, and say so
}

// ListRecord is one page of a group or of a namespace. AppendList writes the same JSON as
// json.Marshal of a ListReply.
type ListRecord struct {
	Entries  []EntryRecord
	Next     string
	Revision uint64
	Store    string
}

// ChangesRecord is one page of the log. AppendChanges writes the same JSON as
// json.Marshal of a ChangesReply.
type ChangesRecord struct {
	Changes []EventRecord
	// Bodies are changes that AppendEvent has written, in place of Changes.
	Bodies                 [][]byte
	Next, Oldest, Revision uint64
	Store                  string
}

// AppendSetReply appends the reply to a set to dst.
func AppendSetReply(dst []byte, reply SetReply) []byte {
	dst = appendUint(append(dst, `{"revision":`...), reply.Revision)
	dst = strconv.AppendBool(append(dst, `,"created":`...), reply.Created)
	return append(appendExpiry(dst, reply.ExpiresAt), '}')
}

// AppendExistsReply appends the reply to an exists to dst.
func AppendExistsReply(dst []byte, reply ExistsReply) []byte {
	dst = strconv.AppendBool(append(dst, `{"exists":`...), reply.Exists)
	if reply.Revision != 0 {
		dst = appendUint(append(dst, `,"revision":`...), reply.Revision)
	}
	return append(dst, '}')
}

// AppendDeleteReply appends the reply to a delete to dst.
func AppendDeleteReply(dst []byte, reply DeleteReply) []byte {
	dst = strconv.AppendBool(append(dst, `{"deleted":`...), reply.Deleted)
	return append(appendUint(append(dst, `,"revision":`...), reply.Revision), '}')
}

// AppendEntry appends an entry to dst: the reply to a get, or an element of a page.
//
//	{"group":"config","key":"theme","value":"dark","revision":42,"updated_at":"2026-11-22T10:00:00Z"}
func AppendEntry(dst []byte, entry *EntryRecord) []byte {
	dst = appendString(append(dst, `{"group":`...), entry.Group)
	dst = appendString(append(dst, `,"key":`...), entry.Key)
	if entry.Missing {
		return append(dst, `,"missing":true}`...)
	}
	if !entry.KeysOnly && !entry.ValueOmitted {
		dst = appendContent(dst, `,"value":`, entry.Value)
	}
	return appendRevision(dst, entry)
}

// appendRevision appends what follows the value of an entry.
func appendRevision(dst []byte, entry *EntryRecord) []byte {
	dst = appendUint(append(dst, `,"revision":`...), entry.Revision)
	dst = appendTime(append(dst, `,"updated_at":`...), entry.UpdatedAt)
	dst = appendExpiry(dst, entry.ExpiresAt)
	if entry.ValueOmitted {
		dst = append(dst, `,"value_omitted":true`...)
	}
	return append(dst, '}')
}

// OpenEntry appends the beginning of an entry to dst, up to its value. The caller appends the value
// as it is, and calls CloseEntry.
//
//	{"group":"config","key":"theme","value":"
func OpenEntry(dst []byte, group, key string) []byte {
	dst = appendString(append(dst, `{"group":`...), group)
	dst = appendString(append(dst, `,"key":`...), key)
	return append(dst, `,"value":"`...)
}

// CloseEntry ends the entry that OpenEntry has begun, so that it is as AppendEntry writes it. The
// bytes of dst from value on are the value as it is. entry has no names and no value.
func CloseEntry(dst []byte, value int, entry *EntryRecord) []byte {
	if isLiteral(dst[value:]) {
		dst = append(dst, '"')
	} else {
		dst = appendContent(dst[:value-len(`"`)], "", string(dst[value:]))
	}
	return appendRevision(dst, entry)
}

// AppendList appends a page of a group, or of a namespace, to dst.
func AppendList(dst []byte, page *ListRecord) []byte {
	dst = appendEntries(dst, page.Entries)
	dst = appendNext(dst, page.Next)
	dst = appendUint(append(dst, `,"revision":`...), page.Revision)
	return append(appendString(append(dst, `,"store":`...), page.Store), '}')
}

// AppendEvent appends an event to dst: the body of its message, or an element of
// a page of changes.
//
//	{"revision":42,"previous":40,"type":"delete","store":"k3F","namespace":"acme","group":"config","key":"theme","timestamp":"2026-11-22T10:00:00Z"}
func AppendEvent(dst []byte, event *EventRecord) []byte {
	dst = appendUint(append(dst, `{"revision":`...), event.Revision)
	dst = appendUint(append(dst, `,"previous":`...), event.Previous)
	dst = appendString(append(dst, `,"type":`...), string(event.Type))
	dst = appendString(append(dst, `,"store":`...), event.Store)
	dst = appendString(append(dst, `,"namespace":`...), event.Namespace)
	dst = appendString(append(dst, `,"group":`...), event.Group)
	dst = appendEventSubject(dst, event)
	if event.Type == EventSet || event.Type == EventTouch {
		dst = appendExpiry(dst, event.ExpiresAt)
	}
	dst = appendTime(append(dst, `,"timestamp":`...), event.Timestamp)
	dst = appendTransaction(dst, event)
	if event.Type == EventSet && event.ValueOmitted {
		dst = append(dst, `,"value_omitted":true`...)
	}
	return append(dst, '}')
}

// appendEventSubject appends the key of a change and its new value.
func appendEventSubject(dst []byte, event *EventRecord) []byte {
	if event.Type != EventDeleteGroup {
		dst = appendString(append(dst, `,"key":`...), event.Key)
	}
	if event.Type != EventSet {
		return dst
	}
	if !event.ValueOmitted {
		dst = appendContent(dst, `,"value":`, event.Value)
	}
	return strconv.AppendBool(append(dst, `,"created":`...), event.Created)
}

func appendTransaction(dst []byte, event *EventRecord) []byte {
	if event.TransactionFirst == 0 {
		return dst
	}
	dst = appendUint(append(dst, `,"transaction":{"first":`...), event.TransactionFirst)
	return append(appendUint(append(dst, `,"last":`...), event.TransactionLast), '}')
}

// AppendChanges appends a page of the log to dst.
func AppendChanges(dst []byte, page *ChangesRecord) []byte {
	dst = append(dst, `{"changes":[`...)
	for index := range page.Changes {
		dst = AppendEvent(appendComma(dst, index), &page.Changes[index])
	}
	for index, body := range page.Bodies {
		dst = append(appendComma(dst, index), body...)
	}
	dst = appendUint(append(dst, `],"next":`...), page.Next)
	dst = appendUint(append(dst, `,"oldest":`...), page.Oldest)
	dst = appendUint(append(dst, `,"revision":`...), page.Revision)
	return append(appendString(append(dst, `,"store":`...), page.Store), '}')
}

// AppendTime appends a time in the form of the contract: RFC 3339 in UTC, with up to nine
// decimals.
func AppendTime(dst []byte, at time.Time) []byte {
	seconds, nanoseconds := at.Unix(), at.Nanosecond()
	if seconds < 0 || seconds > lastSecond {
		return at.UTC().AppendFormat(dst, time.RFC3339Nano)
	}
	year, month, day := dateOf(seconds / secondsPerDay)
	second := int(seconds % secondsPerDay)
	dst = appendPair(appendPair(dst, year/100), year%100)
	dst = appendPair(append(dst, '-'), month)
	dst = appendPair(append(dst, '-'), day)
	dst = appendPair(append(dst, 'T'), second/3600)
	dst = appendPair(append(dst, ':'), second/60%60)
	dst = appendPair(append(dst, ':'), second%60)
	return append(appendFraction(dst, nanoseconds), 'Z')
}

const (
	secondsPerDay = 24 * 60 * 60
	// lastSecond is the end of the year 9999.
	lastSecond = 253402300799
)

// dateOf returns the date of a day, counted from 1 January 1970. It counts years from 1 March, so
// that the day of a leap year is the last one, and in eras of 400 years.
func dateOf(day int64) (year, month, dayOfMonth int) {
	const fromEra, daysPerEra = 719468, 146097
	day += fromEra
	era, dayOfEra := int(day/daysPerEra), int(day%daysPerEra)
	year = (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*year + year/4 - year/100)
	month = (5*dayOfYear + 2) / 153
	dayOfMonth = dayOfYear - (153*month+2)/5 + 1
	year += 400 * era
	if month += 3; month > 12 {
		return year + 1, month - 12, dayOfMonth
	}
	return year, month, dayOfMonth
}

// appendPair appends two digits.
func appendPair(dst []byte, number int) []byte {
	return append(dst, byte('0'+number/10), byte('0'+number%10))
}

// appendFraction appends a point and up to nine decimals, without zeros at the end.
func appendFraction(dst []byte, nanoseconds int) []byte {
	if nanoseconds == 0 {
		return dst
	}
	var digits [10]byte
	digits[0] = '.'
	for index := len(digits) - 1; index > 0; index-- {
		digits[index] = byte('0' + nanoseconds%10)
		nanoseconds /= 10
	}
	end := len(digits)
	for digits[end-1] == '0' {
		end--
	}
	return append(dst, digits[:end]...)
}

// appendContent appends the name of a member and a value: a JSON string, or base64 if the
// bytes are not valid UTF-8.
func appendContent(dst []byte, member, value string) []byte {
	dst = append(dst, member...)
	quoted, valid := appendValidString(dst, value)
	if valid {
		return quoted
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), []byte(value))
	return append(dst, `","encoding":"`+EncodingBase64+`"`...)
}

func appendExpiry(dst []byte, at time.Time) []byte {
	if at.IsZero() {
		return dst
	}
	return appendTime(append(dst, `,"expires_at":`...), at)
}

func appendTime(dst []byte, at time.Time) []byte {
	return append(AppendTime(append(dst, '"'), at), '"')
}

func appendComma(dst []byte, index int) []byte {
	if index == 0 {
		return dst
	}
	return append(dst, ',')
}

func appendUint(dst []byte, number uint64) []byte { return strconv.AppendUint(dst, number, 10) }
