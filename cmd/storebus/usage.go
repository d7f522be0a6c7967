// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"strconv"

	"dappco.re/go/storebus/subjects"
)

func usageCommand() *clientCommand {
	return &clientCommand{
		name:        "usage",
		usage:       "print what a namespace holds, and what it may hold",
		description: "Prints the keys, groups and bytes of a namespace, each with its limit where there is one.",
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
	return call.printTable(usageRows(reply))
}

func usageRows(reply subjects.UsageReply) []row {
	return []row{
		{"keys", used(reply.Keys, reply.MaxKeys)},
		{"groups", used(reply.Groups, reply.MaxGroups)},
		{"bytes", used(reply.Bytes, reply.MaxBytes)},
		{"bytes of a value", limitText(reply.MaxValueBytes)},
		{"revision", reply.Revision},
		{"store", reply.Store},
	}
}

func used(count, limit uint64) string {
	if limit == 0 {
		return strconv.FormatUint(count, 10)
	}
	return fmt.Sprintf("%d of %d", count, limit)
}

// limitText gives a limit, of which 0 is none.
func limitText(limit uint64) string {
	if limit == 0 {
		return "no limit"
	}
	return fmt.Sprintf("at most %d", limit)
}
