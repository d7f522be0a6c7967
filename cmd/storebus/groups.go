// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func groupsCommand() *clientCommand {
	return &clientCommand{
		name:        "groups",
		columns:     []string{"GROUP", "KEYS"},
		usage:       "print the groups of a namespace",
		description: "Prints a line for each group, in byte order: its name, and the number of its keys.",
		words:       []string{"NAMESPACE"},
		flags:       []cli.Flag{newGroupPrefixFlag(), newLimitFlag("groups")},
		examples: []string{
			"storebus groups acme",
			"storebus groups acme --group-prefix user: | wc -l",
		},
		run: groups,
	}
}

func groups(ctx context.Context, call *call) error {
	options := client.GroupsOptions{Prefix: call.command.String(groupPrefixFlag)}
	return call.pages(func(after string, size int) (int, string, error) {
		options.After, options.Limit = after, size
		page, err := call.store.Groups(ctx, call.word(0), options)
		for _, group := range page.Groups {
			call.print(group.Group, group.Keys)
		}
		return len(page.Groups), page.Next, err
	})
}
