// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// DeleteGroupOptions are the options of DeleteGroup.
type DeleteGroupOptions struct {
	// MessageID is as in SetOptions.
	MessageID string
}

// DeleteGroup removes every key of a group, with one event for all keys. A group without
// a key is no error: Deleted is 0.
//
//	reply, err := store.DeleteGroup(ctx, "acme", "user:42", client.DeleteGroupOptions{})
func (client *Client) DeleteGroup(ctx context.Context, namespace, group string, options DeleteGroupOptions) (subjects.DeleteGroupReply, error) {
	return exchange[subjects.DeleteGroupReply](ctx, client, write("DeleteGroup", namespace, subjects.VerbDeleteGroup,
		subjects.DeleteGroupRequest{Group: &group}, options.MessageID))
}

// DeletePrefixOptions are the options of DeletePrefix.
type DeletePrefixOptions struct {
	// All confirms that an empty prefix means the whole namespace.
	All bool
	// MessageID is as in SetOptions.
	MessageID string
}

// DeletePrefix removes every key of the groups whose names begin with prefix, all or
// nothing, with one event for each group. The empty prefix means the whole namespace. It
// needs options.All; without it DeletePrefix returns subjects.ErrBadRequest. It returns
// subjects.ErrTooLarge for more than 100,000 groups.
//
//	reply, err := store.DeletePrefix(ctx, "acme", "user:", client.DeletePrefixOptions{})
func (client *Client) DeletePrefix(ctx context.Context, namespace, prefix string, options DeletePrefixOptions) (subjects.DeletePrefixReply, error) {
	return exchange[subjects.DeletePrefixReply](ctx, client, write("DeletePrefix", namespace, subjects.VerbDeletePrefix,
		subjects.DeletePrefixRequest{Prefix: &prefix, All: given(options.All)}, options.MessageID))
}
