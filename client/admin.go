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

// NamespacesOptions selects the namespaces that Namespaces lists. The zero value lists
// from the first namespace on.
type NamespacesOptions struct {
	// Prefix selects namespaces whose names begin with these bytes. Empty: all.
	Prefix string
	// After is the Next of the page before. Empty: the first page.
	After string
	// Limit is the most namespaces of a page, 1 to 1,000. 0: 100.
	Limit int
}

// QuotaOptions names the limits to change. Nil leaves a limit unchanged, and 0 removes
// it. The zero value changes nothing: Quota then only reads.
type QuotaOptions struct {
	MaxKeys, MaxGroups *uint64
	// MaxBytes bounds the sum of the lengths of groups, keys and values. MaxValueBytes
	// bounds the length of one value.
	MaxBytes, MaxValueBytes *uint64
	// MaxJournalBytes bounds the entries of the journal that are in no archive,
	// MaxWorkspaceBytes the files of the workspaces, and MaxLogBytes the changes in the log.
	// Beyond MaxLogBytes the oldest changes go, and no write is refused.
	MaxJournalBytes, MaxWorkspaceBytes, MaxLogBytes *uint64
}

// Status returns the state of the sidecar: whether it accepts writes, its backlog, its
// queue, its sizes and its journal.
//
//	status, err := store.Status(ctx) // status.Writable, status.Backlog
func (client *Client) Status(ctx context.Context) (subjects.StatusReply, error) {
	return exchange[subjects.StatusReply](ctx, client, call{method: "Status", verb: subjects.VerbAdminStatus, body: subjects.StatusRequest{}})
}

// Describe returns every verb that the sidecar knows, with its fields.
//
//	reply, err := store.Describe(ctx) // reply.Verbs[0].Name is "set"
func (client *Client) Describe(ctx context.Context) (subjects.DescribeReply, error) {
	return exchange[subjects.DescribeReply](ctx, client, call{method: "Describe", verb: subjects.VerbAdminDescribe, body: subjects.DescribeRequest{}})
}

// Namespaces returns one page of the namespaces, in byte order of their names. Pass the
// page's Next as options.After to get the next page. An empty Next ends the list.
//
//	page, err := store.Namespaces(ctx, client.NamespacesOptions{Prefix: "ac", Limit: 1000})
func (client *Client) Namespaces(ctx context.Context, options NamespacesOptions) (subjects.NamespacesReply, error) {
	return client.namespaces(ctx, "Namespaces", options)
}

// NamespacesAll returns every namespace, page by page. An error ends the loop. See
// ListAll.
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

// Quota changes the limits that options name, and returns all limits of the namespace. 0
// is no limit. A limit below the present usage forbids growth only. The namespace
// subjects.AllNamespaces has the limits of each namespace without a quota of its own.
//
//	quota, err := store.Quota(ctx, "acme", client.QuotaOptions{MaxKeys: new(uint64(10_000))})
func (client *Client) Quota(ctx context.Context, namespace string, options QuotaOptions) (subjects.QuotaReply, error) {
	return exchange[subjects.QuotaReply](ctx, client, call{
		method: "Quota", verb: subjects.VerbAdminQuota, writes: true,
		body: subjects.QuotaRequest{
			Namespace: &namespace, MaxKeys: options.MaxKeys, MaxGroups: options.MaxGroups,
			MaxBytes: options.MaxBytes, MaxValueBytes: options.MaxValueBytes,
			MaxJournalBytes: options.MaxJournalBytes, MaxWorkspaceBytes: options.MaxWorkspaceBytes,
			MaxLogBytes: options.MaxLogBytes,
		},
	})
}

// Purge expires every key that is past its deadline, and returns the number of these
// keys. You never need it: keys expire without it.
//
//	reply, err := store.Purge(ctx) // reply.Expired
func (client *Client) Purge(ctx context.Context) (subjects.PurgeReply, error) {
	return exchange[subjects.PurgeReply](ctx, client, call{method: "Purge", verb: subjects.VerbAdminPurge, writes: true, body: subjects.PurgeRequest{}})
}

// Backup copies the database, as it is at one point, into a new file of the sidecar's
// backup directory. The name is 1 to 128 letters, digits, - and _, with single dots. A
// file that exists is not replaced: Backup returns subjects.ErrBadRequest. While another
// backup runs, it returns subjects.ErrUnavailable. A large database takes time, so give
// the context a deadline that is long enough.
//
//	reply, err := store.Backup(ctx, "monday.db") // reply.Bytes
func (client *Client) Backup(ctx context.Context, file string) (subjects.BackupReply, error) {
	return exchange[subjects.BackupReply](ctx, client, call{
		method: "Backup", verb: subjects.VerbAdminBackup, writes: true, body: subjects.BackupRequest{File: &file},
	})
}

// CompactOptions sets the format of the archive.
type CompactOptions struct {
	// Format is subjects.ArchiveGzip or subjects.ArchiveZstd. Empty:
	// subjects.ArchiveGzip.
	Format string
}

// Compact moves journal entries that were committed before a time into an archive in the
// sidecar's archive directory. Entries that still have to be delivered stay, and so do
// refused entries. Many entries take time, so give the context a deadline that is long
// enough. If no reply comes, the sidecar still goes on. Until it is done, another Compact
// returns subjects.ErrUnavailable.
//
//	reply, err := store.Compact(ctx, time.Now().AddDate(0, -1, 0), client.CompactOptions{})
func (client *Client) Compact(ctx context.Context, before time.Time, options CompactOptions) (subjects.CompactReply, error) {
	return exchange[subjects.CompactReply](ctx, client, call{
		method: "Compact", verb: subjects.VerbAdminCompact, writes: true,
		body: subjects.CompactRequest{Before: &before, Format: given(options.Format)},
	})
}
