// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// JournalOptions are the options of JournalCommit.
type JournalOptions struct {
	// Tags are texts by name. A tag with an empty text is left out.
	Tags map[string]string
	// MessageID is as in SetOptions.
	MessageID string
}

// JournalCommit puts a point into the journal. When it returns, the point is on disk. The
// sidecar delivers it to its endpoint afterwards. Fields are bools, strings, and integers
// and floats of any size, and keep their types. It returns subjects.ErrBadRequest for an
// invalid point, and subjects.ErrTooLarge for one over a limit.
//
//	reply, err := store.JournalCommit(ctx, "acme", "deploy", map[string]any{"seconds": 12.5},
//		client.JournalOptions{Tags: map[string]string{"host": "a1"}})
func (client *Client) JournalCommit(ctx context.Context, namespace, measurement string, fields map[string]any, options JournalOptions) (subjects.JournalCommitReply, error) {
	const method = "JournalCommit"
	travelling, err := subjects.NewJournalFields(fields)
	if err != nil {
		return subjects.JournalCommitReply{}, named(method, err)
	}
	return exchange[subjects.JournalCommitReply](ctx, client, write(method, namespace, subjects.VerbJournalCommit,
		subjects.JournalCommitRequest{Measurement: &measurement, Fields: travelling, Tags: options.Tags}, options.MessageID))
}

// JournalQueryOptions are the options of JournalQuery.
type JournalQueryOptions struct {
	// Limit is the most points of the reply, 1 to 1,000. 0: 100.
	Limit int
}

// JournalQuery returns points of a namespace, selected by a query in a part of Flux;
// docs/protocol.md has its grammar. A query has 64 KiB at most. JournalQuery returns
// subjects.ErrBadRequest, with line and column, for anything else,
// subjects.ErrDeadlineExceeded after 2 s, and subjects.ErrTooLarge if it has to sort more
// than 16 MiB.
//
//	reply, err := store.JournalQuery(ctx, "acme", `from(bucket: "journal")
//		|> range(start: -24h)
//		|> filter(fn: (r) => r._measurement == "deploy" and r.seconds > 10.0)
//		|> sort(columns: ["_time"], desc: true)`, client.JournalQueryOptions{Limit: 10})
func (client *Client) JournalQuery(ctx context.Context, namespace, flux string, options JournalQueryOptions) (subjects.JournalQueryReply, error) {
	return exchange[subjects.JournalQueryReply](ctx, client, call{
		method: "JournalQuery", namespace: namespace, verb: subjects.VerbJournalQuery,
		body: subjects.JournalQueryRequest{Flux: &flux, Limit: given(options.Limit)},
	})
}

// JournalStatus returns the state of the delivery of a namespace's points.
//
//	status, err := store.JournalStatus(ctx, "acme") // status.Pending, status.LastError
func (client *Client) JournalStatus(ctx context.Context, namespace string) (subjects.JournalStatusReply, error) {
	return exchange[subjects.JournalStatusReply](ctx, client, call{
		method: "JournalStatus", namespace: namespace, verb: subjects.VerbJournalStatus, body: subjects.JournalStatusRequest{},
	})
}

// JournalRejectedOptions are the options of JournalRejected.
type JournalRejectedOptions struct {
	// After is the Next of the page before. Empty: the first page.
	After string
	// Limit is the most points of a page, 1 to 1,000. 0: 100.
	Limit int
}

// JournalRejected returns one page of the points that the endpoint has refused, each with
// the HTTP status and the reason.
//
//	page, err := store.JournalRejected(ctx, "acme", client.JournalRejectedOptions{}) // page.Entries[0].Reason
func (client *Client) JournalRejected(ctx context.Context, namespace string, options JournalRejectedOptions) (subjects.JournalRejectedReply, error) {
	return exchange[subjects.JournalRejectedReply](ctx, client, call{
		method: "JournalRejected", namespace: namespace, verb: subjects.VerbJournalRejected,
		body: subjects.JournalRejectedRequest{After: given(options.After), Limit: given(options.Limit)},
	})
}

// JournalRequeueOptions are the options of JournalRequeue.
type JournalRequeueOptions struct {
	// EntryIDs are the points to deliver again, 1,000 at most. Nil: all refused points.
	EntryIDs []uint64
	// MessageID is as in SetOptions.
	MessageID string
}

// JournalRequeue delivers refused points again. It returns the number of points that are
// pending again.
//
//	reply, err := store.JournalRequeue(ctx, "acme", client.JournalRequeueOptions{EntryIDs: []uint64{17}})
func (client *Client) JournalRequeue(ctx context.Context, namespace string, options JournalRequeueOptions) (subjects.JournalRequeueReply, error) {
	return exchange[subjects.JournalRequeueReply](ctx, client, write("JournalRequeue", namespace, subjects.VerbJournalRequeue,
		subjects.JournalRequeueRequest{EntryIDs: options.EntryIDs}, options.MessageID))
}

// Flush delivers the pending points of all namespaces now. It returns the number of
// delivered and of pending points. It needs an operator's permission.
//
//	reply, err := store.Flush(ctx) // reply.Delivered, reply.Pending
func (client *Client) Flush(ctx context.Context) (subjects.FlushReply, error) {
	return exchange[subjects.FlushReply](ctx, client, call{method: "Flush", verb: subjects.VerbAdminFlush, body: subjects.FlushRequest{}})
}
