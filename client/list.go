// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"iter"

	"dappco.re/go/storebus/subjects"
)

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

// ScanOptions is what a scan can be asked for. Its zero value reads a namespace from
// its first entry.
type ScanOptions struct {
	// Prefix, where it is given, is what the names of the groups begin with.
	Prefix string
	// After, Limit and KeysOnly are as in ListOptions.
	After    string
	Limit    int
	KeysOnly bool
}

// Page is one page of a listing or a scan, read at one point.
type Page struct {
	// Entries that fit no message by themselves come with ValueOmitted: they never end a
	// sequence of pages.
	Entries []Entry
	// Next is handed back as After for the page that follows. Empty: there is none.
	Next string
	// Revision is the namespace's at the time of reading. Who wants to follow on from
	// a listing takes the first page's, and Store, into WatchOptions.
	Revision uint64
	Store    string
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
	return pages(options.After, func(after string) ([]Entry, string, error) {
		options.After = after
		page, err := client.list(ctx, "ListAll", namespace, group, options)
		return page.Entries, page.Next, err
	})
}

// Scan gives one page of a namespace, in byte order of groups and keys.
//
//	page, err := store.Scan(ctx, "acme", client.ScanOptions{Prefix: "user:", Limit: 1000})
func (client *Client) Scan(ctx context.Context, namespace string, options ScanOptions) (Page, error) {
	return client.scan(ctx, "Scan", namespace, options)
}

// ScanAll gives every entry of a namespace, page by page, as ListAll those of a group.
//
//	for entry, err := range store.ScanAll(ctx, "acme", client.ScanOptions{}) {
func (client *Client) ScanAll(ctx context.Context, namespace string, options ScanOptions) iter.Seq2[Entry, error] {
	return pages(options.After, func(after string) ([]Entry, string, error) {
		options.After = after
		page, err := client.scan(ctx, "ScanAll", namespace, options)
		return page.Entries, page.Next, err
	})
}

func (client *Client) list(ctx context.Context, method, namespace, group string, options ListOptions) (Page, error) {
	return client.page(ctx, call{method: method, namespace: namespace, verb: subjects.VerbList, body: subjects.ListRequest{
		Group: &group, Prefix: given(options.Prefix), After: given(options.After), Limit: given(options.Limit),
		KeysOnly: given(options.KeysOnly), Descending: given(options.Descending),
	}})
}

func (client *Client) scan(ctx context.Context, method, namespace string, options ScanOptions) (Page, error) {
	return client.page(ctx, call{method: method, namespace: namespace, verb: subjects.VerbScan, body: subjects.ScanRequest{
		Prefix: given(options.Prefix), After: given(options.After), Limit: given(options.Limit), KeysOnly: given(options.KeysOnly),
	}})
}

// page makes a call that is answered with a page of entries.
func (client *Client) page(ctx context.Context, call call) (Page, error) {
	reply, err := exchange[subjects.ListReply](ctx, client, call)
	if err != nil {
		return Page{}, err
	}
	page := Page{Entries: make([]Entry, len(reply.Entries)), Next: reply.Next, Revision: reply.Revision, Store: reply.Store}
	for index, entry := range reply.Entries {
		if page.Entries[index], err = newEntry(entry); err != nil {
			return Page{}, named(call.method, err)
		}
	}
	return page, nil
}

// pages gives the elements of one page after the other, from the page after first on.
func pages[Element any](first string, read func(after string) (elements []Element, next string, err error)) iter.Seq2[Element, error] {
	return func(yield func(Element, error) bool) {
		for after := first; ; {
			elements, next, err := read(after)
			if err != nil {
				var none Element
				yield(none, err)
				return
			}
			for _, element := range elements {
				if !yield(element, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			after = next
		}
	}
}
