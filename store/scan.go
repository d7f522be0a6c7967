// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/paging"
	"dappco.re/go/storebus/store/internal/state"
)

// EntryName is the address of an entry.
type EntryName struct {
	// Group is the whole name.
	Group string
	Key   string
}

// ScanQuery asks for the entries of many groups, in byte order of the groups' whole
// names, then of the keys.
//
//	store.ScanQuery{Prefix: "acme:", Limit: 1000}
type ScanQuery struct {
	// Prefix is the beginning of the groups' whole names, byte for byte: "acme:" for the
	// namespace acme.
	Prefix string
	// After, if not nil, is the last entry before the page.
	After *EntryName
	// Limit is the largest number of entries; 0 is DefaultPageLimit.
	Limit int
	// KeysOnly leaves the values empty.
	KeysOnly bool
	// Fits is as in ChangesQuery.
	Fits func(*Entry) bool
}

// ScanPage is one page of entries, as they were at one point.
type ScanPage struct {
	Entries []Entry
	// Next is as in Page.
	Next *EntryName
	// Revision is the revision of the namespace that Prefix lies in.
	Revision uint64
}

func (query ScanQuery) read(view *state.View, now time.Time) (page ScanPage, err error) {
	if err := paging.CheckLimit(query.Limit); err != nil {
		return page, err
	}
	if page.Revision, err = view.RevisionOf(query.Prefix); err != nil {
		return page, err
	}
	filling := paging.New(query.Limit, query.Fits)
	passed, err := view.Scan(query.entries(), now, func(name kv.EntryName, state *kv.EntryState) bool {
		return filling.Take(pageEntry(name, state, query.KeysOnly))
	})
	page.Entries = filling.Elements
	switch {
	case passed != nil:
		page.Next = &EntryName{Group: passed.Group, Key: passed.Key}
	case filling.Full:
		last := &page.Entries[len(page.Entries)-1]
		page.Next = &EntryName{Group: last.Group, Key: last.Key}
	}
	return page, err
}

// entries is the range that a query covers.
func (query *ScanQuery) entries() state.Range {
	names := kv.Prefixed(query.Prefix)
	entries := state.Range{Low: kv.EntryName{Group: names.Low}, Columns: pageColumns(query.KeysOnly)}
	if names.High != nil {
		entries.High = &kv.EntryName{Group: *names.High}
	}
	if query.After == nil {
		return entries
	}
	if after := kv.EntryName(*query.After).Behind(); kv.CompareEntryNames(after, entries.Low) > 0 {
		entries.Low = after
	}
	return entries
}
