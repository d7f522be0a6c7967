// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// DeleteGroupOptions is what a removal of a group can be asked for.
type DeleteGroupOptions struct {
	// MessageID is as in SetOptions.
	MessageID string
}

// DeleteGroup removes every key of a group, with one event for all of them. A group
// without a key is no error: Deleted is 0.
//
//	reply, err := store.DeleteGroup(ctx, "acme", "user:42", client.DeleteGroupOptions{})
func (client *Client) DeleteGroup(ctx context.Context, namespace, group string, options DeleteGroupOptions) (subjects.DeleteGroupReply, error) {
	return exchange[subjects.DeleteGroupReply](ctx, client, write("DeleteGroup", namespace, subjects.VerbDeleteGroup,
		subjects.DeleteGroupRequest{Group: &group}, options.MessageID))
}

// DeletePrefixOptions is what a removal by prefix can be asked for.
type DeletePrefixOptions struct {
	// All says that an empty prefix is meant: the whole namespace.
	All bool
	// MessageID is as in SetOptions.
	MessageID string
}

// DeletePrefix removes every key of the groups whose names begin with prefix, with
// one event for each group. The empty prefix is the whole namespace, if options.All says so;
// else it is subjects.ErrBadRequest.
//
//	reply, err := store.DeletePrefix(ctx, "acme", "user:", client.DeletePrefixOptions{})
func (client *Client) DeletePrefix(ctx context.Context, namespace, prefix string, options DeletePrefixOptions) (subjects.DeletePrefixReply, error) {
	return exchange[subjects.DeletePrefixReply](ctx, client, write("DeletePrefix", namespace, subjects.VerbDeletePrefix,
		subjects.DeletePrefixRequest{Prefix: &prefix, All: given(options.All)}, options.MessageID))
}
