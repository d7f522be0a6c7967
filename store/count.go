// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// CountQuery asks for the number of keys, in one group or in many.
//
//	store.CountQuery{Prefix: "acme:session:"}
type CountQuery struct {
	// Group, if not nil, is the whole name of the only group to count.
	Group *string
	// Prefix is the beginning of the groups' whole names, byte for byte: "acme:" for the
	// namespace acme, "" for the store.
	Prefix string
}

// KeyCount is the number of keys at one point.
type KeyCount struct {
	Keys int64
	// Revision is the revision of the namespace that Group or Prefix lies in.
	Revision uint64
}

func (query CountQuery) realm() kv.Realm {
	if query.Group != nil {
		return kv.RealmOf(*query.Group)
	}
	return kv.RealmOfPrefix(query.Prefix)
}

func (query CountQuery) read(view *state.View) (count KeyCount, err error) {
	name := query.Prefix
	if query.Group != nil {
		name = *query.Group
	}
	if count.Revision, err = view.RevisionOf(name); err != nil {
		return count, err
	}
	if query.Group != nil {
		count.Keys, err = view.KeysOf(name)
	} else {
		count.Keys, err = view.KeysIn(name)
	}
	return count, err
}
