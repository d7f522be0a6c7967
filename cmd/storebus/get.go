// SPDX-License-Identifier: EUPL-1.2

package main

import "context"

func getCommand() *clientCommand {
	return &clientCommand{
		name:  "get",
		usage: "print a value",
		description: "Prints the value of a key and nothing else, every byte as it is; on a terminal a line break comes after it. " +
			"A key that is not there is \"not found\" on standard error, and exit status 3.",
		words: []string{"NAMESPACE", "GROUP", "KEY"},
		examples: []string{
			"storebus get acme config theme",
			"storebus get acme files logo > logo.png",
			"storebus get acme config theme --json",
		},
		run: get,
	}
}

func get(ctx context.Context, call *call) error {
	entry, err := call.store.Get(ctx, call.word(0), call.word(1), call.word(2))
	if err != nil || call.json {
		return err
	}
	// An error is kept by the writer, and comes out of its Flush.
	_, _ = call.output.Write(entry.Value)
	if isTerminal(call.command.Root().Writer) {
		call.printLine()
	}
	return nil
}
