// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"iter"
	"time"

	"dappco.re/go/storebus/subjects"
)

// The calls of this file are an operator's, and take an operator's permission:
// store.admin.>. They have no message id and are sent once.

// NamespacesOptions is what a listing of namespaces can be asked for. Its zero value
// lists from the first one on.
type NamespacesOptions struct {
	// Prefix, where it is given, is what the names begin with.
	Prefix string
	// After is Next of the page before. Empty: the first page.
	After string
	// Limit is how many namespaces a page holds at most, 1 to 1,000. 0: 100.
	Limit int
}

// QuotaOptions says what is changed of a quota. Nil leaves a limit as it is, 0 takes
// it away. Its zero value changes nothing: it asks what stands.
type QuotaOptions struct {
	MaxKeys, MaxGroups *uint64
	// MaxBytes bounds the sum of the lengths of groups, keys and values, and
	// MaxValueBytes the length of one value.
	MaxBytes, MaxValueBytes *uint64
}

// Status asks the sidecar how it is.
func (client *Client) Status(ctx context.Context) (subjects.StatusReply, error) {
	return exchange[subjects.StatusReply](ctx, client, call{method: "Status", verb: subjects.VerbAdminStatus, body: subjects.StatusRequest{}})
}

// Describe gives every verb that the sidecar knows, with its fields.
func (client *Client) Describe(ctx context.Context) (subjects.DescribeReply, error) {
	return exchange[subjects.DescribeReply](ctx, client, call{method: "Describe", verb: subjects.VerbAdminDescribe, body: subjects.DescribeRequest{}})
}

// Namespaces gives one page of the namespaces, in byte order of their names.
func (client *Client) Namespaces(ctx context.Context, options NamespacesOptions) (subjects.NamespacesReply, error) {
	return client.namespaces(ctx, "Namespaces", options)
}

// NamespacesAll gives every namespace, page by page, as ListAll the entries of a group.
//
//	for namespace, err := range store.NamespacesAll(ctx, client.NamespacesOptions{}) {
func (client *Client) NamespacesAll(ctx context.Context, options NamespacesOptions) iter.Seq2[subjects.NamespaceStatus, error] {
	return pages(options.After, func(after string) ([]subjects.NamespaceStatus, string, error) {
		options.After = after
		page, err := client.namespaces(ctx, "NamespacesAll", options)
		return page.Namespaces, page.Next, err
	})
}

func (client *Client) namespaces(ctx context.Context, method string, options NamespacesOptions) (subjects.NamespacesReply, error) {
	return exchange[subjects.NamespacesReply](ctx, client, call{
		method: method, verb: subjects.VerbAdminNamespaces,
		body: subjects.NamespacesRequest{Prefix: given(options.Prefix), After: given(options.After), Limit: given(options.Limit)},
	})
}

// Quota changes what is given of a namespace's quota, and answers with what stands
// then. A limit below what is used forbids growth only.
//
//	quota, err := store.Quota(ctx, "acme", client.QuotaOptions{MaxKeys: new(uint64(10_000))})
func (client *Client) Quota(ctx context.Context, namespace string, options QuotaOptions) (subjects.QuotaReply, error) {
	return exchange[subjects.QuotaReply](ctx, client, call{
		method: "Quota", verb: subjects.VerbAdminQuota, writes: true,
		body: subjects.QuotaRequest{
			Namespace: &namespace, MaxKeys: options.MaxKeys, MaxGroups: options.MaxGroups,
			MaxBytes: options.MaxBytes, MaxValueBytes: options.MaxValueBytes,
		},
	})
}

// Purge expires every key whose time has come, and answers with their number.
func (client *Client) Purge(ctx context.Context) (subjects.PurgeReply, error) {
	return exchange[subjects.PurgeReply](ctx, client, call{method: "Purge", verb: subjects.VerbAdminPurge, writes: true, body: subjects.PurgeRequest{}})
}

// Backup copies the database, as it is at one point, into a file of the sidecar's
// backup directory: a name of letters, digits, - and _, with single dots. A file that
// is there already is not replaced. A large database takes time: give the context a
// deadline that it fits in.
//
//	reply, err := store.Backup(ctx, "monday.db")
func (client *Client) Backup(ctx context.Context, file string) (subjects.BackupReply, error) {
	return exchange[subjects.BackupReply](ctx, client, call{
		method: "Backup", verb: subjects.VerbAdminBackup, writes: true, body: subjects.BackupRequest{File: &file},
	})
}

// CompactOptions is what a compaction can be asked for beside its time.
type CompactOptions struct {
	// Format is subjects.ArchiveGzip or subjects.ArchiveZstd. Empty: the former.
	Format string
}

// Compact moves the journal entries that were committed before a time, and for which
// nothing waits, into an archive in the sidecar's archive directory. Many entries take
// time: give the context a deadline that they fit in. Without a reply the sidecar goes
// on, and refuses another compaction as long as it does.
//
//	reply, err := store.Compact(ctx, time.Now().AddDate(0, -1, 0), client.CompactOptions{})
func (client *Client) Compact(ctx context.Context, before time.Time, options CompactOptions) (subjects.CompactReply, error) {
	return exchange[subjects.CompactReply](ctx, client, call{
		method: "Compact", verb: subjects.VerbAdminCompact, writes: true,
		body: subjects.CompactRequest{Before: &before, Format: given(options.Format)},
	})
}
