// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/paging"
	"dappco.re/go/storebus/store/internal/state"
)

// PageQuery asks for one page of a group, in byte order of the keys.
//
//	store.PageQuery{Group: "acme:config", Prefix: "ui.", Limit: 100}
type PageQuery struct {
	// Group is the whole name.
	Group string
	// Prefix is the beginning of the keys, byte for byte.
	Prefix string
	// After, if not nil, is the last key before the page, in the direction of the page.
	After *string
	// Limit is the largest number of entries; 0 is DefaultPageLimit.
	Limit int
	// KeysOnly leaves the values empty.
	KeysOnly bool
	// Descending begins with the last key.
	Descending bool
	// Fits is as in ChangesQuery.
	Fits func(*Entry) bool
}

// Page is one page of a group, as it was at one point.
type Page struct {
	Entries []Entry
	// Next is the After of the next page, nil on the last page. A page may end early, even
	// without an entry, if many deleted or expired entries had to be passed over.
	Next *string
	// Revision is the revision of the namespace at that point.
	Revision uint64
}

func (query PageQuery) read(view *state.View, now time.Time) (page Page, err error) {
	if err := paging.CheckLimit(query.Limit); err != nil {
		return Page{}, err
	}
	if page.Revision, err = view.RevisionOf(query.Group); err != nil {
		return Page{}, err
	}
	filling := paging.New(query.Limit, query.Fits)
	passed, err := view.Page(query.keys(), now, func(name kv.EntryName, state *kv.EntryState) bool {
		return filling.Take(pageEntry(name, state, query.KeysOnly))
	})
	page.Entries = filling.Elements
	switch {
	case passed != nil:
		page.Next = &passed.Key
	case filling.Full:
		page.Next = &page.Entries[len(page.Entries)-1].Key
	}
	return page, err
}

// pageEntry is the part of an entry in a page.
func pageEntry(name kv.EntryName, found *kv.EntryState, keysOnly bool) Entry {
	entry := kv.NewEntry(name.Group, name.Key, found)
	if keysOnly {
		// Memory has the values at hand; the tables were not asked for them.
		entry.Value = ""
	}
	return entry
}

// keys is the range of entries that a query covers.
func (query *PageQuery) keys() state.Range {
	names := kv.Prefixed(query.Prefix)
	switch {
	case query.After == nil:
	case query.Descending:
		if names.High == nil || *query.After < *names.High {
			names.High = query.After
		}
	default:
		names = names.Behind(*query.After)
	}
	entries := state.Range{Low: kv.EntryName{Group: query.Group, Key: names.Low}, Descending: query.Descending, Columns: pageColumns(query.KeysOnly)}
	// The first entry of any later group follows the last of this one.
	entries.High = &kv.EntryName{Group: kv.FirstBehind(query.Group)}
	if names.High != nil {
		entries.High = &kv.EntryName{Group: query.Group, Key: *names.High}
	}
	return entries
}

// pageColumns are the columns of a page.
func pageColumns(onlyKeys bool) state.Columns {
	if onlyKeys {
		return state.KeysOnly
	}
	return state.WholeEntries
}
