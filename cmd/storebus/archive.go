// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/store"
)

// archiveCommand groups the commands for archives.
func archiveCommand() *cli.Command {
	return commandGroup("archive", "check the archives of journal entries", archiveVerifyCommand())
}

func archiveVerifyCommand() *clientCommand {
	return &clientCommand{
		name:    "verify",
		columns: []string{"FILE", "ENTRIES", "SHA256"},
		usage:   "check archives of the journal",
		description: "Reads each FILE from beginning to end, and prints its name, its number of entries and its SHA-256. Compare the SHA-256 with the one that storebus compact printed. FILE is an archive of storebus compact, *.jsonl.gz or *.jsonl.zst. " +
			"If a file is damaged, cut off or not an archive, the exit status is 1. The command needs no sidecar, and little memory.",
		words:    []string{"FILE..."},
		examples: []string{"storebus archive verify data/archive/*.jsonl.gz", "storebus archive verify a.jsonl.zst --json | jq .entries"},
		local:    true,
		run:      archiveVerify,
	}
}

// verifiedArchive is an archive as --json prints it.
type verifiedArchive struct {
	File    string    `json:"file"`
	Entries int64     `json:"entries"`
	SHA256  string    `json:"sha256"`
	Bytes   int64     `json:"bytes"`
	First   time.Time `json:"first_committed_at"`
	Last    time.Time `json:"last_committed_at"`
}

func archiveVerify(ctx context.Context, call *call) error {
	var verified atomic.Int64
	tell := func(context.Context) string {
		return fmt.Sprintf("%d of %d files are read", verified.Load(), len(call.words))
	}
	return call.showProgress(ctx, tell, func(context.Context) (failures error) {
		for _, file := range call.words {
			failures = errors.Join(failures, call.verifyArchive(file))
			verified.Add(1)
		}
		return failures
	})
}

func (call *call) verifyArchive(file string) error {
	content, err := store.VerifyArchive(file)
	if err != nil {
		return err
	}
	if call.json {
		return call.printJSON(verifiedArchive{file, content.Entries, content.SHA256, content.Bytes, content.First, content.Last})
	}
	call.print(file, content.Entries, content.SHA256)
	return nil
}
