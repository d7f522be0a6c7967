// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
)

func purgeCommand() *clientCommand {
	return &clientCommand{
		name:    "purge",
		columns: []string{"EXPIRED"},
		usage:   "expire every key whose time has come",
		description: "Expires every key whose time has come, and prints their number. The sidecar does so by itself all the time; " +
			"after purge it is certain. It takes the permission of an operator.",
		examples: []string{"storebus purge"},
		run:      purge,
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
