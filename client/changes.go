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

// Change is one change of a namespace. An event and the log give the same Change.
type Change struct {
	// Revision is the revision of this change. Previous is the revision of the change
	// before in the same group, or 0 if the retained log holds none.
	Revision, Previous uint64
	Type               subjects.EventType
	// Store is the id of the store that made the change. To come back to this point, keep
	// Store and Revision for WatchOptions.Store and WatchOptions.After.
	Store            string
	Namespace, Group string
	// Key is empty in a delete_group, which stands for every key of its group.
	Key string
	// Value is the value that a set stored, nil in any other change.
	Value []byte
	// ValueOmitted says that the value of a set is left out, because the event was too
	// large for the broker. Get returns the present value.
	ValueOmitted bool
	// Created says that a set created the key.
	Created bool
	// ExpiresAt is when the key expires after a set or a touch, zero if it does not
	// expire.
	ExpiresAt time.Time
	Timestamp time.Time
	// Transaction is the range of the changes that were made together, nil for a single
	// change.
	Transaction *subjects.TransactionRange
	// JSON is the change as it was received.
	JSON []byte
}

// ChangesOptions selects the changes that Changes returns. The zero value gives the first
// page of a namespace's log.
type ChangesOptions struct {
	// After is the revision above which changes are returned: the Next of the page
	// before, or the revision at which a listing or a watch ended.
	After uint64
	// Group selects the changes of one group. Empty: all groups.
	Group string
	// Limit is the most changes of a page, 1 to 1,000. 0: 100.
	Limit int
	// Wait is how long the sidecar may hold its reply until there is a change, 30 s at
	// most. Config.Timeout starts after Wait. A context's deadline does not: make it
	// longer than Wait.
	Wait time.Duration
	// Store is the id of the store that After is a revision of. Empty: the store is not
	// checked.
	Store string
}

// ChangesPage is one page of the log.
type ChangesPage struct {
	Changes []Change
	// Next is the last revision that was looked at. Pass it as After to get the next
	// page.
	Next uint64
	// Oldest is the lowest revision that the log still holds.
	Oldest uint64
	// Revision is the namespace's current revision. If Next is equal to it, there is no
	// more for now.
	Revision uint64
	Store    string
}

// Position is a point in the history of a namespace: a revision, and the id of its store.
type Position struct {
	Revision uint64
	Store    string
}

// changesReply is a subjects.ChangesReply that leaves each change undecoded.
type changesReply struct {
	Changes  []jsontext.Value `json:"changes"`
	Next     uint64           `json:"next"`
	Oldest   uint64           `json:"oldest"`
	Revision uint64           `json:"revision"`
	Store    string           `json:"store"`
}

// Changes returns one page of the changes above a revision, in order. It returns
// subjects.ErrCompacted if the log does not reach back that far, or if After and Store
// belong to another store. Then read all entries again with ScanAll, and continue from
// the revision of the first page.
//
//	page, err := store.Changes(ctx, "acme", client.ChangesOptions{After: 41, Wait: 10 * time.Second})
func (client *Client) Changes(ctx context.Context, namespace string, options ChangesOptions) (ChangesPage, error) {
	return client.changes(ctx, "Changes", namespace, options)
}

// Position returns the present revision of a namespace, and the id of the store. A watch
// after this position gives every later change. A namespace that was never written is at
// revision 0.
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

// position asks for the changes after the highest possible revision. The refusal says at
// which revision the namespace stands. This answer costs the sidecar nothing, carries no
// change, and needs no permission but a consumer's.
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

// newChange reads the body of an event. The Change keeps the body.
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
