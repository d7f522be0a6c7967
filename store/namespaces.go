// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/paging"
	"dappco.re/go/storebus/store/internal/state"
)

// NamespaceInfo describes a namespace that was ever written.
type NamespaceInfo struct {
	Namespace string
	// Revision is the revision of the last change.
	Revision uint64
	Keys     int64
	// Groups counts the groups with keys.
	Groups int64
	// Bytes is the sum of the lengths of group, key and value of every key.
	Bytes int64
}

// NamespacesQuery asks for namespaces in byte order.
//
//	store.NamespacesQuery{Prefix: "tenant-", Limit: 100}
type NamespacesQuery struct {
	// Prefix is the beginning of the names, byte for byte.
	Prefix string
	// After, if not nil, is the last namespace before the page.
	After *string
	// Limit is the largest number of namespaces; 0 is DefaultPageLimit.
	Limit int
	// Fits is as in ChangesQuery.
	Fits func(*NamespaceInfo) bool
}

// NamespacesPage is one page of namespaces, as they were at one point.
type NamespacesPage struct {
	Namespaces []NamespaceInfo
	// Next is the After of the next page, nil on the last page.
	Next *string
}

func (query NamespacesQuery) read(view *state.View) (page NamespacesPage, err error) {
	if err := paging.CheckLimit(query.Limit); err != nil {
		return page, err
	}
	// The empty name comes first and is no namespace.
	names := kv.Prefixed(query.Prefix).Behind("")
	if query.After != nil {
		names = names.Behind(*query.After)
	}
	filling := paging.New(query.Limit, query.Fits)
	err = view.NamespacesIn(names, func(name string, state kv.NamespaceState) bool {
		return filling.Take(NamespaceInfo{Namespace: name, Revision: state.Revision, Keys: state.Keys, Groups: state.Groups, Bytes: state.Bytes})
	})
	page.Namespaces = filling.Elements
	if filling.Full {
		page.Next = &page.Namespaces[len(page.Namespaces)-1].Namespace
	}
	return page, err
}
