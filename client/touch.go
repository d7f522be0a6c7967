// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// TouchOptions is what a touch can be asked for. Its zero value is a plain touch.
type TouchOptions struct {
	// IfRevision and MessageID are as in SetOptions.
	IfRevision *uint64
	MessageID  string
}

// Touch sets when a key expires and leaves its value as it is. The time to live
// cannot be subjects.KeepExpiry. It returns subjects.ErrNotFound where the key is not
// there, and subjects.ErrRevisionConflict where IfRevision does not hold.
//
//	reply, err := store.Touch(ctx, "acme", "presence", "42", subjects.After(90*time.Second), client.TouchOptions{})
func (client *Client) Touch(ctx context.Context, namespace, group, key string, ttl subjects.TTL, options TouchOptions) (subjects.TouchReply, error) {
	return exchange[subjects.TouchReply](ctx, client, write("Touch", namespace, subjects.VerbTouch, subjects.TouchRequest{
		Group: &group, Key: &key, TTL: &ttl, IfRevision: options.IfRevision,
	}, options.MessageID))
}

// GetAndTouch is Touch and Get at once: it gives the entry as the touch leaves it. It
// is sent once: without a reply the touch may have happened, and doing it again does
// no harm.
//
//	entry, err := store.GetAndTouch(ctx, "acme", "sessions", "k3F", subjects.After(time.Hour))
func (client *Client) GetAndTouch(ctx context.Context, namespace, group, key string, ttl subjects.TTL) (Entry, error) {
	return client.entry(ctx, call{
		method: "GetAndTouch", namespace: namespace, verb: subjects.VerbGet, writes: true,
		body: subjects.GetRequest{Group: &group, Key: &key, TTL: &ttl},
	})
}
