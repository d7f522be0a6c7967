// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// eventMargin is what a message with one event needs beside the event's body: its
// headers, or the envelope of a page of changes.
const eventMargin = 8 << 10

// eventLimit is the largest body of an event that fits into a message, and into a
// page of changes, of so many bytes. What is larger goes without its value, alike
// in both.
func eventLimit(maxPayload int64) int { return int(maxPayload) - eventMargin }

// eventRecord is a change as it travels. Its value is left out where the event
// would be larger than limit; it does not fit where it is larger without. Names
// that JSON cannot carry are shown as tokens.
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
