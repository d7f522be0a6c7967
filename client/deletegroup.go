// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

// DeleteGroupOptions is what a removal of groups can be asked for.
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

// DeletePrefix removes every key of the groups whose names begin with prefix, with
// one event for each group. The empty prefix is the whole namespace.
//
//	reply, err := store.DeletePrefix(ctx, "acme", "user:", client.DeleteGroupOptions{})
func (client *Client) DeletePrefix(ctx context.Context, namespace, prefix string, options DeleteGroupOptions) (subjects.DeletePrefixReply, error) {
	return exchange[subjects.DeletePrefixReply](ctx, client, write("DeletePrefix", namespace, subjects.VerbDeletePrefix,
		subjects.DeletePrefixRequest{Prefix: &prefix}, options.MessageID))
}
