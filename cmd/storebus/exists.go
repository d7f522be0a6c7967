// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
)

func existsCommand() *clientCommand {
	return &clientCommand{
		name:        "exists",
		columns:     []string{"REVISION"},
		usage:       "tell whether a key exists",
		description: "Prints the revision of a key. " + notFoundHelp,
		words:       []string{"NAMESPACE", "GROUP", "KEY"},
		examples: []string{
			"storebus exists acme config theme",
			"storebus exists acme locks nightly || storebus set acme locks nightly held --if-revision 0",
		},
		run: exists,
	}
}

func exists(ctx context.Context, call *call) error {
	reply, err := call.store.Exists(ctx, call.word(0), call.word(1), call.word(2))
	if err != nil {
		return err
	}
	if !reply.Exists {
		return missingKey(call.word(1), call.word(2))
	}
	call.print(reply.Revision)
	return nil
}
