// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func scanCommand() *clientCommand {
	return &clientCommand{
		name:    "scan",
		columns: []string{"GROUP", "KEY", "VALUE"},
		usage:   "print every entry of a namespace",
		description: "Prints a line for each entry of a namespace, in byte order: the group, the key and the value. " + quotedHelp +
			" The value is left out if it is too large for the broker. The line then ends with \"value omitted\".",
		words: []string{"NAMESPACE"},
		flags: []cli.Flag{newGroupPrefixFlag(), newLimitFlag("entries"), newKeysOnlyFlag()},
		examples: []string{
			"storebus scan acme",
			"storebus scan acme --group-prefix user: --keys-only",
			"storebus scan acme --json | jq -c .entries[]",
		},
		run: scan,
	}
}

func scan(ctx context.Context, call *call) error {
	options := client.ScanOptions{Prefix: call.command.String(groupPrefixFlag), KeysOnly: call.command.Bool(keysOnlyFlag)}
	if options.KeysOnly {
		call.columns("GROUP", "KEY")
	}
	return call.pages(func(after string, size int) (int, string, error) {
		options.After, options.Limit = after, size
		page, err := call.store.Scan(ctx, call.word(0), options)
		for _, entry := range page.Entries {
			call.printEntry(entry, entry.Group, entry.Key)
		}
		return len(page.Entries), page.Next, err
	})
}
