// SPDX-License-Identifier: EUPL-1.2

package main

import "context"

func splitCommand() *clientCommand {
	return &clientCommand{
		name:    "split",
		columns: []string{"PART"},
		usage:   "print a value in parts, as a separator divides it",
		description: "Prints the parts of a value, each on a line. What does not print is shown in quotes. " +
			"A key that is not there is \"not found\" on standard error, and exit status 3.",
		words: []string{"NAMESPACE", "GROUP", "KEY", "SEPARATOR"},
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
