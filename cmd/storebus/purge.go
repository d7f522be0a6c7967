// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
)

func purgeCommand() *clientCommand {
	return &clientCommand{
		name:        "purge",
		columns:     []string{"EXPIRED"},
		usage:       "remove all expired keys now",
		description: "Removes every key whose time is over, and prints their number. The sidecar does this all the time; after this command it is certain. " + operatorHelp,
		examples:    []string{"storebus purge"},
		run:         purge,
	}
}

func purge(ctx context.Context, call *call) error {
	reply, err := call.store.Purge(ctx)
	if err != nil {
		return err
	}
	call.print(reply.Expired)
	return nil
}
