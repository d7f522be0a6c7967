// SPDX-License-Identifier: EUPL-1.2

// Command storebus is a message-bus sidecar that owns one SQLite store, and the
// tool to talk to it from a shell.
//
//	storebus serve
//	storebus set acme config theme dark
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus"
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run carries out one command line and gives its exit status.
//
//	run(ctx, []string{"storebus", "get", "acme", "config", "theme"}, os.Stdin, os.Stdout, os.Stderr)
func run(ctx context.Context, arguments []string, input io.Reader, output, errorOutput io.Writer) int {
	started := false
	root := rootCommand(func() { started = true })
	root.Reader, root.Writer, root.ErrWriter = input, output, errorOutput
	root.EnableShellCompletion = !endsWithWord(arguments)
	if len(arguments) > 1 {
		arguments = append(arguments[:1:1], flagsAfterCommand(root, arguments[1:])...)
	}
	err := root.Run(ctx, arguments)
	if err != nil && !started {
		// No command has begun: what is wrong is the command line, or a variable.
		err = asUsage(cmp.Or(unknownCommand(root, arguments[1:]), err))
	}
	return report(errorOutput, err, wantsJSON(arguments))
}

// rootCommand gives every command of the program. started is called when one begins.
func rootCommand(started func()) *cli.Command {
	root := &cli.Command{
		Name:                            "storebus",
		Usage:                           "a key-value store on SQLite that services use over NATS",
		Version:                         storebus.Version,
		Description:                     "storebus serve runs the store; the other commands talk to one that runs.",
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: configureCompletion,
		CustomRootCommandHelpTemplate:   cli.RootCommandHelpTemplate + exitHelp(),
		Commands: slices.Concat([]*cli.Command{serveCommand(), permissionsCommand().command(), versionCommand().command()}, clientCommands(),
			[]*cli.Command{journalCommand(), workspaceCommand(), archiveCommand(), benchCommand()}, benchHelpers()),
		Action: helpOrUnknown,
		// The exit status is decided in one place, report.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	prepare(root, started)
	return root
}

// prepare has a command, and those below it, tell of what is wrong in one way. One that
// gathers others is none by itself.
func prepare(command *cli.Command, started func()) {
	command.OnUsageError = usageError
	if command.Action == nil {
		command.Action = helpOrUnknown
	}
	command.Action = announced(command.Action, started)
	for _, flag := range command.Flags {
		if setter, ok := flag.(cli.StringerSetter); ok {
			setter.SetStringer(flagHelp)
		}
	}
	if len(command.Commands) > 0 {
		command.Commands = append(command.Commands, helpCommand())
	}
	for _, below := range command.Commands {
		prepare(below, started)
	}
}

// announced calls started before the action.
func announced(action cli.ActionFunc, started func()) cli.ActionFunc {
	return func(ctx context.Context, command *cli.Command) error {
		started()
		return action(ctx, command)
	}
}

// helpOrUnknown is what happens without a command, or with one that there is not.
func helpOrUnknown(_ context.Context, command *cli.Command) error {
	if command.Args().Present() {
		return noCommand(command, command.Args().First())
	}
	if command.Root() == command {
		return cli.ShowRootCommandHelp(command)
	}
	return cli.ShowSubcommandHelp(command)
}

// noCommand is the error for a name that is not one of the commands below a command.
func noCommand(command *cli.Command, name string) error {
	suggestion := cmp.Or(didYouMean(name, commandNames(command)), ";")
	return fmt.Errorf("%w: there is no command %q%s %s --help lists all", errUsage, name, suggestion, command.FullName())
}

// unknownCommand finds the first word of a command line that should be a command and is
// none. The library may have stumbled over a flag of the unknown command before.
func unknownCommand(command *cli.Command, arguments []string) error {
	for len(command.Commands) > 0 && len(arguments) > 0 && !isFlag(arguments[0]) {
		below := command.Command(arguments[0])
		if below == nil {
			return noCommand(command, arguments[0])
		}
		command, arguments = below, arguments[1:]
	}
	return nil
}

// usageError is called for a command line that cannot be read.
func usageError(_ context.Context, command *cli.Command, err error, isSubcommand bool) error {
	if !isSubcommand {
		return fmt.Errorf("%w; see storebus --help", asUsage(err))
	}
	return fmt.Errorf("%w; see %s --help", asUsage(err), command.FullName())
}

func asUsage(err error) error {
	if errors.Is(err, errUsage) {
		return err
	}
	return fmt.Errorf("%w: %w", errUsage, err)
}
