// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"time"

	"dappco.re/go/storebus/subjects"
)

func statusCommand() *clientCommand {
	return &clientCommand{
		name:        "status",
		usage:       "print how the sidecar is",
		description: "Prints how the sidecar is. It takes the permission of an operator.",
		examples: []string{
			"storebus status",
			"storebus status --json | jq .backlog",
		},
		run: status,
	}
}

func status(ctx context.Context, call *call) error {
	reply, err := call.store.Status(ctx)
	if err != nil || call.json {
		return err
	}
	return call.printTable(statusRows(reply))
}

func statusRows(reply subjects.StatusReply) []row {
	writable := "yes"
	if !reply.Writable {
		writable = "no: " + reply.Reason
	}
	backlog := fmt.Sprintf("%d changes to be announced", reply.Backlog)
	if !reply.OldestUnpublishedAt.IsZero() {
		backlog += ", the oldest of " + reply.OldestUnpublishedAt.Format(time.RFC3339Nano)
	}
	return []row{
		{"store", reply.Store},
		{"instance", reply.Instance},
		{"version", reply.Version},
		{"prefix", reply.Prefix},
		{"durability", reply.Durability},
		{"writable", writable},
		{"backlog", backlog},
		{"queue", fmt.Sprintf("%d of %d requests, %d of %d bytes, %d bytes of replies",
			reply.Queue.Requests, reply.Queue.RequestLimit, reply.Queue.Bytes, reply.Queue.ByteLimit, reply.Queue.ResultBytes)},
		{"namespaces", reply.Namespaces},
		{"entries", reply.Entries},
		{"entries outside namespaces", reply.UnscopedEntries},
		{"journal", journalText(reply.Journal)},
		{"clock", clockText(reply.ClockAheadSeconds)},
	}
}

// clockText tells by how much the store's time is ahead of the wall clock.
func clockText(ahead float64) string {
	if ahead == 0 {
		return "the wall clock"
	}
	return fmt.Sprintf("%.3f s ahead of the wall clock, which was set back", ahead)
}

// journalText tells how the delivery of the journal stands; a sidecar that has none says
// nothing of it.
func journalText(journal *subjects.JournalStatus) string {
	if journal == nil || journal.Endpoint == nil {
		return "no endpoint"
	}
	text := fmt.Sprintf("%d pending, %d delivered, %d rejected", journal.Pending, journal.Delivered, journal.Rejected)
	if !journal.OldestPendingAt.IsZero() {
		text += "; pending since " + journal.OldestPendingAt.Format(time.RFC3339Nano)
	}
	if journal.LastError != "" {
		text += "; " + journal.LastError
	}
	return text
}
