// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/cmd/storebus/bench"
)

// benchCommands gives bench, and the hidden commands of the processes that it starts.
func benchCommands() []*cli.Command {
	commands := bench.Commands(bench.Output{Flags: formatFlags, Format: chosenFormat})
	for _, command := range commands {
		command.Action = benchAction(command.Action)
	}
	return commands
}

// benchAction makes an error of usage one of this program's.
func benchAction(action cli.ActionFunc) cli.ActionFunc {
	return func(ctx context.Context, command *cli.Command) error {
		err := action(ctx, command)
		if errors.Is(err, bench.ErrUsage) {
			return asUsage(err)
		}
		return err
	}
}
