// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func namespacesCommand() *clientCommand {
	return &clientCommand{
		name:        "namespaces",
		columns:     []string{"NAMESPACE", "REVISION", "KEYS", "GROUPS", "SIZE"},
		usage:       "print every namespace",
		description: "Prints a line for each namespace, in byte order: its name, its revision, and its numbers of keys, groups and bytes. " + operatorHelp,
		flags: []cli.Flag{
			&cli.StringFlag{Name: namespacePrefixFlag, Usage: "only namespaces that begin with this `TEXT`"},
			newLimitFlag("namespaces"),
		},
		examples: []string{
			"storebus namespaces",
			"storebus namespaces | sort -n -k 5",
		},
		run: namespaces,
	}
}

func namespaces(ctx context.Context, call *call) error {
	options := client.NamespacesOptions{Prefix: call.command.String(namespacePrefixFlag)}
	return call.pages(func(after string, count int) (int, string, error) {
		options.After, options.Limit = after, count
		page, err := call.store.Namespaces(ctx, options)
		for _, namespace := range page.Namespaces {
			call.print(namespace.Namespace, namespace.Revision, namespace.Keys,
				namespace.Groups, size(namespace.Bytes))
		}
		return len(page.Namespaces), page.Next, err
	})
}
