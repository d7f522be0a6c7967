// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"iter"

	"dappco.re/go/storebus/store/internal/state"
)

const (
	// keysPerPage is how many entries the iterators, GetAll and GetPage read at once.
	keysPerPage = 1024
	// expectedKeys bounds for how many keys GetAll makes room before it has read them.
	expectedKeys = 16 * keysPerPage
)

// KeyValue is an element of GetPage and All.
type KeyValue struct {
	Key   string
	Value string
}

// All iterates over the entries of a group in byte order of the keys. It reads in pages and
// holds nothing between them. So the loop may call the store, and write to the group. A key
// that is present throughout appears once. An entry that is written meanwhile may appear or
// not. An error ends the loop.
//
//	for entry, err := range store.All("config") { … }
func (store *Store) All(group string) iter.Seq2[KeyValue, error] {
	return func(yield func(KeyValue, error) bool) {
		rest := state.RestOf(group)
		for !rest.Ended {
			var page []KeyValue
			_, err := look(store, func(committer *committer) (struct{}, error) {
				return struct{}{}, rest.Read(committer.view, committer.clock.Now(), keysPerPage, state.PairsOnly, func(key, value string) {
					page = append(page, KeyValue{Key: key, Value: value})
				})
			})
			if err != nil {
				yield(KeyValue{}, operationError("store.All", group, "", err))
				return
			}
			for _, pair := range page {
				if !yield(pair, nil) {
					return
				}
			}
		}
	}
}

// AllSeq is All.
//
//	for entry, err := range store.AllSeq("config") { … }
func (store *Store) AllSeq(group string) iter.Seq2[KeyValue, error] { return store.All(group) }

// GetAll returns every entry of a group. A large group is read in pages, so an entry that is
// written meanwhile may be missing or not.
//
//	entries, err := store.GetAll("config")
func (store *Store) GetAll(group string) (map[string]string, error) {
	var all map[string]string
	for rest := state.RestOf(group); !rest.Ended; {
		_, err := look(store, func(committer *committer) (struct{}, error) {
			if all == nil {
				all = map[string]string{}
				if state, err := committer.view.Group(group); err == nil {
					all = make(map[string]string, min(state.Keys, expectedKeys))
				}
			}
			return struct{}{}, rest.Read(committer.view, committer.clock.Now(), keysPerPage, state.PairsOnly, func(key, value string) { all[key] = value })
		})
		if err != nil {
			return nil, operationError("store.GetAll", group, "", err)
		}
	}
	return all, nil
}

func checkPage(offset, limit int) error {
	if offset < 0 || limit < 0 {
		return fmt.Errorf("offset %d and limit %d may not be negative", offset, limit)
	}
	return nil
}
