// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"fmt"

	"dappco.re/go/storebus/store"
)

// errDifferences ends a check that has found a fault.
var errDifferences = errors.New("the database is not as it says")

func checkCommand() *clientCommand {
	return &clientCommand{
		name:    "check",
		columns: []string{"FILE", "COMMITS", "NAMESPACES", "ENTRIES", "DIFFERENCE"},
		usage:   "check a database or a backup from beginning to end",
		description: "Reads the whole FILE, a database whose sidecar is stopped or a backup, and changes nothing. It has SQLite check the file, and checks the checksums and the chain of hashes of the log. It compares the tables with those of a new database, the entries with the log, the counters with a recount, and the database with its mark. " +
			"It prints a line for each difference, and one line with an empty difference if there are none. If there is a difference, the exit status is 1. The command needs no sidecar, and memory for each key in the log.",
		words:    []string{"FILE"},
		examples: []string{"storebus check data/storebus.db", "storebus check data/backup/monday.db --json | jq .differences"},
		local:    true,
		run:      check,
	}
}

// checkedDatabase is the result of a check as --json prints it.
type checkedDatabase struct {
	File        string   `json:"file"`
	Commits     uint64   `json:"commits"`
	Namespaces  uint64   `json:"namespaces"`
	Entries     uint64   `json:"entries"`
	Behind      uint64   `json:"commits_not_in_tables"`
	Newest      uint64   `json:"commits_beside_database"`
	Differences []string `json:"differences"`
	More        uint64   `json:"more_differences,omitzero"`
}

func check(ctx context.Context, call *call) error {
	file := call.word(0)
	found, err := store.InspectDatabase(ctx, file)
	if err != nil {
		return err
	}
	if call.json {
		err = call.printJSON(checkedDatabase{file, found.Commits, found.Namespaces, found.Entries, found.Behind, found.Newest, append([]string{}, found.Differences...), found.More})
	} else {
		for _, difference := range append(found.Differences, make([]string, max(0, 1-len(found.Differences)))...) {
			call.print(file, found.Commits, found.Namespaces, found.Entries, difference)
		}
	}
	if count := uint64(len(found.Differences)) + found.More; count > 0 && err == nil {
		err = fmt.Errorf("%s: %w: %s", file, errDifferences, counted(count, "difference"))
	}
	return err
}
