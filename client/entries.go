// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"fmt"
	"time"

	"dappco.re/go/storebus/subjects"
)

// Entry is one entry of a namespace.
type Entry struct {
	Group, Key string
	// Value is nil where ListOptions.KeysOnly left it out, and where ValueOmitted says so.
	Value []byte
	// ValueOmitted says that the value is left out because no message of the broker carries
	// the entry with it; Get returns subjects.ErrTooLarge then, and says what would do.
	ValueOmitted bool
	// Revision is that of the entry's last change: what IfRevision compares with.
	Revision  uint64
	UpdatedAt time.Time
	// ExpiresAt is zero where the entry does not expire.
	ExpiresAt time.Time
}

// SetOptions is what a set can be asked for. Its zero value is a plain set.
type SetOptions struct {
	// TTL is when the entry expires: subjects.After(time.Minute). Its zero value is
	// never, which clears an expiry that stood; subjects.KeepExpiry leaves it as it is.
	TTL subjects.TTL
	// IfRevision makes the set conditional: 0 means that the key is not there, any
	// other that it stands at that revision. Nil: it is set whatever stands.
	IfRevision *uint64
	// MessageID makes the set one with every other attempt at it within two minutes,
	// by this process or another: it happens once, and all get the same answer. 1 to
	// 128 printable ASCII characters. Empty: one that nobody else uses.
	MessageID string
}

// DeleteOptions is what a delete can be asked for. Its zero value is a plain delete.
type DeleteOptions struct {
	// IfRevision and MessageID are as in SetOptions.
	IfRevision *uint64
	MessageID  string
}

// Set stores a value under a key of a group, and answers with the revision that the
// entry now stands at: the value is on disk then. It returns
// subjects.ErrRevisionConflict where IfRevision does not hold.
//
//	reply, err := store.Set(ctx, "acme", "config", "theme", []byte("dark"), client.SetOptions{})
func (client *Client) Set(ctx context.Context, namespace, group, key string, value []byte, options SetOptions) (subjects.SetReply, error) {
	return exchange[subjects.SetReply](ctx, client, write("Set", namespace, subjects.VerbSet, subjects.SetRequest{
		Group: &group, Key: &key, Content: subjects.NewContent(string(value)), TTL: given(options.TTL), IfRevision: options.IfRevision,
	}, options.MessageID))
}

// Get gives the entry of a key, or subjects.ErrNotFound.
//
//	entry, err := store.Get(ctx, "acme", "config", "theme")
func (client *Client) Get(ctx context.Context, namespace, group, key string) (Entry, error) {
	return client.entry(ctx, call{
		method: "Get", namespace: namespace, verb: subjects.VerbGet, body: subjects.GetRequest{Group: &group, Key: &key},
	})
}

// entry makes a call that is answered with an entry.
func (client *Client) entry(ctx context.Context, call call) (Entry, error) {
	reply, err := exchange[subjects.Entry](ctx, client, call)
	if err != nil {
		return Entry{}, err
	}
	entry, err := newEntry(reply)
	if err != nil {
		return Entry{}, named(call.method, err)
	}
	return entry, nil
}

// Exists says whether a key is there, and at which revision.
func (client *Client) Exists(ctx context.Context, namespace, group, key string) (subjects.ExistsReply, error) {
	return exchange[subjects.ExistsReply](ctx, client, call{
		method: "Exists", namespace: namespace, verb: subjects.VerbExists, body: subjects.ExistsRequest{Group: &group, Key: &key},
	})
}

// Delete removes a key. A key that is not there is no error: Deleted is false. It
// returns subjects.ErrRevisionConflict where IfRevision does not hold.
//
//	reply, err := store.Delete(ctx, "acme", "config", "theme", client.DeleteOptions{IfRevision: client.Revision(41)})
func (client *Client) Delete(ctx context.Context, namespace, group, key string, options DeleteOptions) (subjects.DeleteReply, error) {
	return exchange[subjects.DeleteReply](ctx, client, write("Delete", namespace, subjects.VerbDelete, subjects.DeleteRequest{
		Group: &group, Key: &key, IfRevision: options.IfRevision,
	}, options.MessageID))
}

// newEntry gives an entry as it travelled its value as bytes.
func newEntry(reply subjects.Entry) (Entry, error) {
	value, err := contentBytes(reply.Content)
	if err != nil {
		return Entry{}, fmt.Errorf("group %q key %q: %w", reply.Group, reply.Key, err)
	}
	return Entry{
		Group: reply.Group, Key: reply.Key, Value: value, ValueOmitted: reply.ValueOmitted,
		Revision: reply.Revision, UpdatedAt: reply.UpdatedAt, ExpiresAt: reply.ExpiresAt,
	}, nil
}

// contentBytes gives a value as bytes, nil where it was left out.
func contentBytes(content subjects.Content) ([]byte, error) {
	if content.Value == nil {
		return nil, nil
	}
	value, err := content.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return []byte(value), nil
}

// given leaves a zero value out of a request.
func given[Value comparable](value Value) *Value {
	var zero Value
	if value == zero {
		return nil
	}
	return &value
}
