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
		description: "Removes every expired key, and prints how many there were. You normally do not need this command, because the sidecar removes expired keys by itself. The command returns when all of them are removed. " + operatorHelp,
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
