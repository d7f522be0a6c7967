// SPDX-License-Identifier: EUPL-1.2

package main

import "context"

func fieldsCommand() *clientCommand {
	return &clientCommand{
		name:    "fields",
		columns: []string{"PART"},
		usage:   "print a value in parts, as white space divides it",
		description: "Prints the parts of a value, each on a line. What does not print is shown in quotes. " +
			"A key that is not there is \"not found\" on standard error, and exit status 3.",
		words: []string{"NAMESPACE", "GROUP", "KEY"},
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
