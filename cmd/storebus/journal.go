// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// journalCommand groups the commands of the journal.
func journalCommand() *cli.Command {
	return commandGroup("journal", "write, read and deliver points of the journal",
		journalCommitCommand(), journalQueryCommand(), journalStatusCommand(), journalRejectedCommand(), journalRequeueCommand(), journalFlushCommand())
}

func journalStatusCommand() *clientCommand {
	return &clientCommand{
		name:        "status",
		columns:     propertyColumns,
		usage:       "print the state of the delivery",
		description: "Prints the numbers of pending, delivered and rejected points of a namespace, and the last error of the delivery.",
		words:       []string{"NAMESPACE"},
		examples:    []string{"storebus journal status acme", "storebus journal status acme --json | jq .pending"},
		run: func(ctx context.Context, call *call) error {
			reply, err := call.store.JournalStatus(ctx, call.word(0))
			if err != nil || call.json {
				return err
			}
			call.printProperties(journalStatusRows(reply))
			return nil
		},
	}
}

func journalStatusRows(reply subjects.JournalStatusReply) []property {
	endpoint := "none"
	if reply.Endpoint != nil {
		endpoint = *reply.Endpoint
	}
	rows := []property{{"endpoint", endpoint}, {"pending", reply.Pending}, {"delivered", reply.Delivered}, {"rejected", reply.Rejected}}
	if !reply.OldestPendingAt.IsZero() {
		rows = append(rows, property{"oldest pending", age(reply.OldestPendingAt)})
	}
	if reply.LastError != "" {
		rows = append(rows, property{"last error", reply.LastError})
	}
	return rows
}

func journalRejectedCommand() *clientCommand {
	return &clientCommand{
		name:        "rejected",
		columns:     []string{"ENTRY", "TIME", "MEASUREMENT", "STATUS", "REASON"},
		usage:       "print the points that the endpoint has rejected",
		description: "Prints a line for each rejected point: its id, its time, its measurement, the HTTP status of the endpoint, and the reason.",
		words:       []string{"NAMESPACE"},
		flags:       []cli.Flag{newLimitFlag("points")},
		examples:    []string{"storebus journal rejected acme", "storebus journal rejected acme --limit 10 --json"},
		run:         journalRejected,
	}
}

func journalRejected(ctx context.Context, call *call) error {
	return call.pages(func(after string, size int) (int, string, error) {
		page, err := call.store.JournalRejected(ctx, call.word(0), client.JournalRejectedOptions{After: after, Limit: size})
		for _, entry := range page.Entries {
			call.print(entry.EntryID, moment(entry.CommittedAt), entry.Measurement, entry.Status, entry.Reason)
		}
		return len(page.Entries), page.Next, err
	})
}

func journalRequeueCommand() *clientCommand {
	return &clientCommand{
		name:        "requeue",
		columns:     []string{"REQUEUED"},
		usage:       "deliver rejected points again",
		description: "Makes the rejected point with the id ENTRY_ID pending again, and prints the number of points. Without an id it does so for all rejected points of the namespace.",
		words:       []string{"NAMESPACE", "[ENTRY_ID]"},
		examples:    []string{"storebus journal requeue acme", "storebus journal requeue acme 17"},
		run:         journalRequeue,
	}
}

func journalRequeue(ctx context.Context, call *call) error {
	var options client.JournalRequeueOptions
	if word := call.word(1); word != "" {
		entryID, err := strconv.ParseUint(word, 10, 53)
		if err != nil {
			return call.declared.usageError(fmt.Sprintf("%q is no value for ENTRY_ID: %v", word, readable(word, err)))
		}
		options.EntryIDs = []uint64{entryID}
	}
	reply, err := call.store.JournalRequeue(ctx, call.word(0), options)
	if err != nil {
		return err
	}
	call.print(reply.Requeued)
	return nil
}

func journalFlushCommand() *clientCommand {
	return &clientCommand{
		name:        "flush",
		columns:     propertyColumns,
		usage:       "deliver all pending points now",
		description: "Delivers the pending points of all namespaces at once, and prints the result. " + operatorHelp,
		examples:    []string{"storebus journal flush"},
		run: func(ctx context.Context, call *call) error {
			reply, err := call.store.Flush(ctx)
			if err != nil || call.json {
				return err
			}
			rows := []property{{"delivered", reply.Delivered}, {"pending", reply.Pending}}
			if reply.LastError != "" {
				rows = append(rows, property{"last error", reply.LastError})
			}
			call.printProperties(rows)
			return nil
		},
	}
}
