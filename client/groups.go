// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"iter"

	"dappco.re/go/storebus/subjects"
)

// CountOptions says what is counted. Its zero value is the whole namespace. Group
// and Prefix exclude each other.
type CountOptions struct {
	// Group, where it is given, is the one group whose keys are counted.
	Group string
	// Prefix, where it is given, is what the names of the groups begin with.
	Prefix string
}

// GroupsOptions is what a listing of groups can be asked for. Its zero value lists
// from the first one on.
type GroupsOptions struct {
	// Prefix, where it is given, is what the names of the groups begin with.
	Prefix string
	// After is Next of the page before. Empty: the first page.
	After string
	// Limit is how many groups a page holds at most, 1 to 1,000. 0: 100.
	Limit int
}

// Count gives the number of keys of a namespace, of one of its groups, or of those
// whose names have a prefix.
//
//	reply, err := store.Count(ctx, "acme", client.CountOptions{Group: "config"})
func (client *Client) Count(ctx context.Context, namespace string, options CountOptions) (subjects.CountReply, error) {
	return exchange[subjects.CountReply](ctx, client, call{
		method: "Count", namespace: namespace, verb: subjects.VerbCount,
		body: subjects.CountRequest{Group: given(options.Group), Prefix: given(options.Prefix)},
	})
}

// Groups gives one page of the groups that hold keys, in byte order of their names.
//
//	page, err := store.Groups(ctx, "acme", client.GroupsOptions{Prefix: "user:"})
func (client *Client) Groups(ctx context.Context, namespace string, options GroupsOptions) (subjects.GroupsReply, error) {
	return client.groups(ctx, "Groups", namespace, options)
}

// GroupsAll gives every group, page by page, as ListAll the entries of one.
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

// Usage gives what a namespace holds, and what it may hold. A limit of 0 is none.
func (client *Client) Usage(ctx context.Context, namespace string) (subjects.UsageReply, error) {
	return exchange[subjects.UsageReply](ctx, client, call{
		method: "Usage", namespace: namespace, verb: subjects.VerbUsage, body: subjects.UsageRequest{},
	})
}
