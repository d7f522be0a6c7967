// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"dappco.re/go/storebus/client"
)

func deleteGroupCommand() *clientCommand {
	return &clientCommand{
		name:        "delete-group",
		columns:     []string{"DELETED"},
		usage:       "remove every key of a group",
		description: "Removes every key of a group, with one event for all of them, and prints their number.",
		words:       []string{"NAMESPACE", "GROUP"},
		examples:    []string{"storebus delete-group acme user:42"},
		run:         deleteGroup,
	}
}

func deleteGroup(ctx context.Context, call *call) error {
	reply, err := call.store.DeleteGroup(ctx, call.word(0), call.word(1), client.DeleteGroupOptions{})
	if err != nil {
		return err
	}
	call.print(reply.Deleted)
	return nil
}
