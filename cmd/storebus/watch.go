// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

// The flags of watch.
const (
	afterFlag = "after"
	storeFlag = "store"
)

func newStoreFlag() cli.Flag {
	return &cli.StringFlag{Name: storeFlag, Usage: "fail unless this is the `ID` of the store, of which --after is a revision"}
}

func watchCommand() *clientCommand {
	return &clientCommand{
		name:    "watch",
		columns: []string{"REVISION", "TYPE", "GROUP", "KEY", "VALUE"},
		usage:   "print every change as it happens",
		description: "Prints a line for each change of a namespace, or of one of its groups: revision, type, group, key and value, with tabs between. " +
			"What does not print is shown in quotes. It loses no change while the sidecar or the broker restarts, " +
			"and ends with exit status 0 when it is interrupted or terminated. To go on later where it ended, give the last revision to --after.",
		words: []string{"NAMESPACE", "[GROUP]"},
		flags: []cli.Flag{
			&cli.Uint64Flag{Config: decimalDigits, Name: afterFlag, Usage: "begin after this `REVISION`, 0 for the oldest change that is kept; without it begin now"},
			newStoreFlag(),
		},
		examples: []string{
			"storebus watch acme",
			"storebus watch acme config --after 41",
			"storebus watch acme --json | jq .key",
		},
		lasting: true,
		run:     watch,
	}
}

func watch(ctx context.Context, call *call) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	options, err := call.watchOptions(ctx)
	if err == nil {
		err = call.printChanges(ctx, options)
	}
	if ctx.Err() != nil { // to be told to end is how a watch ends
		return nil
	}
	return err
}

// watchOptions asks where the namespace stands, which fails at once where no sidecar
// answers: only later is it worth waiting for one.
func (call *call) watchOptions(ctx context.Context) (client.WatchOptions, error) {
	group, err := call.group()
	options := client.WatchOptions{Group: group, Store: call.command.String(storeFlag)}
	if err != nil {
		return options, err
	}
	position, err := call.store.Position(ctx, call.word(0))
	if err != nil {
		return options, err
	}
	options.After = &position.Revision
	if call.given[afterFlag] {
		options.After = client.Revision(call.command.Uint64(afterFlag))
	}
	if options.Store == "" {
		options.Store = position.Store
	}
	return options, nil
}

func (call *call) printChanges(ctx context.Context, options client.WatchOptions) error {
	outage := &outage{output: call.command.Root().ErrWriter}
	options.RetryFunc = outage.tell
	for change, err := range call.store.Watch(ctx, call.word(0), options) {
		if err != nil {
			return err
		}
		outage.end()
		call.printChange(change)
		// Whoever reads it waits for this line, not for a full buffer.
		if err := call.output.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (call *call) printChange(change client.Change) {
	if call.json {
		call.printLine(string(change.JSON))
		return
	}
	call.print(changeRow(change)...)
}

func changeRow(change client.Change) []any {
	return []any{change.Revision, string(change.Type), change.Group, change.Key, valueCell(change.Value, change.ValueOmitted)}
}

// outage says what a watch waits for, once for each reason and not at every attempt.
type outage struct {
	output io.Writer
	told   string
}

func (outage *outage) tell(reason error) {
	if text := reason.Error(); text != outage.told {
		outage.told = text
		fmt.Fprintf(outage.output, "storebus: waiting: %s\n", text)
	}
}

func (outage *outage) end() { outage.told = "" }
