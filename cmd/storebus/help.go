// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/urfave/cli/v3"
)

// helpName is the name of the command that prints the help of another one.
const helpName = "help"

// helpCommand prints the help of a command below the one it is added to. Its words name the
// command. The library's own help command takes one word only.
//
//	storebus help journal commit
func helpCommand() *cli.Command {
	return &cli.Command{
		Name: helpName, Aliases: []string{"h"}, Usage: "print the help of a command", ArgsUsage: "[COMMAND ...]",
		HideHelp: true, Action: printHelp,
	}
}

func printHelp(ctx context.Context, help *cli.Command) error {
	command := help.Lineage()[1]
	for _, word := range help.Args().Slice() {
		below := command.Command(word)
		if below == nil {
			return noCommand(command, word)
		}
		command = below
	}
	switch lineage := command.Lineage(); {
	case command.Root() == command:
		return cli.ShowRootCommandHelp(command)
	case len(command.Commands) > 0:
		return cli.ShowSubcommandHelp(command)
	default:
		return cli.ShowCommandHelp(ctx, lineage[1], command.Name)
	}
}

// flagHelp is the line of the help about a flag, with the same default as docs/cli.md. The
// library would print a default for every flag with a value, even if the usage names
// another one.
func flagHelp(flag cli.Flag) string {
	documented, ok := flag.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	return cli.FlagStringer(helpFlag{Flag: flag, DocGenerationFlag: documented})
}

// helpFlag is a flag with its default in its text.
type helpFlag struct {
	cli.Flag
	cli.DocGenerationFlag
}

func (flag helpFlag) GetUsage() string {
	usage := flag.DocGenerationFlag.GetUsage()
	return usage + defaultText(flag.DocGenerationFlag, usage)
}

func (flag helpFlag) IsDefaultVisible() bool { return false }

// defaultText is the default of a flag, "" if it is empty or zero, or if the usage names
// it.
func defaultText(flag cli.DocGenerationFlag, usage string) string {
	value := strings.Trim(cmp.Or(flag.GetDefaultText(), flag.GetValue()), `"[]`)
	if !flag.TakesValue() || !flag.IsDefaultVisible() || value == "" || value == "0" || value == "0s" || strings.Contains(usage, "(default") {
		return ""
	}
	return " (default: " + value + ")"
}
