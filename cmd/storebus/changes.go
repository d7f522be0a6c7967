// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

const waitFlag = "wait"

func changesCommand() *clientCommand {
	return &clientCommand{
		name:        "changes",
		columns:     []string{"REVISION", "TYPE", "GROUP", "KEY", "VALUE"},
		usage:       "print the changes in the log",
		description: "Prints a line for each change of a namespace, or of one of its groups, in the form of watch, up to the newest change. If the log no longer reaches back to --after, the command fails with exit status 4. Then read all entries again.",
		words:       []string{"NAMESPACE", "[GROUP]"},
		flags: []cli.Flag{
			&cli.Uint64Flag{Config: decimalDigits, Name: afterFlag, Usage: "begin after this `REVISION` (default: at the oldest change in the log)"},
			newLimitFlag("changes"),
			&cli.DurationFlag{Name: waitFlag, Usage: "if there is no change yet, wait for one for this `DURATION`, 30s at most"},
			newStoreFlag(),
		},
		examples: []string{
			"storebus changes acme",
			"storebus changes acme config --after 41 --wait 30s",
			"storebus changes acme --after 41 --limit 10 --json",
		},
		run: changes,
	}
}

func changes(ctx context.Context, call *call) error {
	group, err := call.group()
	if err != nil {
		return err
	}
	options := client.ChangesOptions{
		Group: group, After: call.command.Uint64(afterFlag), Wait: call.command.Duration(waitFlag), Store: call.command.String(storeFlag),
	}
	return call.pages(func(_ string, size int) (int, string, error) {
		options.Limit = size
		page, err := call.changesPage(ctx, options)
		if err != nil {
			return 0, "", err
		}
		for _, change := range page.Changes {
			call.print(changeRow(change)...)
		}
		options.After, options.Wait = page.Next, 0
		if page.Next >= page.Revision {
			return len(page.Changes), "", nil
		}
		return len(page.Changes), strconv.FormatUint(page.Next, 10), nil
	})
}

// changesPage asks for a page. Without --after it starts at revision 0, or at the first
// change in the log if older changes have left it.
func (call *call) changesPage(ctx context.Context, options client.ChangesOptions) (client.ChangesPage, error) {
	page, err := call.store.Changes(ctx, call.word(0), options)
	refusal, refused := errors.AsType[*subjects.Error](err)
	foreign := refused && options.Store != "" && refusal.Store != options.Store
	if !errors.Is(err, subjects.ErrCompacted) || !refused || foreign || refusal.Oldest == nil || options.After > 0 || call.given[afterFlag] {
		return page, err
	}
	options.After = *refusal.Oldest - 1
	return call.store.Changes(ctx, call.word(0), options)
}
