// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/paging"
	"dappco.re/go/storebus/store/internal/state"
)

// GroupInfo is a group that has keys.
type GroupInfo struct {
	// Group is the whole name.
	Group string
	Keys  int64
	// Revision is the revision of the group's last change.
	Revision uint64
}

// GroupsQuery asks for groups that have keys, in byte order of their whole names.
//
//	store.GroupsQuery{Prefix: "acme:session:", Limit: 100}
type GroupsQuery struct {
	// Prefix is the beginning of the whole names, byte for byte: "acme:" for the namespace
	// acme.
	Prefix string
	// After, if not nil, is the last group before the page.
	After *string
	// Limit is the largest number of groups; 0 is DefaultPageLimit.
	Limit int
	// Fits is as in ChangesQuery.
	Fits func(*GroupInfo) bool
}

// GroupsPage is one page of groups, as they were at one point.
type GroupsPage struct {
	Groups []GroupInfo
	// Next is as in Page.
	Next *string
	// Revision is the revision of the namespace that Prefix lies in.
	Revision uint64
}

func (query GroupsQuery) read(view *state.View) (page GroupsPage, err error) {
	if err := paging.CheckLimit(query.Limit); err != nil {
		return page, err
	}
	if page.Revision, err = view.RevisionOf(query.Prefix); err != nil {
		return page, err
	}
	names := kv.Prefixed(query.Prefix)
	if query.After != nil {
		names = names.Behind(*query.After)
	}
	filling := paging.New(query.Limit, query.Fits)
	page.Next, err = view.PageOfGroups(names, kv.RealmOfPrefix(query.Prefix), func(name string, state kv.GroupState) bool {
		return filling.Take(GroupInfo{Group: name, Keys: state.Keys, Revision: state.LastRevision})
	})
	page.Groups = filling.Elements
	if filling.Full {
		page.Next = &page.Groups[len(page.Groups)-1].Group
	}
	return page, err
}
