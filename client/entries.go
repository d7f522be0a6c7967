// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"dappco.re/go/storebus/subjects"
)

// Entry is one entry of a namespace.
type Entry struct {
	Group, Key string
	// Value is nil where ListOptions.KeysOnly left it out.
	Value []byte
	// Revision is that of the entry's last change: what IfRevision compares with.
	Revision  uint64
	UpdatedAt time.Time
	// ExpiresAt is zero where the entry does not expire.
	ExpiresAt time.Time
}

// SetOptions is what a set can be asked for. Its zero value is a plain set.
type SetOptions struct {
	// TTL is when the entry expires: subjects.After(time.Minute). Its zero value is
	// never, which clears an expiry that stood; subjects.KeepExpiry leaves it as it is.
	TTL subjects.TTL
	// IfRevision makes the set conditional: 0 means that the key is not there, any
	// other that it stands at that revision. Nil: it is set whatever stands.
	IfRevision *uint64
}

// DeleteOptions is what a delete can be asked for. Its zero value is a plain delete.
type DeleteOptions struct {
	// IfRevision is as in SetOptions.
	IfRevision *uint64
}

// ListOptions is what a listing can be asked for. Its zero value lists a group from
// its first key.
type ListOptions struct {
	// Prefix, where it is given, is what the keys begin with, byte for byte.
	Prefix string
	// After is Next of the page before. Empty: the first page.
	After string
	// Limit is how many entries a page holds at most, 1 to 1,000. 0: 100.
	Limit int
	// KeysOnly leaves the values out.
	KeysOnly bool
	// Descending lists from the last key to the first.
	Descending bool
}

// Page is one page of a listing, read at one point.
type Page struct {
	Entries []Entry
	// Next is handed back as After for the page that follows. Empty: there is none.
	Next string
	// Revision is the namespace's at the time of reading. Who wants to follow on from
	// a listing takes the first page's, and Store, into WatchOptions.
	Revision uint64
	Store    string
}

// Set stores a value under a key of a group, and answers with the revision that the
// entry now stands at: the value is on disk then. It returns
// subjects.ErrRevisionConflict where IfRevision does not hold.
//
//	reply, err := store.Set(ctx, "acme", "config", "theme", []byte("dark"), client.SetOptions{})
func (client *Client) Set(ctx context.Context, namespace, group, key string, value []byte, options SetOptions) (subjects.SetReply, error) {
	const method = "Set"
	if err := cmp.Or(checkNames(namespace, group, key), options.TTL.Check()); err != nil {
		return subjects.SetReply{}, named(method, err)
	}
	return exchange[subjects.SetReply](ctx, client, call{
		method:  method,
		subject: client.space.Request(namespace, subjects.VerbSet),
		writes:  true,
		body: subjects.SetRequest{
			Group: &group, Key: &key, Content: subjects.NewContent(string(value)), TTL: given(options.TTL), IfRevision: options.IfRevision,
		},
	})
}

// Get gives the entry of a key, or subjects.ErrNotFound.
//
//	entry, err := store.Get(ctx, "acme", "config", "theme")
func (client *Client) Get(ctx context.Context, namespace, group, key string) (Entry, error) {
	const method = "Get"
	if err := checkNames(namespace, group, key); err != nil {
		return Entry{}, named(method, err)
	}
	reply, err := exchange[subjects.Entry](ctx, client, call{
		method:  method,
		subject: client.space.Request(namespace, subjects.VerbGet),
		body:    subjects.GetRequest{Group: &group, Key: &key},
	})
	if err != nil {
		return Entry{}, err
	}
	entry, err := newEntry(reply)
	if err != nil {
		return Entry{}, named(method, err)
	}
	return entry, nil
}

// Exists says whether a key is there, and at which revision.
func (client *Client) Exists(ctx context.Context, namespace, group, key string) (subjects.ExistsReply, error) {
	const method = "Exists"
	if err := checkNames(namespace, group, key); err != nil {
		return subjects.ExistsReply{}, named(method, err)
	}
	return exchange[subjects.ExistsReply](ctx, client, call{
		method:  method,
		subject: client.space.Request(namespace, subjects.VerbExists),
		body:    subjects.ExistsRequest{Group: &group, Key: &key},
	})
}

