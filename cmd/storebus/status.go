// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/subjects"
)

func statusCommand() *clientCommand {
	return &clientCommand{
		name:        "status",
		columns:     propertyColumns,
		usage:       "print the state of the sidecar",
		description: "Prints the state of the sidecar: whether it takes writes, its sizes, its queue, its events and its journal. " + operatorHelp,
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
	call.printProperties(statusRows(reply))
	return nil
}

func statusRows(reply subjects.StatusReply) []property {
	writable := "yes"
	if !reply.Writable {
		writable = "no: " + reply.Reason
	}
	rows := []property{
		{"store", reply.Store},
		{"instance", reply.Instance},
		{"version", reply.Version},
		{"prefix", reply.Prefix},
		{"durability", reply.Durability},
		{"writable", writable},
		{"namespaces", reply.Namespaces},
		{"entries", reply.Entries},
		{"entries outside namespaces", reply.UnscopedEntries},
		{"clock", clockText(reply.ClockAheadSeconds)},
		{"changes to be announced", reply.Backlog},
		{"requests in hand", usedOf{reply.Queue.Requests, reply.Queue.RequestLimit}},
		{"bytes in hand", usedBytes{reply.Queue.Bytes, reply.Queue.ByteLimit}},
		{"bytes of replies", usedBytes{reply.Queue.ResultBytes, reply.Queue.ByteLimit}},
	}
	rows = append(rows, diskRows(reply)...)
	if !reply.OldestUnpublishedAt.IsZero() {
		rows = append(rows, property{"oldest change to be announced", age(reply.OldestUnpublishedAt)})
	}
	return append(rows, journalRows(reply.Journal)...)
}

// diskRows describe the files and their disk. A database in memory has none.
func diskRows(reply subjects.StatusReply) (rows []property) {
	if reply.DatabaseBytes > 0 {
		rows = append(rows, property{"database", size(reply.DatabaseBytes)}, property{"write-ahead log", size(reply.WALBytes)})
	}
	if reply.WALOldestSeconds > 0 {
		rows = append(rows, property{"oldest page that no checkpoint could take", fmt.Sprintf("%.0f s", reply.WALOldestSeconds)})
	}
	if reply.DiskFreeBytes != nil {
		rows = append(rows, property{"room on the disk", size(*reply.DiskFreeBytes)})
	}
	if reply.Sync != nil {
		rows = append(rows, property{"half of the commits wait for the disk at most", fmt.Sprintf("%.3g ms", reply.Sync.P50Seconds*1000)},
			property{"99 of 100 commits wait for the disk at most", fmt.Sprintf("%.3g ms", reply.Sync.P99Seconds*1000)})
	}
	return rows
}

// clockText says how far the store's time is ahead of the wall clock.
func clockText(ahead float64) string {
	if ahead == 0 {
		return "the wall clock"
	}
	return fmt.Sprintf("%.3f s ahead of the wall clock, which was set back", ahead)
}

// journalRows describe the delivery of the journal. If the sidecar has no endpoint, one row
// says so.
func journalRows(journal *subjects.JournalStatus) []property {
	if journal == nil || journal.Endpoint == nil {
		return []property{{"journal", "no endpoint"}}
	}
	rows := []property{
		{"journal", *journal.Endpoint},
		{"points pending", journal.Pending},
		{"points delivered", journal.Delivered},
		{"points rejected", journal.Rejected},
	}
	if !journal.OldestPendingAt.IsZero() {
		rows = append(rows, property{"oldest point pending", age(journal.OldestPendingAt)})
	}
	if journal.LastError != "" {
		rows = append(rows, property{"last error of the journal", journal.LastError})
	}
	return rows
}
