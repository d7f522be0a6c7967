// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

const (
	acceptFlag   = "accept"
	databaseFlag = "database"
)

func restoreCommand() *clientCommand {
	return &clientCommand{
		name:    "restore",
		columns: []string{"DATABASE", "SIZE", "BEFORE"},
		usage:   "put a backup in the place of the database",
		description: "Puts a copy of the file BACKUP in the place of the database of a sidecar that is stopped. The command prints the database, its size, and the name that the database before has now. " +
			"With --accept and without BACKUP, the database stays as it is: use it if a sidecar says that its database is behind its mark, and you cannot find the newer database. " +
			"In both cases the store gets a new id at its next start, so consumers read all entries again. The command needs no sidecar. " + destroyHelp,
		words: []string{"[BACKUP]"},
		flags: append([]cli.Flag{
			&cli.StringFlag{Name: databaseFlag, Value: storebus.DefaultDatabasePath, Usage: "the SQLite `FILE` of the store", Sources: cli.EnvVars("STOREBUS_DATABASE")},
			&cli.BoolFlag{Name: acceptFlag, Usage: "keep the database, although it is behind its mark"},
		}, destroyFlags()...),
		examples: []string{"storebus restore data/backup/monday.db", "storebus restore --accept --database /var/lib/storebus/storebus.db"},
		local:    true,
		run:      restore,
	}
}

func restore(ctx context.Context, call *call) error {
	database, backup := call.command.String(databaseFlag), call.word(0)
	accept := call.command.Bool(acceptFlag)
	if accept == (backup != "") {
		return call.declared.usageError("give either BACKUP or --accept")
	}
	text := fmt.Sprintf("put %s in the place of %s, and keep that under another name", backup, database)
	if accept {
		text = fmt.Sprintf("have %s count as the newest database, although something is missing in it", database)
	}
	return call.destroy(ctx, func(context.Context) (loss, error) { return loss{Text: text}, nil }, func(ctx context.Context) error {
		if accept {
			return store.AcceptDatabase(ctx, database)
		}
		return call.restore(ctx, database, backup)
	})
}

// restoredDatabase is a restored database as --json prints it.
type restoredDatabase struct {
	Database string `json:"database"`
	Bytes    int64  `json:"bytes"`
	Before   string `json:"before,omitzero"`
}

func (call *call) restore(ctx context.Context, database, backup string) error {
	restored, err := store.RestoreDatabase(ctx, database, backup)
	if err != nil {
		return err
	}
	if call.json {
		return call.printJSON(restoredDatabase{database, restored.Bytes, restored.Aside})
	}
	call.print(database, size(restored.Bytes), restored.Aside)
	return nil
}
