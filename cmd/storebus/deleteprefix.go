// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"dappco.re/go/storebus/client"
)

func deletePrefixCommand() *clientCommand {
	return &clientCommand{
		name:    "delete-prefix",
		columns: []string{"DELETED"},
		usage:   "remove every key of the groups whose names have a prefix",
		description: "Removes every key of the groups whose names begin with a text, with one event for each group, and prints the number of keys. " +
			"An empty text, '', is the whole namespace.",
		words: []string{"NAMESPACE", "PREFIX"},
		examples: []string{
			"storebus delete-prefix acme user:",
			"storebus delete-prefix acme ''",
		},
		run: deletePrefix,
	}
}

func deletePrefix(ctx context.Context, call *call) error {
	reply, err := call.store.DeletePrefix(ctx, call.word(0), call.word(1), client.DeleteGroupOptions{})
	if err != nil {
		return err
	}
	call.print(reply.Deleted)
	return nil
}
