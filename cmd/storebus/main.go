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

// run executes one command line and returns its exit status.
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
		// No command has begun: the command line is wrong, or a variable.
		err = asUsage(cmp.Or(unknownCommand(root, arguments[1:]), err))
	}
	return report(errorOutput, err, wantsJSON(arguments))
}

// rootCommand builds every command of the program. started is called if a command begins.
func rootCommand(started func()) *cli.Command {
	root := &cli.Command{
		Name:                            "storebus",
		Usage:                           "a key-value store on SQLite that services use over NATS",
		Version:                         storebus.Version,
		Description:                     "storebus serve runs the store; the other commands talk to one that runs.",
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: configureCompletion,
		CustomRootCommandHelpTemplate:   cli.RootCommandHelpTemplate + exitHelp(),
		Commands: slices.Concat([]*cli.Command{serveCommand(), permissionsCommand().command(), restoreCommand().command(), checkCommand().command(), versionCommand().command()}, clientCommands(),
			[]*cli.Command{journalCommand(), workspaceCommand(), archiveCommand(), benchCommand()}, benchHelpers()),
		Action: helpOrUnknown,
		// report alone decides the exit status.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	prepare(root, started)
	return root
}

// prepare gives a command and all commands below it the same help and the same errors. A
// command without an action prints its help, or names the unknown command.
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

// announced calls started before an action.
func announced(action cli.ActionFunc, started func()) cli.ActionFunc {
	return func(ctx context.Context, command *cli.Command) error {
		started()
		return action(ctx, command)
	}
}

// helpOrUnknown prints the help if no command is given, and an error if the command is
// unknown.
func helpOrUnknown(_ context.Context, command *cli.Command) error {
	if command.Args().Present() {
		return noCommand(command, command.Args().First())
	}
	if command.Root() == command {
		return cli.ShowRootCommandHelp(command)
	}
	return cli.ShowSubcommandHelp(command)
}

// noCommand is the error for an unknown name below a command.
func noCommand(command *cli.Command, name string) error {
	suggestion := cmp.Or(didYouMean(name, commandNames(command)), ";")
	return fmt.Errorf("%w: there is no command %q%s %s --help lists all", errUsage, name, suggestion, command.FullName())
}

// unknownCommand finds the first unknown command of a command line. The library may report
// a flag of the unknown command first.
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

// usageError is called if the command line cannot be parsed.
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
