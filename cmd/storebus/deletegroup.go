// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/client"
)

func deleteGroupCommand() *clientCommand {
	return &clientCommand{
		name:        "delete-group",
		columns:     []string{"DELETED"},
		usage:       "remove every key of a group",
		description: "Removes every key of a group, and prints their number. Consumers get one event for the whole group. " + destroyHelp,
		words:       []string{"NAMESPACE", "GROUP"},
		flags:       destroyFlags(),
		examples:    []string{"storebus delete-group acme user:42", "storebus delete-group acme user:42 --dry-run"},
		run:         deleteGroup,
	}
}

func deleteGroup(ctx context.Context, call *call) error {
	group, err := call.group()
	if err != nil {
		return err
	}
	return call.destroy(ctx, func(ctx context.Context) (loss, error) {
		count, err := call.store.Count(ctx, call.word(0), client.CountOptions{Group: group})
		return loss{Text: fmt.Sprintf("remove %s of the group %s of %s", counted(count.Count, "key"), group, call.word(0)), Keys: &count.Count}, err
	}, call.deleteGroup)
}

func (call *call) deleteGroup(ctx context.Context) error {
	reply, err := call.store.DeleteGroup(ctx, call.word(0), call.word(1), client.DeleteGroupOptions{})
	if err != nil {
		return err
	}
	call.print(reply.Deleted)
	return nil
}
