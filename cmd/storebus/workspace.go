// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// workspaceCommand groups the commands of workspaces.
func workspaceCommand() *cli.Command {
	return commandGroup("workspace", "collect the entries of one job, query them with SQL, and keep a summary",
		workspaceOpenCommand(), workspacePutCommand(), workspaceAggregateCommand(), workspaceQueryCommand(),
		workspaceCommitCommand(), workspaceDiscardCommand(), workspaceListCommand())
}

func workspaceOpenCommand() *clientCommand {
	return &clientCommand{
		name:        "open",
		columns:     []string{"ENTRIES"},
		usage:       "open a workspace, and create it if it does not exist",
		description: "Opens a workspace, and prints its number of entries. If the workspace does not exist, it is created.",
		words:       []string{"NAMESPACE", "WORKSPACE"},
		examples:    []string{"storebus workspace open acme import-42"},
		run: func(ctx context.Context, call *call) error {
			reply, err := call.store.WorkspaceOpen(ctx, call.word(0), call.word(1), client.WorkspaceOptions{})
			if err != nil {
				return err
			}
			call.print(reply.Entries)
			return nil
		},
	}
}

func workspacePutCommand() *clientCommand {
	return &clientCommand{
		name:        "put",
		columns:     []string{"ENTRIES"},
		usage:       "add an entry to a workspace",
		description: "Adds an entry to a workspace, and prints the new number of entries. The entry is on disk by then. DATA is JSON: put a text in double quotes. If DATA is -, it is read from standard input.",
		words:       []string{"NAMESPACE", "WORKSPACE", "KIND", "DATA"},
		examples: []string{
			`storebus workspace put acme import-42 row '{"sku":"A-17","stock":4}'`,
			`storebus workspace put acme import-42 warning '"no price"'`,
			"storebus workspace put acme import-42 row - < row.json",
		},
		run: workspacePut,
	}
}

func workspacePut(ctx context.Context, call *call) error {
	data, err := call.value(call.word(3))
	if err != nil {
		return err
	}
	reply, err := call.store.WorkspacePut(ctx, call.word(0), call.word(1), call.word(2), jsontext.Value(data), client.WorkspaceOptions{})
	if err != nil {
		return err
	}
	call.print(reply.Entries)
	return nil
}

func workspaceAggregateCommand() *clientCommand {
	return &clientCommand{
		name:        "aggregate",
		columns:     []string{"KIND", "ENTRIES"},
		usage:       "count the entries of each kind in a workspace",
		description: "Prints a line for each kind: its name, and its number of entries.",
		words:       []string{"NAMESPACE", "WORKSPACE"},
		examples:    []string{"storebus workspace aggregate acme import-42"},
		run: func(ctx context.Context, call *call) error {
			summary, err := call.store.WorkspaceAggregate(ctx, call.word(0), call.word(1))
			if err != nil {
				return err
			}
			call.printSummary(summary)
			return nil
		},
	}
}

func (call *call) printSummary(summary map[string]uint64) {
	for _, kind := range slices.Sorted(maps.Keys(summary)) {
		call.print(kind, summary[kind])
	}
}

func workspaceQueryCommand() *clientCommand {
	return &clientCommand{
		name:        "query",
		usage:       "query the entries of a workspace with SQL",
		description: "Runs one SELECT on the table entries(id, kind, data, created_at), and prints a line for each row. The column data is JSON. If SQL is -, it is read from standard input.",
		words:       []string{"NAMESPACE", "WORKSPACE", "SQL"},
		flags:       []cli.Flag{&cli.UintFlag{Config: decimalDigits, Name: limitFlag, Usage: fmt.Sprintf("print at most this `NUMBER` of rows, 1 to %d (default: %d)", largestPage, largestPage)}},
		examples: []string{
			"storebus workspace query acme import-42 'SELECT kind, count(*) FROM entries GROUP BY kind'",
			`storebus workspace query acme import-42 "SELECT data ->> 'sku' FROM entries" --limit 10 --json`,
		},
		run: workspaceQuery,
	}
}

func workspaceQuery(ctx context.Context, call *call) error {
	query, err := call.value(call.word(2))
	if err != nil {
		return err
	}
	limit := int(call.command.Uint(limitFlag))
	found, err := call.store.WorkspaceQuery(ctx, call.word(0), call.word(1), string(query), client.WorkspaceQueryOptions{Limit: cmp.Or(limit, largestPage)})
	if err != nil {
		return err
	}
	call.columns(found.Columns...)
	for _, row := range found.Rows {
		call.print(rowValues(row)...)
	}
	if found.Truncated && limit == 0 {
		fmt.Fprintf(call.command.Root().ErrWriter, "storebus: there are more rows than these %d\n", largestPage)
	}
	return nil
}

