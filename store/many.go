// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// ManyQuery asks for entries by name.
//
//	store.ManyQuery{Names: []store.EntryName{{Group: "acme:config", Key: "theme"}, {Group: "acme:config", Key: "locale"}}}
type ManyQuery struct {
	Names []EntryName
	// Fits, if not nil, is called for each existing entry, in order. The first entry that does
	// not fit ends the call with ErrTooLarge. Fits must be quick and must not call the store.
	Fits func(*Entry) bool
}

// ManyEntries has entries as they were at one point.
type ManyEntries struct {
	// Entries has one entry for each name, in order. A missing entry has its names and Revision
	// 0.
	Entries []Entry
	// Revision is the revision of the namespace of the first name, 0 outside namespaces.
	Revision uint64
}

func (query ManyQuery) read(view *state.View, now time.Time) (many ManyEntries, err error) {
	if len(query.Names) == 0 {
		return many, nil
	}
	if many.Revision, err = view.RevisionOf(query.Names[0].Group); err != nil {
		return many, err
	}
	many.Entries = make([]Entry, len(query.Names))
	for index, name := range query.Names {
		found, err := view.Entry(kv.EntryName(name))
		if err != nil {
			return ManyEntries{}, err
		}
		entry := &many.Entries[index]
		if !found.Present() || found.Expired(now) {
			entry.Group, entry.Key = name.Group, name.Key
			continue
		}
		*entry = kv.NewEntry(name.Group, name.Key, &found)
		if query.Fits != nil && !query.Fits(entry) {
			return ManyEntries{}, fmt.Errorf("%w: group %q key %q does not fit any more", failure.ErrTooLarge, name.Group, name.Key)
		}
	}
	return many, nil
}
