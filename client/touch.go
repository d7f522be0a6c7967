// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// TouchOptions are the options of Touch. The zero value is a plain touch.
type TouchOptions struct {
	// IfRevision and MessageID are as in SetOptions.
	IfRevision *uint64
	MessageID  string
}

// Touch sets when a key expires, and leaves the value unchanged. subjects.NeverExpires
// removes the expiry; subjects.KeepExpiry is not allowed. Touch returns
// subjects.ErrNotFound if the key does not exist, and subjects.ErrRevisionConflict if
// IfRevision does not hold.
//
//	reply, err := store.Touch(ctx, "acme", "presence", "42", subjects.After(90*time.Second), client.TouchOptions{})
func (client *Client) Touch(ctx context.Context, namespace, group, key string, ttl subjects.TTL, options TouchOptions) (subjects.TouchReply, error) {
	return exchange[subjects.TouchReply](ctx, client, write("Touch", namespace, subjects.VerbTouch, subjects.TouchRequest{
		Group: &group, Key: &key, TTL: &ttl, IfRevision: options.IfRevision,
	}, options.MessageID))
}

// GetAndTouch sets when a key expires, and returns the entry with the new expiry. It
// returns subjects.ErrNotFound if the key does not exist. It is sent once. Without a
// reply the touch may have happened; you may safely call again.
//
//	entry, err := store.GetAndTouch(ctx, "acme", "sessions", "k3F", subjects.After(time.Hour))
func (client *Client) GetAndTouch(ctx context.Context, namespace, group, key string, ttl subjects.TTL) (Entry, error) {
	return client.entry(ctx, call{
		method: "GetAndTouch", namespace: namespace, verb: subjects.VerbGet, writes: true,
		body: subjects.GetRequest{Group: &group, Key: &key, TTL: &ttl},
	})
}
