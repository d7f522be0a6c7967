// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// IncrementOptions are the options of Increment. The zero value leaves the expiry
// unchanged.
type IncrementOptions struct {
	// TTL is the time until the entry expires, such as new(subjects.After(time.Minute)).
	// Nil leaves the expiry unchanged.
	TTL *subjects.TTL
	// MessageID is as in SetOptions.
	MessageID string
}

// Increment adds a number to the value of a key, and returns the sum. The number may be
// negative. A missing key counts from 0. Increment returns subjects.ErrBadRequest, and
// changes nothing, if the value is not an int64 in decimal digits or the sum is outside
// int64.
//
//	reply, err := store.Increment(ctx, "acme", "counters", "visits", 1, client.IncrementOptions{}) // reply.Value
func (client *Client) Increment(ctx context.Context, namespace, group, key string, by int64, options IncrementOptions) (subjects.IncrementReply, error) {
	return exchange[subjects.IncrementReply](ctx, client, write("Increment", namespace, subjects.VerbIncrement, subjects.IncrementRequest{
		Group: &group, Key: &key, By: &by, TTL: options.TTL,
	}, options.MessageID))
}
