// SPDX-License-Identifier: EUPL-1.2

package kv

import (
	"time"

	"dappco.re/go/storebus/store/internal/failure"
)

// Entry is a key with its value, revision and times, as callers of the store get it.
type Entry struct {
	// Group is the whole name.
	Group     string
	Key       string
	Value     string
	Revision  uint64
	UpdatedAt time.Time
	// ExpiresAt is the zero time if the entry does not expire.
	ExpiresAt time.Time
}

// NewEntry returns an entry that is there.
func NewEntry(group, key string, state *EntryState) Entry {
	return Entry{
		Group:     group,
		Key:       key,
		Value:     state.Value,
		Revision:  state.Revision,
		UpdatedAt: time.Unix(0, state.UpdatedAt).UTC(),
		ExpiresAt: TimeOfMilliseconds(state.ExpiresAt),
	}
}

// LiveEntry returns an entry if it is there and has not expired, else NotFoundError.
func LiveEntry(name EntryName, found *EntryState, now time.Time) (Entry, error) {
	if !found.Present() || found.Expired(now) {
		return Entry{}, &failure.NotFoundError{Group: name.Group, Key: name.Key}
	}
	return NewEntry(name.Group, name.Key, found), nil
}
