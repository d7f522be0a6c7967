// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// eventMargin is room in a message for all but the body of an event: its headers, or the
// envelope of a page of changes.
const eventMargin = 8 << 10

// MinPayload is the smallest max_payload of a broker, in bytes. The publisher holds all events
// back while its connection carries less: they are in the log.
const MinPayload = 64 << 10

// eventLimit returns the largest body of an event that fits a message of maxPayload
// bytes, and a page of changes. A larger event goes without its value, in both.
func eventLimit(maxPayload int64) int { return int(maxPayload) - eventMargin }

// encodedEvent is an event as JSON.
type encodedEvent struct {
	body []byte
	// fits is false if the event is too large even without its value.
	fits         bool
	valueOmitted bool
}

// encodeEvent writes an event into a buffer.
func encodeEvent(buffer []byte, event *store.Event, storeID string, limit int) encodedEvent {
	record, fits := eventRecord(event, storeID, limit)
	return encodeRecord(buffer, &record, fits)
}

func encodeRecord(buffer []byte, record *subjects.EventRecord, fits bool) encodedEvent {
	return encodedEvent{body: subjects.AppendEvent(buffer, record), fits: fits, valueOmitted: record.ValueOmitted}
}

// eventRecord converts a change for the wire. It leaves the value out if the event would
// be larger than limit. It reports false if the event is too large even without its
// value. Names that JSON cannot carry are shown as tokens.
func eventRecord(event *store.Event, storeID string, limit int) (record subjects.EventRecord, fits bool) {
	record = subjects.EventRecord{
		Revision:         event.Revision,
		Previous:         event.Previous,
		Type:             subjects.EventType(event.Type.String()),
		Store:            storeID,
		Namespace:        event.Namespace,
		Group:            shownName(event.LocalGroup()),
		Key:              shownName(event.Key),
		Value:            event.Value,
		Created:          event.Created,
		ExpiresAt:        event.ExpiresAt,
		Timestamp:        event.Timestamp,
		TransactionFirst: event.TransactionFirst,
		TransactionLast:  event.TransactionLast,
	}
	fits = subjects.EntryFits(record.Group, record.Key, event.Value, limit)
	if !fits && event.Type == store.EventSet {
		record.ValueOmitted = true
		fits = subjects.EntryFits(record.Group, record.Key, "", limit)
	}
	return record, fits
}
