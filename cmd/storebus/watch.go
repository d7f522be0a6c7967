// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// The flags of watch.
const (
	afterFlag = "after"
	storeFlag = "store"
	typeFlag  = "type"
	sinceFlag = "since"
	execFlag  = "exec"
)

// watchWidths are the least widths of the columns of a watch, whose rows are printed as
// they arrive. They fit most changes, so the columns seldom move.
var watchWidths = []int{len(momentLayout), len("REVISION"), len("delete"), 10, 12}

func newStoreFlag() cli.Flag {
	return &cli.StringFlag{Name: storeFlag, Usage: "fail unless the store has this `ID`; --after is a revision of this store"}
}

func watchCommand() *clientCommand {
	return &clientCommand{
		name:    "watch",
		columns: []string{"TIME", "REVISION", "TYPE", "GROUP", "KEY", "VALUE"},
		usage:   "print every change as it happens",
		description: "Prints a line for each change of a namespace, or of one of its groups: revision, type, group, key and value. A table also has the time in UTC, and colours on a terminal unless NO_COLOR is set. " + quotedHelp +
			" The command loses no change while the sidecar or the broker restarts; standard error tells when it waits, and when it is connected again. It ends with exit status 0 if it is interrupted or terminated. " +
			"To continue later, give the last revision to --after.",
		words: []string{"NAMESPACE", "[GROUP]"},
		flags: []cli.Flag{
			&cli.Uint64Flag{Config: decimalDigits, Name: afterFlag, Usage: "begin after this `REVISION`; 0 is before the oldest change in the log (default: the present revision)"},
			newStoreFlag(),
			&cli.StringFlag{Name: typeFlag, Usage: "only changes of this `TYPE`, or of several types with commas between them: " + strings.Join(eventTypes, ", ")},
			&cli.StringFlag{Name: keyPrefixFlag, Usage: "only changes of keys that begin with this `TEXT`"},
			&cli.DurationFlag{Name: sinceFlag, Usage: "begin with the changes of the last `DURATION`, as far as the log has them"},
			&cli.UintFlag{Name: limitFlag, Usage: "end after this `NUMBER` of changes (default: never)"},
			&cli.StringFlag{Name: execFlag, Usage: "run this shell `COMMAND` for each change, one after the other: " +
				"the command gets the change as JSON on standard input, and in STOREBUS_REVISION, _TYPE, _NAMESPACE, _GROUP and _KEY"},
		},
		examples: []string{
			"storebus watch acme",
			"storebus watch acme config --after 41",
			"storebus watch acme --json | jq .key",
			"storebus watch acme --since 10m --type delete,expire",
			"storebus watch acme config --exec 'systemctl reload nginx'",
		},
		lasting: true,
		run:     watch,
	}
}

func watch(ctx context.Context, call *call) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	filter, err := call.filter()
	if err != nil {
		return err
	}
	options, err := call.watchOptions(ctx)
	if err == nil {
		err = call.printChanges(ctx, options, filter)
	}
	if ctx.Err() != nil { // a signal is the normal end of a watch
		return nil
	}
	return err
}

// watchOptions asks for the position of the namespace. That fails at once if no sidecar
// answers; only a running watch waits for one.
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
	if call.given[sinceFlag] {
		options.After = client.Revision(0)
	}
	if options.Store == "" {
		options.Store = position.Store
	}
	return options, nil
}

func (call *call) printChanges(ctx context.Context, options client.WatchOptions, filter *filter) error {
	outage := &outage{output: call.command.Root().ErrWriter, away: func() bool { return !call.connection.IsConnected() }}
	call.announceWatch(options)
	if call.table != nil {
		call.table.widths = slices.Clone(watchWidths)
	}
	options.RetryFunc, options.RecoveredFunc = outage.tell, outage.end
	for change, err := range call.store.Watch(ctx, call.word(0), options) {
		if err != nil {
			return call.otherStore(err, options.Store)
		}
		if !filter.takes(&change) {
			continue
		}
		if err := call.takeChange(ctx, change); err != nil || filter.isLast() {
			return err
		}
	}
	return nil
}

// otherStore names both stores if another store has ended the watch. With --store the
// person chose the store, and the sidecar's own error is enough.
func (call *call) otherStore(err error, began string) error {
	refusal, ok := errors.AsType[*subjects.Error](err)
	if !ok || !errors.Is(err, subjects.ErrCompacted) || call.given[storeFlag] || refusal.Store == "" || refusal.Store == began {
		return err
	}
	replaced := *refusal
	replaced.Message = fmt.Sprintf("another store, %s, answers in the place of %s, which this watch began with", refusal.Store, began)
	return &replaced
}

// announceWatch names the changes that the watch waits for: the screen stays empty until something
// changes.
func (call *call) announceWatch(options client.WatchOptions) {
	place := call.word(0)
	if options.Group != "" {
		place += " " + printable(options.Group)
	}
	from := fmt.Sprintf("after revision %d", *options.After)
	switch {
	case call.given[sinceFlag]:
		from = "with the changes of the last " + call.command.Duration(sinceFlag).String()
	case *options.After == 0:
		from = "from the first change that is kept"
	}
	fmt.Fprintf(call.command.Root().ErrWriter, "watching %s %s … (Ctrl-C ends)\n", place, from)
}

// takeChange prints a change and runs the command for it.
func (call *call) takeChange(ctx context.Context, change client.Change) error {
	call.printChange(change)
	if err := call.execute(ctx, &change); err != nil {
		return err
	}
	// A reader waits for this line, not for a full buffer.
	return call.output.Flush()
}

func (call *call) printChange(change client.Change) {
	switch {
	case call.json:
		call.printLine(string(change.JSON))
	case call.table == nil:
		call.print(changeRow(change)...)
	default:
		row := append([]any{moment(change.Timestamp)}, changeRow(change)...)
		if os.Getenv("NO_COLOR") == "" && isTerminal(call.command.Root().Writer) {
			row[2] = painted{string(change.Type), eventColours[change.Type]}
		}
		call.print(row...)
	}
}

func changeRow(change client.Change) []any {
	return []any{change.Revision, string(change.Type), change.Group, change.Key, valueCell(change.Value, change.ValueOmitted)}
}

// outage reports why a watch waits, once for each reason and not at every attempt.
type outage struct {
	output io.Writer
	// away reports whether the broker is unreachable.
	away func() bool
	told string
}

func (outage *outage) tell(reason error) {
	text := plain(reason)
	switch {
	case outage.away():
		text = "the broker is away"
	case errors.Is(reason, nats.ErrNoResponders):
		text = "the sidecar is away"
	}
	if text != outage.told {
		outage.told = text
		fmt.Fprintf(outage.output, "storebus: %s; waiting\n", visible(text))
	}
}

// end says that the watch has a reply again. No change was lost meanwhile.
func (outage *outage) end() {
	outage.told = ""
	fmt.Fprintln(outage.output, "storebus: connected again")
}
