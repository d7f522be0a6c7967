// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/subjects"
)

// Name names an entry of a namespace.
type Name struct {
	Group, Key string
}

// Lookup is the result for one name: an entry, or only the name and Missing.
type Lookup struct {
	Entry
	Missing bool
}

// Many is the result of GetMany, read at one point.
type Many struct {
	// Entries are in the order of the names.
	Entries []Lookup
	// Revision is the namespace's revision at the time of reading.
	Revision uint64
}

// GetMany returns the entries of at most 1,000 names. A missing key is no error: its
// Lookup is Missing. An entry that alone fits no message comes with ValueOmitted. GetMany
// returns subjects.ErrTooLarge if the values together do not fit one message.
//
//	many, err := store.GetMany(ctx, "acme", []client.Name{{"config", "theme"}, {"config", "language"}})
func (client *Client) GetMany(ctx context.Context, namespace string, names []Name) (Many, error) {
	const method = "GetMany"
	request := subjects.GetManyRequest{Entries: make([]subjects.EntryName, len(names))}
	for index := range names {
		request.Entries[index] = subjects.EntryName{Group: &names[index].Group, Key: &names[index].Key}
	}
	reply, err := exchange[subjects.GetManyReply](ctx, client, call{method: method, namespace: namespace, verb: subjects.VerbGetMany, body: request})
	if err != nil {
		return Many{}, err
	}
	if len(reply.Entries) != len(names) {
		return Many{}, named(method, fmt.Errorf("%w: %d entries for %d names", errMalformed, len(reply.Entries), len(names)))
	}
	many := Many{Entries: make([]Lookup, len(names)), Revision: reply.Revision}
	for index, entry := range reply.Entries {
		if many.Entries[index], err = newLookup(entry); err != nil {
			return Many{}, named(method, err)
		}
	}
	return many, nil
}

func newLookup(reply subjects.Lookup) (Lookup, error) {
	entry, err := newEntry(subjects.Entry{
		Group: reply.Group, Key: reply.Key, Content: reply.Content,
		Revision: reply.Revision, UpdatedAt: reply.UpdatedAt, ExpiresAt: reply.ExpiresAt, ValueOmitted: reply.ValueOmitted,
	})
	return Lookup{Entry: entry, Missing: reply.Missing}, err
}
