// SPDX-License-Identifier: EUPL-1.2

package main

import "context"

func fieldsCommand() *clientCommand {
	return &clientCommand{
		name:        "fields",
		columns:     []string{"PART"},
		usage:       "split a value at white space",
		description: "Splits the value of a key at white space, and prints a line for each part. " + quotedHelp + " " + notFoundHelp,
		words:       []string{"NAMESPACE", "GROUP", "KEY"},
		examples: []string{
			"storebus fields acme config hosts",
			"storebus fields acme config hosts | xargs -n 1 ping -c 1",
		},
		run: fields,
	}
}

func fields(ctx context.Context, call *call) error {
	parts, err := call.store.Fields(ctx, call.word(0), call.word(1), call.word(2))
	call.printEach(parts)
	return err
}
