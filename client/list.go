// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"iter"

	"dappco.re/go/storebus/subjects"
)

// ListOptions selects the entries that List returns. The zero value lists a group from
// its first key.
type ListOptions struct {
	// Prefix selects keys that begin with these bytes. Empty: all.
	Prefix string
	// After is the Next of the page before. Empty: the first page.
	After string
	// Limit is the most entries of a page, 1 to 1,000. 0: 100.
	Limit int
	// KeysOnly leaves the values out.
	KeysOnly bool
	// Descending lists from the last key to the first.
	Descending bool
}

// ScanOptions selects the entries that Scan returns. The zero value reads a namespace
// from its first entry.
type ScanOptions struct {
	// Prefix selects groups whose names begin with these bytes. Empty: all.
	Prefix string
	// After, Limit and KeysOnly are as in ListOptions.
	After    string
	Limit    int
	KeysOnly bool
}

// Page is one page of a listing or a scan, read at one point.
type Page struct {
	// Entries that alone fit no message come with ValueOmitted: they never end a sequence
	// of pages.
	Entries []Entry
	// Next is the After of the next page. Empty: this is the last page.
	Next string
	// Revision is the namespace's revision at the time of reading. To follow on from a
	// listing, pass Revision and Store of the first page as WatchOptions.After and
	// WatchOptions.Store.
	Revision uint64
	Store    string
}

// List returns one page of a group, in byte order of the keys. Pass the page's Next as
// options.After to get the next page.
//
//	page, err := store.List(ctx, "acme", "config", client.ListOptions{Prefix: "theme.", Limit: 1000})
func (client *Client) List(ctx context.Context, namespace, group string, options ListOptions) (Page, error) {
	return client.list(ctx, "List", namespace, group, options)
}

// ListAll returns every entry of a group, page by page, from options.After on. Limit is
// the size of a page. A key that exists throughout comes exactly once, whatever is
// written meanwhile. The loop itself may write: nothing is held open between pages. An
// error ends the loop.
//
//	for entry, err := range store.ListAll(ctx, "acme", "config", client.ListOptions{}) {
func (client *Client) ListAll(ctx context.Context, namespace, group string, options ListOptions) iter.Seq2[Entry, error] {
	return pages(options.After, func(after string) ([]Entry, string, error) {
		options.After = after
		page, err := client.list(ctx, "ListAll", namespace, group, options)
		return page.Entries, page.Next, err
	})
}

// Scan returns one page of a namespace, in byte order of groups and keys. Pass the page's
// Next as options.After to get the next page.
//
//	page, err := store.Scan(ctx, "acme", client.ScanOptions{Prefix: "user:", Limit: 1000})
func (client *Client) Scan(ctx context.Context, namespace string, options ScanOptions) (Page, error) {
	return client.scan(ctx, "Scan", namespace, options)
}

// ScanAll returns every entry of a namespace, page by page. An error ends the loop. See
// ListAll.
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

// page makes a call whose reply is a page of entries.
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

// pages returns the elements of all pages, beginning after first.
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
