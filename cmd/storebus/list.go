// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

// largestPage is the most that one reply may hold.
const largestPage = 1000

// The flags of list. Its prefix of keys has a name of its own: --prefix is that of the
// subjects, as everywhere.
const (
	keyPrefixFlag  = "key-prefix"
	limitFlag      = "limit"
	keysOnlyFlag   = "keys-only"
	descendingFlag = "descending"
)

func listCommand() *clientCommand {
	return &clientCommand{
		name:  "list",
		usage: "print the keys of a group and their values",
		description: "Prints a line for each key of a group, in byte order: the key, a tab, the value. " +
			"What does not print, a tab or a line break in a value for one, is shown in quotes, \"two\\nlines\".",
		words: []string{"NAMESPACE", "GROUP"},
		flags: []cli.Flag{
			&cli.StringFlag{Name: keyPrefixFlag, Usage: "only keys that begin with `TEXT`"},
			&cli.UintFlag{Name: limitFlag, Usage: "not more than this `NUMBER` of keys; 0 for all of them"},
			&cli.BoolFlag{Name: keysOnlyFlag, Usage: "leave the values out"},
			&cli.BoolFlag{Name: descendingFlag, Usage: "from the last key to the first"},
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
	limited, left := call.command.Uint(limitFlag) > 0, call.command.Uint(limitFlag)
	for {
		options.Limit = largestPage
		if limited {
			options.Limit = int(min(left, largestPage))
		}
		page, err := call.store.List(ctx, call.word(0), call.word(1), options)
		if err != nil {
			return err
		}
		call.printEntries(page.Entries)
		left -= min(left, uint(len(page.Entries)))
		if page.Next == "" || limited && left == 0 {
			return nil
		}
		options.After = page.Next
	}
}

func (call *call) printEntries(entries []client.Entry) {
	if call.json {
		return
	}
	for _, entry := range entries {
		if call.command.Bool(keysOnlyFlag) {
			call.printLine(printable(entry.Key))
			continue
		}
		call.printLine(printable(entry.Key), printable(string(entry.Value)))
	}
}
