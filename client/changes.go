// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/subjects"
)

// Change is one change of a namespace, from an event or from the log: both say the
// same.
type Change struct {
	// Revision is the change's own, Previous that of the change before it in the same
	// group, 0 where the retained log holds none.
	Revision, Previous uint64
	Type               subjects.EventType
	// Store is the id of the store that made the change. Keep it with Revision to
	// come back to this point: WatchOptions.After and WatchOptions.Store.
	Store            string
	Namespace, Group string
	// Key is empty in a delete_group, which stands for every key of its group.
	Key string
	// Value is what a set has stored, nil in any other change.
	Value []byte
	// ValueOmitted says that a set's value is left out, because the broker could not
	// carry the event with it. Get gives the value that stands now.
	ValueOmitted bool
	// Created says that a set found no such key.
	Created bool
	// ExpiresAt is when the key expires after a set or a touch, zero where it does not.
	ExpiresAt time.Time
	Timestamp time.Time
	// Transaction is nil where the change was made alone.
	Transaction *subjects.TransactionRange
	// JSON is the change as it came.
	JSON []byte
}

// ChangesOptions says which changes are asked for. Its zero value is the first page
// of a namespace's log.
type ChangesOptions struct {
	// After is the revision above which changes are given: ChangesPage.Next of the
	// page before, or where a listing or a watch ended.
	After uint64
	// Group, where it is given, leaves every other group's changes out.
	Group string
	// Limit is how many changes a page holds at most, 1 to 1,000. 0: 100.
	Limit int
	// Wait is how long the sidecar holds its reply until there is a change, 30 s at
	// most. Config.Timeout is counted from the end of it; a context's deadline is not.
	Wait time.Duration
	// Store, where it is given, is the id of the store that After is a revision of.
	Store string
}

// ChangesPage is one page of the log.
type ChangesPage struct {
	Changes []Change
	// Next is the last revision looked at, to be handed back as After.
	Next uint64
	// Oldest is the lowest revision that the log still holds.
	Oldest uint64
	// Revision is the namespace's current one: at Next there is no more for now.
	Revision uint64
	Store    string
}

// Position is a point in the past of a namespace: a revision, and the store that it
// is a revision of.
type Position struct {
	Revision uint64
	Store    string
}

// changesReply is a subjects.ChangesReply that leaves each change as it came.
type changesReply struct {
	Changes  []jsontext.Value `json:"changes"`
	Next     uint64           `json:"next"`
	Oldest   uint64           `json:"oldest"`
	Revision uint64           `json:"revision"`
	Store    string           `json:"store"`
}

// Changes gives one page of the changes above a revision, in order. It returns
// subjects.ErrCompacted where the log does not reach back that far, and where After
// and Store are from another past than the store's: read everything again then, and
// go on from the revision of what was read.
//
//	page, err := store.Changes(ctx, "acme", client.ChangesOptions{After: 41, Wait: 10 * time.Second})
func (client *Client) Changes(ctx context.Context, namespace string, options ChangesOptions) (ChangesPage, error) {
	return client.changes(ctx, "Changes", namespace, options)
}

// Position gives the point at which a namespace stands. A watch after it gives every
// change from there on. A namespace that was never written stands at revision 0.
//
//	now, err := store.Position(ctx, "acme")
//	watch := store.Watch(ctx, "acme", client.WatchOptions{After: &now.Revision, Store: now.Store})
func (client *Client) Position(ctx context.Context, namespace string) (Position, error) {
	return client.position(ctx, "Position", namespace)
}

func (client *Client) changes(ctx context.Context, method, namespace string, options ChangesOptions) (ChangesPage, error) {
	wait := subjects.WaitFor(options.Wait)
	reply, err := exchange[changesReply](ctx, client, call{
		method: method, namespace: namespace, verb: subjects.VerbChanges, wait: wait.Duration(),
		body: subjects.ChangesRequest{
			After: &options.After, Group: given(options.Group), Limit: given(options.Limit), Wait: given(wait), Store: given(options.Store),
		},
	})
	if err != nil {
		return ChangesPage{}, err
	}
	page, err := newChangesPage(reply)
	if err != nil {
		return ChangesPage{}, named(method, err)
	}
	return page, nil
}

// position asks for what comes after the last revision that there can ever be. The
// refusal says where the namespace stands: the one answer that costs the sidecar
// nothing, carries no change, and needs no permission but that of a consumer.
func (client *Client) position(ctx context.Context, method, namespace string) (Position, error) {
	page, err := client.changes(ctx, method, namespace, ChangesOptions{After: math.MaxInt64})
	if err == nil {
		return Position{Revision: page.Revision, Store: page.Store}, nil
	}
	refusal, refused := errors.AsType[*subjects.Error](err)
	if !refused || !errors.Is(refusal, subjects.ErrCompacted) || refusal.Revision == nil {
		return Position{}, err
	}
	return Position{Revision: *refusal.Revision, Store: refusal.Store}, nil
}

func newChangesPage(reply changesReply) (ChangesPage, error) {
	page := ChangesPage{
		Changes: make([]Change, len(reply.Changes)),
		Next:    reply.Next, Oldest: reply.Oldest, Revision: reply.Revision, Store: reply.Store,
	}
	var err error
	for index, body := range reply.Changes {
		if page.Changes[index], err = newChange(body); err != nil {
			return ChangesPage{}, err
		}
	}
	return page, nil
}

// newChange reads the body of an event. It keeps the body.
func newChange(body []byte) (Change, error) {
	var event subjects.Event
	if err := decode(body, &event); err != nil {
		return Change{}, err
	}
	value, err := contentBytes(event.Content)
	if err != nil {
		return Change{}, err
	}
	change := Change{
		Revision: event.Revision, Previous: event.Previous, Type: event.Type, Store: event.Store,
		Namespace: event.Namespace, Group: event.Group,
		Value: value, ValueOmitted: event.ValueOmitted,
		ExpiresAt: event.ExpiresAt, Timestamp: event.Timestamp, Transaction: event.Transaction, JSON: body,
	}
	if event.Key != nil {
		change.Key = *event.Key
	}
	if event.Created != nil {
		change.Created = *event.Created
	}
	return change, nil
}
