// SPDX-License-Identifier: EUPL-1.2

package main

import "context"

func splitCommand() *clientCommand {
	return &clientCommand{
		name:        "split",
		columns:     []string{"PART"},
		usage:       "split a value at a separator",
		description: "Splits the value of a key at each SEPARATOR, and prints a line for each part. " + quotedHelp + " " + notFoundHelp,
		words:       []string{"NAMESPACE", "GROUP", "KEY", "SEPARATOR"},
		examples: []string{
			"storebus split acme config hosts ,",
			"storebus split acme config path / --json",
		},
		run: split,
	}
}

func split(ctx context.Context, call *call) error {
	parts, err := call.store.Split(ctx, call.word(0), call.word(1), call.word(2), call.word(3))
	call.printEach(parts)
	return err
}
