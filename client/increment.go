// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// IncrementOptions is what an increment can be asked for. Its zero value leaves the
// expiry as it is.
type IncrementOptions struct {
	// TTL is when the entry expires: new(subjects.After(time.Minute)). Nil: when it
	// would have anyway.
	TTL *subjects.TTL
	// MessageID is as in SetOptions.
	MessageID string
}

// Increment adds a number, which may be negative, to the one that a key holds, and
// answers with the sum. A key that is not there counts from 0. It returns
// subjects.ErrBadRequest, and changes nothing, where the value is no int64 or the sum
// would be none.
//
//	reply, err := store.Increment(ctx, "acme", "counters", "visits", 1, client.IncrementOptions{})
func (client *Client) Increment(ctx context.Context, namespace, group, key string, by int64, options IncrementOptions) (subjects.IncrementReply, error) {
	return exchange[subjects.IncrementReply](ctx, client, write("Increment", namespace, subjects.VerbIncrement, subjects.IncrementRequest{
		Group: &group, Key: &key, By: &by, TTL: options.TTL,
	}, options.MessageID))
}
