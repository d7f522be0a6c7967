// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// JournalOptions is what a point can have besides its fields.
type JournalOptions struct {
	// Tags are texts by name; one with an empty text is left out.
	Tags map[string]string
	// MessageID is as in SetOptions.
	MessageID string
}

// JournalCommit puts a point into the journal, from where it is delivered to the
// sidecar's endpoint. Fields are bools, strings, and integers and floats of any size,
// and keep their types. It returns subjects.ErrBadRequest for what no point can be.
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

// JournalQueryOptions is what a query of the journal can be asked for.
type JournalQueryOptions struct {
	// Limit is how many points the reply holds at most, 1 to 1,000. 0: 100.
	Limit int
}

// JournalQuery gives the points of a namespace that a query in a part of Flux asks for,
// which docs/protocol.md describes. It returns subjects.ErrBadRequest, with the place,
// for what lies outside of that.
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

// JournalStatus tells how the delivery of a namespace's points stands.
func (client *Client) JournalStatus(ctx context.Context, namespace string) (subjects.JournalStatusReply, error) {
	return exchange[subjects.JournalStatusReply](ctx, client, call{
		method: "JournalStatus", namespace: namespace, verb: subjects.VerbJournalStatus, body: subjects.JournalStatusRequest{},
	})
}

// JournalRejectedOptions is what a listing of refused points can be asked for.
type JournalRejectedOptions struct {
	// After is Next of the page before. Empty: the first page.
	After string
	// Limit is how many points a page holds at most, 1 to 1,000. 0: 100.
	Limit int
}

// JournalRejected gives one page of the points that the endpoint has refused, each with
// the reason.
func (client *Client) JournalRejected(ctx context.Context, namespace string, options JournalRejectedOptions) (subjects.JournalRejectedReply, error) {
	return exchange[subjects.JournalRejectedReply](ctx, client, call{
		method: "JournalRejected", namespace: namespace, verb: subjects.VerbJournalRejected,
		body: subjects.JournalRejectedRequest{After: given(options.After), Limit: given(options.Limit)},
	})
}

// JournalRequeueOptions is what a requeue can be asked for.
type JournalRequeueOptions struct {
	// EntryIDs are the points to be delivered again. Nil: all that were refused.
	EntryIDs []uint64
	// MessageID is as in SetOptions.
	MessageID string
}

// JournalRequeue has points that the endpoint has refused delivered again.
//
//	reply, err := store.JournalRequeue(ctx, "acme", client.JournalRequeueOptions{EntryIDs: []uint64{17}})
func (client *Client) JournalRequeue(ctx context.Context, namespace string, options JournalRequeueOptions) (subjects.JournalRequeueReply, error) {
	return exchange[subjects.JournalRequeueReply](ctx, client, write("JournalRequeue", namespace, subjects.VerbJournalRequeue,
		subjects.JournalRequeueRequest{EntryIDs: options.EntryIDs}, options.MessageID))
}

// Flush has what is pending in the journal delivered now, and answers with what came of
// it. It takes an operator's permission.
func (client *Client) Flush(ctx context.Context) (subjects.FlushReply, error) {
	return exchange[subjects.FlushReply](ctx, client, call{method: "Flush", verb: subjects.VerbAdminFlush, body: subjects.FlushRequest{}})
}
