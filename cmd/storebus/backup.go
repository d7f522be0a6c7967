// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
)

func backupCommand() *clientCommand {
	return &clientCommand{
		name:    "backup",
		columns: []string{"FILE", "BYTES"},
		usage:   "copy the database into a file",
		description: "Copies the database, as it is at one point, into a file of the sidecar's backup directory, while everything goes on, " +
			"and prints the file and its size in bytes. The file is a name without folders. It takes the permission of an operator.",
		words: []string{"FILE"},
		examples: []string{
			"storebus backup monday.db",
			"storebus backup large.db --timeout 10m",
		},
		run: backup,
	}
}

func backup(ctx context.Context, call *call) error {
	reply, err := call.store.Backup(ctx, call.word(0))
	if err != nil {
		return err
	}
	call.print(reply.File, size(reply.Bytes))
	return nil
}