// rowValues formats the values of a row: bytes in base64, and null as an empty text.
func rowValues(row []any) []any {
	values := make([]any, len(row))
	for index, value := range row {
		switch value := value.(type) {
		case nil:
			values[index] = ""
		case []byte:
			values[index] = base64.StdEncoding.EncodeToString(value)
		default:
			values[index] = value
		}
	}
	return values
}

func workspaceCommitCommand() *clientCommand {
	return &clientCommand{
		name:    "commit",
		columns: []string{"KIND", "ENTRIES"},
		usage:   "close a workspace, and keep its summary",
		description: "Writes the summary of a workspace, the number of entries of each kind, and removes the workspace. The summary becomes a point of the journal, and the value of the key summary in the group workspace:WORKSPACE. " +
			"The command prints a line for each kind.",
		words:    []string{"NAMESPACE", "WORKSPACE"},
		examples: []string{"storebus workspace commit acme import-42"},
		run: func(ctx context.Context, call *call) error {
			reply, err := call.store.WorkspaceCommit(ctx, call.word(0), call.word(1), client.WorkspaceOptions{})
			if err != nil {
				return err
			}
			call.printSummary(reply.Summary)
			return nil
		},
	}
}

func workspaceDiscardCommand() *clientCommand {
	return &clientCommand{
		name:        "discard",
		usage:       "remove a workspace, and keep nothing",
		description: "Removes a workspace and all its entries. " + destroyHelp,
		words:       []string{"NAMESPACE", "WORKSPACE"},
		flags:       destroyFlags(),
		examples:    []string{"storebus workspace discard acme import-42", "storebus workspace discard acme import-42 --force"},
		run: func(ctx context.Context, call *call) error {
			return call.destroy(ctx, call.workspaceLoss, func(ctx context.Context) error {
				return call.store.WorkspaceDiscard(ctx, call.word(0), call.word(1), client.WorkspaceOptions{})
			})
		},
	}
}

// workspaceLoss counts the entries of a workspace.
func (call *call) workspaceLoss(ctx context.Context) (loss, error) {
	options := client.WorkspacesOptions{Limit: largestPage}
	for {
		page, err := call.store.Workspaces(ctx, call.word(0), options)
		if err != nil {
			return loss{}, err
		}
		for _, workspace := range page.Workspaces {
			if workspace.Workspace == call.word(1) {
				text := fmt.Sprintf("throw away the workspace %s of %s with %s", call.word(1), call.word(0), entryCount(workspace.Entries))
				return loss{Text: text, Entries: &workspace.Entries}, nil
			}
		}
		if options.After = page.Next; options.After == "" {
			return loss{}, subjects.ErrNotFound.New(fmt.Sprintf("there is no workspace %s in %s", call.word(1), call.word(0)))
		}
	}
}

func entryCount(number uint64) string {
	if number == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", number)
}

func workspaceListCommand() *clientCommand {
	return &clientCommand{
		name:        "list",
		columns:     []string{"WORKSPACE", "ENTRIES", "OPENED", "STATE"},
		usage:       "print the workspaces of a namespace",
		description: "Prints a line for each workspace: its name, its number of entries, its time of creation, and its state. The state orphaned means that no client has opened the workspace since the start of the sidecar.",
		words:       []string{"NAMESPACE"},
		flags:       []cli.Flag{newLimitFlag("workspaces")},
		examples:    []string{"storebus workspace list acme", "storebus workspace list acme --json | jq '.workspaces[] | select(.orphaned)'"},
		run:         workspaceList,
	}
}

func workspaceList(ctx context.Context, call *call) error {
	return call.pages(func(after string, size int) (int, string, error) {
		page, err := call.store.Workspaces(ctx, call.word(0), client.WorkspacesOptions{After: after, Limit: size})
		for _, workspace := range page.Workspaces {
			state := "open"
			if workspace.Orphaned {
				state = "orphaned"
			}
			call.print(workspace.Workspace, workspace.Entries, age(workspace.OpenedAt), state)
		}
		return len(page.Workspaces), page.Next, err
	})
}
