// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func countCommand() *clientCommand {
	return &clientCommand{
		name:        "count",
		columns:     []string{"KEYS"},
		usage:       "count keys",
		description: "Prints the number of keys in a namespace, in one group, or in the groups with a prefix.",
		words:       []string{"NAMESPACE", "[GROUP]"},
		flags:       []cli.Flag{newGroupPrefixFlag()},
		examples: []string{
			"storebus count acme",
			"storebus count acme config",
			"storebus count acme --group-prefix user:",
		},
		run: count,
	}
}

func count(ctx context.Context, call *call) error {
	group, err := call.group()
	if err != nil {
		return err
	}
	if group != "" && call.given[groupPrefixFlag] {
		return call.declared.usageError("GROUP and --group-prefix both say what is counted")
	}
	reply, err := call.store.Count(ctx, call.word(0), client.CountOptions{Group: group, Prefix: call.command.String(groupPrefixFlag)})
	if err != nil {
		return err
	}
	call.print(reply.Count)
	return nil
}
