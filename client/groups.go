// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"iter"

	"dappco.re/go/storebus/subjects"
)

// CountOptions selects the keys that Count counts. The zero value counts the whole
// namespace. Group and Prefix exclude each other.
type CountOptions struct {
	// Group counts the keys of one group.
	Group string
	// Prefix counts the keys of the groups whose names begin with these bytes.
	Prefix string
}

// GroupsOptions selects the groups that Groups lists. The zero value lists from the first
// group on.
type GroupsOptions struct {
	// Prefix selects groups whose names begin with these bytes. Empty: all.
	Prefix string
	// After is the Next of the page before. Empty: the first page.
	After string
	// Limit is the most groups of a page, 1 to 1,000. 0: 100.
	Limit int
}

// Count returns the number of keys of a namespace, of one group, or of the groups whose
// names have a prefix.
//
//	reply, err := store.Count(ctx, "acme", client.CountOptions{Group: "config"}) // reply.Count
func (client *Client) Count(ctx context.Context, namespace string, options CountOptions) (subjects.CountReply, error) {
	return exchange[subjects.CountReply](ctx, client, call{
		method: "Count", namespace: namespace, verb: subjects.VerbCount,
		body: subjects.CountRequest{Group: given(options.Group), Prefix: given(options.Prefix)},
	})
}

// Groups returns one page of the groups that hold keys, in byte order of their names.
// Pass the page's Next as options.After to get the next page.
//
//	page, err := store.Groups(ctx, "acme", client.GroupsOptions{Prefix: "user:"})
func (client *Client) Groups(ctx context.Context, namespace string, options GroupsOptions) (subjects.GroupsReply, error) {
	return client.groups(ctx, "Groups", namespace, options)
}

// GroupsAll returns every group that holds keys, page by page. An error ends the loop.
// See ListAll.
//
//	for group, err := range store.GroupsAll(ctx, "acme", client.GroupsOptions{}) {
func (client *Client) GroupsAll(ctx context.Context, namespace string, options GroupsOptions) iter.Seq2[subjects.GroupStatus, error] {
	return pages(options.After, func(after string) ([]subjects.GroupStatus, string, error) {
		options.After = after
		page, err := client.groups(ctx, "GroupsAll", namespace, options)
		return page.Groups, page.Next, err
	})
}

func (client *Client) groups(ctx context.Context, method, namespace string, options GroupsOptions) (subjects.GroupsReply, error) {
	return exchange[subjects.GroupsReply](ctx, client, call{
		method: method, namespace: namespace, verb: subjects.VerbGroups,
		body: subjects.GroupsRequest{Prefix: given(options.Prefix), After: given(options.After), Limit: given(options.Limit)},
	})
}

// Usage returns the quota of a namespace and its usage. A limit of 0 is no limit.
//
//	usage, err := store.Usage(ctx, "acme") // usage.Keys of usage.MaxKeys
func (client *Client) Usage(ctx context.Context, namespace string) (subjects.UsageReply, error) {
	return exchange[subjects.UsageReply](ctx, client, call{
		method: "Usage", namespace: namespace, verb: subjects.VerbUsage, body: subjects.UsageRequest{},
	})
}
