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
	// Value is nil if ListOptions.KeysOnly left it out, or if ValueOmitted is true.
	Value []byte
	// ValueOmitted says that the value is left out, because no message of the broker
	// carries the entry with its value. Get returns subjects.ErrTooLarge for such an
	// entry, and the error says what helps.
	ValueOmitted bool
	// Revision is the revision of the entry's last change. IfRevision is compared with
	// it.
	Revision  uint64
	UpdatedAt time.Time
	// ExpiresAt is zero if the entry does not expire.
	ExpiresAt time.Time
}

// SetOptions are the options of Set. The zero value is a plain set without expiry.
type SetOptions struct {
	// TTL is the time until the entry expires, such as subjects.After(time.Minute). The
	// zero value means never, and clears an expiry. subjects.KeepExpiry leaves the expiry
	// unchanged.
	TTL subjects.TTL
	// IfRevision makes the set conditional. 0: the key must not exist. Any other value:
	// the key must stand at that revision. Nil: no condition.
	IfRevision *uint64
	// MessageID, 1 to 128 printable ASCII characters, marks further attempts at the same
	// set, from this process or another. Within two minutes the set happens once, and all
	// attempts get the same answer. Empty: a new id.
	MessageID string
}

// DeleteOptions are the options of Delete. The zero value is a plain delete.
type DeleteOptions struct {
	// IfRevision and MessageID are as in SetOptions.
	IfRevision *uint64
	MessageID  string
}

// Set stores a value under a key of a group. When it returns, the value is on disk, and
// reply.Revision is the revision of the entry. It returns subjects.ErrRevisionConflict if
// IfRevision does not hold, subjects.ErrTooLarge for a value that no message carries, and
// subjects.ErrQuotaExceeded.
//
//	reply, err := store.Set(ctx, "acme", "config", "theme", []byte("dark"), client.SetOptions{})
func (client *Client) Set(ctx context.Context, namespace, group, key string, value []byte, options SetOptions) (subjects.SetReply, error) {
	return exchange[subjects.SetReply](ctx, client, write("Set", namespace, subjects.VerbSet, subjects.SetRequest{
		Group: &group, Key: &key, Content: subjects.NewContent(string(value)), TTL: given(options.TTL), IfRevision: options.IfRevision,
	}, options.MessageID))
}

// Get returns the entry of a key, or subjects.ErrNotFound.
//
//	entry, err := store.Get(ctx, "acme", "config", "theme") // entry.Value is "dark"
func (client *Client) Get(ctx context.Context, namespace, group, key string) (Entry, error) {
	return client.entry(ctx, call{
		method: "Get", namespace: namespace, verb: subjects.VerbGet, body: subjects.GetRequest{Group: &group, Key: &key},
	})
}

// entry makes a call whose reply is an entry.
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

// Exists reports whether a key exists, and at which revision it stands. A missing key is no
// error.
//
//	reply, err := store.Exists(ctx, "acme", "config", "theme") // reply.Exists, reply.Revision
func (client *Client) Exists(ctx context.Context, namespace, group, key string) (subjects.ExistsReply, error) {
	return exchange[subjects.ExistsReply](ctx, client, call{
		method: "Exists", namespace: namespace, verb: subjects.VerbExists, body: subjects.ExistsRequest{Group: &group, Key: &key},
	})
}

// Delete removes a key. A missing key is no error: Deleted is false. Delete returns
// subjects.ErrRevisionConflict if IfRevision does not hold.
//
//	reply, err := store.Delete(ctx, "acme", "config", "theme", client.DeleteOptions{IfRevision: client.Revision(41)})
func (client *Client) Delete(ctx context.Context, namespace, group, key string, options DeleteOptions) (subjects.DeleteReply, error) {
	return exchange[subjects.DeleteReply](ctx, client, write("Delete", namespace, subjects.VerbDelete, subjects.DeleteRequest{
		Group: &group, Key: &key, IfRevision: options.IfRevision,
	}, options.MessageID))
}

// newEntry decodes an entry from its form on the wire.
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

// contentBytes returns a value as bytes, or nil if it was left out.
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

// given returns nil for a zero value, so that the request leaves the field out.
func given[Value comparable](value Value) *Value {
	var zero Value
	if value == zero {
		return nil
	}
	return &value
}
