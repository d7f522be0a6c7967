// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"iter"

	"dappco.re/go/storebus/store/internal/kv"
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

// GetGroups returns one page of groups. Expired keys do not count.
//
//	page, err := store.GetGroups(store.GroupsQuery{Prefix: "acme:"})
func (store *Store) GetGroups(query GroupsQuery) (GroupsPage, error) {
	page, err := askExactly(store, kv.RealmOfPrefix(query.Prefix), inView(query.read))
	if err != nil {
		return page, fmt.Errorf("store.GetGroups: prefix %q: %w", query.Prefix, err)
	}
	return page, nil
}

// SubmitGroups is GetGroups without waiting. It calls done once, before SubmitGroups returns or
// later from a goroutine of the store. done must not block.
func (store *Store) SubmitGroups(query GroupsQuery, done func(GroupsPage, error)) {
	submitExactly(store, kv.RealmOfPrefix(query.Prefix), inView(query.read), done)
}

func (query GroupsQuery) read(view *state.View) (page GroupsPage, err error) {
	if err := checkLimit(query.Limit); err != nil {
		return page, err
	}
	if page.Revision, err = view.RevisionOf(query.Prefix); err != nil {
		return page, err
	}
	names := kv.Prefixed(query.Prefix)
	if query.After != nil {
		names = names.Behind(*query.After)
	}
	filling := fillingOf(query.Limit, query.Fits)
	page.Next, err = view.PageOfGroups(names, kv.RealmOfPrefix(query.Prefix), func(name string, state kv.GroupState) bool {
		return filling.take(GroupInfo{Group: name, Keys: state.Keys, Revision: state.LastRevision})
	})
	page.Groups = filling.elements
	if filling.full {
		page.Next = &page.Groups[len(page.Groups)-1].Group
	}
	return page, err
}

// GroupsSeq iterates over the names of the groups that have keys and begin with prefix, byte
// for byte, in byte order. Without a prefix it iterates over all groups with keys. Like All it
// holds nothing between its pages.
//
//	for group, err := range store.GroupsSeq("tenant-a:") { … }
func (store *Store) GroupsSeq(prefix ...string) iter.Seq2[string, error] {
	query := GroupsQuery{Prefix: firstOf(prefix), Limit: keysPerPage}
	return func(yield func(string, error) bool) {
		for group, err := range store.groups(query) {
			if err != nil {
				err = fmt.Errorf("store.GroupsSeq: prefix %q: %w", query.Prefix, err)
			}
			if !yield(group, err) {
				return
			}
		}
	}
}

// Groups returns the names of the groups that have keys and begin with prefix, byte for byte,
// in byte order. Without a prefix it returns all groups with keys.
//
//	groups, err := store.Groups("tenant-a:")
func (store *Store) Groups(prefix ...string) ([]string, error) {
	names := []string{}
	for group, err := range store.groups(GroupsQuery{Prefix: firstOf(prefix), Limit: keysPerPage}) {
		if err != nil {
			return nil, fmt.Errorf("store.Groups: prefix %q: %w", firstOf(prefix), err)
		}
		names = append(names, group)
	}
	return names, nil
}

// groups goes through the pages of a query; an error is the last that it yields.
func (store *Store) groups(query GroupsQuery) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for more := true; more; {
			page, err := askExactly(store, kv.RealmOfPrefix(query.Prefix), inView(query.read))
			if err != nil {
				yield("", err)
				return
			}
			for _, group := range page.Groups {
				if !yield(group.Group, nil) {
					return
				}
			}
			query.After, more = page.Next, page.Next != nil
		}
	}
}

func firstOf(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}
