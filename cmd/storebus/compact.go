// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

const (
	beforeFlag = "before"
	formatFlag = "format"
)

func compactCommand() *clientCommand {
	return &clientCommand{
		name:    "compact",
		columns: []string{"ARCHIVE", "ENTRIES", "SHA256"},
		usage:   "move journal entries into an archive",
		description: "Moves journal entries into a file of the archive directory of the sidecar, while all requests continue. It takes the entries that were committed before a time. Entries that wait for delivery, and rejected entries, stay. " +
			"The command prints the name of the file, its number of entries and its SHA-256. It prints a line for each file if one file cannot hold all entries, and nothing if there are no entries. " +
			"It waits until all is done, unless --timeout is given; the sidecar continues in any case. " + operatorHelp + " " + destroyHelp,
		flags: append([]cli.Flag{
			&cli.StringFlag{Name: beforeFlag, Usage: "archive the entries that were committed before this `TIME`, such as 2026-11-22T10:00:00Z"},
			&cli.StringFlag{Name: formatFlag, Value: subjects.ArchiveGzip, Usage: "the `FORMAT` of the file: " + subjects.ArchiveGzip + " or " + subjects.ArchiveZstd},
		}, destroyFlags()...),
		examples: []string{
			"storebus compact --before 2026-11-01T00:00:00Z",
			"storebus compact --before $(date -u -d '30 days ago' +%Y-%m-%dT00:00:00Z) --format zstd --force",
		},
		run: compact,
	}
}

func compact(ctx context.Context, call *call) error {
	if !call.given[beforeFlag] {
		return call.declared.usageError("--before is required, a time such as 2026-11-22T10:00:00Z")
	}
	before, err := time.Parse(time.RFC3339Nano, call.command.String(beforeFlag))
	if err != nil {
		return call.declared.usageError(fmt.Sprintf("--before is a time such as 2026-11-22T10:00:00Z, not %q", call.command.String(beforeFlag)))
	}
	text := fmt.Sprintf("move the journal entries of all namespaces that were committed before %s and wait for nothing into an archive", before.Format(time.RFC3339Nano))
	return call.destroy(ctx, func(context.Context) (loss, error) { return loss{Text: text}, nil }, func(ctx context.Context) error {
		return call.compact(ctx, before)
	})
}

func (call *call) compact(ctx context.Context, before time.Time) error {
	observer, err := call.observer()
	if err != nil {
		return err
	}
	ctx, cancel := call.patiently(ctx)
	defer cancel()
	began := now()
	tell := func(ctx context.Context) string { return compactProgress(ctx, observer, began) }
	return call.showProgress(ctx, tell, func(ctx context.Context) error {
		for more := true; more; {
			reply, err := call.store.Compact(ctx, before, client.CompactOptions{Format: call.command.String(formatFlag)})
			if err != nil {
				return err
			}
			if reply.Archive != nil {
				call.print(*reply.Archive, reply.Entries, reply.SHA256)
			}
			more = reply.More
		}
		return nil
	})
}

// compactProgress says how many entries are written, "" if that is not known.
func compactProgress(ctx context.Context, observer *client.Client, began time.Time) string {
	status, err := observer.Status(ctx)
	if err != nil || status.Journal == nil || status.Journal.Archiving == 0 {
		return ""
	}
	return fmt.Sprintf("%s written, %s", entryCount(status.Journal.Archiving), sinceText(began))
}
