// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"dappco.re/go/storebus/client"
)

func backupCommand() *clientCommand {
	return &clientCommand{
		name:    "backup",
		columns: []string{"FILE", "SIZE"},
		usage:   "copy the database into a file",
		description: "Copies the database into a new file of the backup directory of the sidecar, while all requests continue, and prints the name and the size of the file. The copy has the state of one moment. " +
			"FILE is a name without folders. The command waits until the copy is finished, unless --timeout is given. On a terminal, standard error shows the progress. " + operatorHelp,
		words: []string{"FILE"},
		examples: []string{
			"storebus backup monday.db",
			"storebus backup large.db --timeout 10m",
		},
		run: backup,
	}
}

func backup(ctx context.Context, call *call) error {
	observer, err := call.observer()
	if err != nil {
		return err
	}
	ctx, cancel := call.patiently(ctx)
	defer cancel()
	began := now()
	tell := func(ctx context.Context) string { return backupProgress(ctx, observer, began) }
	return call.showProgress(ctx, tell, func(ctx context.Context) error {
		reply, err := call.store.Backup(ctx, call.word(0))
		if err == nil {
			call.print(reply.File, size(reply.Bytes))
		}
		return err
	})
}

// backupProgress says how much is copied, "" if that is not known.
func backupProgress(ctx context.Context, observer *client.Client, began time.Time) string {
	status, err := observer.Status(ctx)
	if err != nil || status.BackedUpBytes == 0 {
		return ""
	}
	all := max(status.DatabaseBytes, status.BackedUpBytes)
	return fmt.Sprintf("%s of %s copied, %s", humanize.IBytes(status.BackedUpBytes), humanize.IBytes(all), sinceText(began))
}
