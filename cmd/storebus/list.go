// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

// descendingFlag reverses the order of a listing.
const descendingFlag = "descending"

func listCommand() *clientCommand {
	return &clientCommand{
		name:    "list",
		columns: []string{"KEY", "VALUE"},
		usage:   "print the keys of a group and their values",
		description: "Prints a line for each key of a group, in byte order: the key and the value. " + quotedHelp +
			" The value is left out if it is too large for the broker. The line then ends with \"value omitted\".",
		words: []string{"NAMESPACE", "GROUP"},
		flags: []cli.Flag{
			&cli.StringFlag{Name: keyPrefixFlag, Usage: "only keys that begin with this `TEXT`"},
			newLimitFlag("keys"),
			newKeysOnlyFlag(),
			&cli.BoolFlag{Name: descendingFlag, Usage: "print the last key first"},
		},
		examples: []string{
			"storebus list acme config",
			"storebus list acme presence --key-prefix user: --keys-only",
			"storebus list acme config --limit 10 --descending --json",
		},
		run: list,
	}
}

func list(ctx context.Context, call *call) error {
	options := client.ListOptions{
		Prefix: call.command.String(keyPrefixFlag), KeysOnly: call.command.Bool(keysOnlyFlag), Descending: call.command.Bool(descendingFlag),
	}
	if options.KeysOnly {
		call.columns("KEY")
	}
	return call.pages(func(after string, size int) (int, string, error) {
		options.After, options.Limit = after, size
		page, err := call.store.List(ctx, call.word(0), call.word(1), options)
		for _, entry := range page.Entries {
			call.printEntry(entry, entry.Key)
		}
		return len(page.Entries), page.Next, err
	})
}

// printEntry prints the line of an entry: its names, and its value unless --keys-only is
// given.
func (call *call) printEntry(entry client.Entry, names ...any) {
	if !call.command.Bool(keysOnlyFlag) {
		names = append(names, valueCell(entry.Value, entry.ValueOmitted))
	}
	call.print(names...)
}

// valueOmitted is a column behind an empty one. No value looks like that: a tab in a value
// stands in quotes.
const valueOmitted = "value omitted"

// valueCell returns a stored value. If the reply left it out, the cell says so.
func valueCell(value []byte, omitted bool) any {
	if omitted {
		return cellList{"", valueOmitted}
	}
	return excerpt(value)
}
