// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/internal/bench/stage"
)

// benchHelpers returns the hidden commands that bench runs as processes of their own. They
// are in the program, so bench needs no other program.
func benchHelpers() []*cli.Command {
	var commands []*cli.Command
	for _, name := range stage.Helpers() {
		commands = append(commands, &cli.Command{
			Name:            name,
			Usage:           "a part of storebus bench, which starts it",
			Hidden:          true,
			HideHelpCommand: true,
			Action: func(ctx context.Context, command *cli.Command) error {
				return stage.RunHelper(ctx, name, command.Args().Slice(), command.Root().Reader, command.Root().Writer)
			},
		})
	}
	return append(commands, &cli.Command{
		Name:            stage.ProfiledServe,
		Usage:           "serve, for storebus bench --profile, which starts it",
		Flags:           serveFlags(),
		Hidden:          true,
		HideHelpCommand: true,
		Action: func(ctx context.Context, command *cli.Command) error {
			go stage.AnswerProfiles(command.Root().Reader, command.Root().Writer)
			return serve(ctx, command)
		},
	})
}
