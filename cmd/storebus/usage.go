// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"dappco.re/go/storebus/subjects"
)

func usageCommand() *clientCommand {
	return &clientCommand{
		name:        "usage",
		columns:     propertyColumns,
		usage:       "print how much a namespace holds, and its limits",
		description: "Prints the numbers of keys, groups and bytes of a namespace, each with its limit if there is one.",
		words:       []string{"NAMESPACE"},
		examples: []string{
			"storebus usage acme",
			"storebus usage acme --json | jq .keys",
		},
		run: usage,
	}
}

func usage(ctx context.Context, call *call) error {
	reply, err := call.store.Usage(ctx, call.word(0))
	if err != nil || call.json {
		return err
	}
	call.printProperties(usageRows(reply))
	return nil
}

func usageRows(reply subjects.UsageReply) []property {
	return []property{
		{"keys", usedOf{reply.Keys, reply.MaxKeys}},
		{"groups", usedOf{reply.Groups, reply.MaxGroups}},
		{"bytes", usedBytes{reply.Bytes, reply.MaxBytes}},
		{"bytes of a value", atMostBytes(reply.MaxValueBytes)},
		{"journal bytes", usedBytes{reply.JournalBytes, reply.MaxJournalBytes}},
		{"workspace bytes", usedBytes{reply.WorkspaceBytes, reply.MaxWorkspaceBytes}},
		{"log bytes", usedBytes{reply.LogBytes, reply.MaxLogBytes}},
		{"revision", reply.Revision},
		{"store", reply.Store},
	}
}
