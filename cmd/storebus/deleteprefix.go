// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/client"
)

func deletePrefixCommand() *clientCommand {
	return &clientCommand{
		name:        "delete-prefix",
		columns:     []string{"DELETED"},
		usage:       "remove every key of all groups with a prefix",
		description: "Removes every key of the groups whose names begin with PREFIX, and prints their number. Consumers get one event for each group. With the empty prefix '' the whole namespace is removed. " + destroyHelp,
		flags:       destroyFlags(),
		words:       []string{"NAMESPACE", "PREFIX"},
		examples: []string{
			"storebus delete-prefix acme user:",
			"storebus delete-prefix acme user: --dry-run",
			"storebus delete-prefix acme '' --force",
		},
		run: deletePrefix,
	}
}

func deletePrefix(ctx context.Context, call *call) error {
	return call.destroy(ctx, call.prefixLoss, func(ctx context.Context) error {
		prefix := call.word(1)
		reply, err := call.store.DeletePrefix(ctx, call.word(0), prefix, client.DeletePrefixOptions{All: prefix == ""})
		if err != nil {
			return err
		}
		call.print(reply.Deleted)
		return nil
	})
}

// prefixLoss counts the keys and the groups of a prefix.
func (call *call) prefixLoss(ctx context.Context) (loss, error) {
	options := client.GroupsOptions{Prefix: call.word(1), Limit: largestPage}
	var keys, groups uint64
	for {
		page, err := call.store.Groups(ctx, call.word(0), options)
		if err != nil {
			return loss{}, err
		}
		for _, group := range page.Groups {
			keys += group.Keys
		}
		groups += uint64(len(page.Groups))
		if options.After = page.Next; options.After == "" {
			break
		}
	}
	whose := " whose names begin with " + call.word(1)
	if call.word(1) == "" {
		whose = ", the whole namespace"
	}
	text := fmt.Sprintf("remove %s in %s of %s%s", counted(keys, "key"), counted(groups, "group"), call.word(0), whose)
	return loss{Text: text, Keys: &keys, Groups: &groups}, nil
}