// Delete removes a key. A key that is not there is no error: Deleted is false. It
// returns subjects.ErrRevisionConflict where IfRevision does not hold.
//
//	reply, err := store.Delete(ctx, "acme", "config", "theme", client.DeleteOptions{IfRevision: client.Revision(41)})
func (client *Client) Delete(ctx context.Context, namespace, group, key string, options DeleteOptions) (subjects.DeleteReply, error) {
	const method = "Delete"
	if err := checkNames(namespace, group, key); err != nil {
		return subjects.DeleteReply{}, named(method, err)
	}
	return exchange[subjects.DeleteReply](ctx, client, call{
		method:  method,
		subject: client.space.Request(namespace, subjects.VerbDelete),
		writes:  true,
		body:    subjects.DeleteRequest{Group: &group, Key: &key, IfRevision: options.IfRevision},
	})
}

// List gives one page of a group, in byte order of the keys.
//
//	page, err := store.List(ctx, "acme", "config", client.ListOptions{Prefix: "theme.", Limit: 1000})
func (client *Client) List(ctx context.Context, namespace, group string, options ListOptions) (Page, error) {
	return client.list(ctx, "List", namespace, group, options)
}

// ListAll gives every entry of a group, page by page, from options.After on; Limit
// is the size of a page. A key that is there throughout comes exactly once,
// whatever is written meanwhile, by the loop itself too: nothing is held open
// between pages. An error ends the loop.
//
//	for entry, err := range store.ListAll(ctx, "acme", "config", client.ListOptions{}) {
func (client *Client) ListAll(ctx context.Context, namespace, group string, options ListOptions) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for options := options; ; {
			page, err := client.list(ctx, "ListAll", namespace, group, options)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, entry := range page.Entries {
				if !yield(entry, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			options.After = page.Next
		}
	}
}

func (client *Client) list(ctx context.Context, method, namespace, group string, options ListOptions) (Page, error) {
	if err := checkGroup(namespace, group); err != nil {
		return Page{}, named(method, err)
	}
	reply, err := exchange[subjects.ListReply](ctx, client, call{
		method:  method,
		subject: client.space.Request(namespace, subjects.VerbList),
		body: subjects.ListRequest{
			Group: &group, Prefix: given(options.Prefix), After: given(options.After), Limit: given(options.Limit),
			KeysOnly: given(options.KeysOnly), Descending: given(options.Descending),
		},
	})
	if err != nil {
		return Page{}, err
	}
	page := Page{Entries: make([]Entry, len(reply.Entries)), Next: reply.Next, Revision: reply.Revision, Store: reply.Store}
	for index, entry := range reply.Entries {
		if page.Entries[index], err = newEntry(entry); err != nil {
			return Page{}, named(method, err)
		}
	}
	return page, nil
}

// newEntry gives an entry as it travelled its value as bytes.
func newEntry(reply subjects.Entry) (Entry, error) {
	value, err := contentBytes(reply.Content)
	if err != nil {
		return Entry{}, fmt.Errorf("group %q key %q: %w", reply.Group, reply.Key, err)
	}
	return Entry{
		Group: reply.Group, Key: reply.Key, Value: value,
		Revision: reply.Revision, UpdatedAt: reply.UpdatedAt, ExpiresAt: reply.ExpiresAt,
	}, nil
}

// contentBytes gives a value as bytes, nil where it was left out.
func contentBytes(content subjects.Content) ([]byte, error) {
	if content.Value == nil {
		return nil, nil
	}
	value, err := content.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return []byte(value), nil
}

// given leaves a zero value out of a request.
func given[Value comparable](value Value) *Value {
	var zero Value
	if value == zero {
		return nil
	}
	return &value
}

// checkGroup refuses what would not even make a valid subject or request.
func checkGroup(namespace, group string) error {
	if err := subjects.CheckNamespace(namespace); err != nil {
		return err
	}
	return subjects.CheckGroup(group)
}

func checkNames(namespace, group, key string) error {
	if err := checkGroup(namespace, group); err != nil {
		return err
	}
	return subjects.CheckKey(key)
}
