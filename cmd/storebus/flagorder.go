// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// flagsAfterCommand moves shared flags from before the command to behind its words, because
// the nats command line tool takes them there. It leaves other command lines unchanged.
//
//	flagsAfterCommand(root, []string{"-s", "nats://broker:4222", "get", "acme", "config", "theme"})
//	// get -s nats://broker:4222 acme config theme
func flagsAfterCommand(root *cli.Command, arguments []string) []string {
	shared := (&clientCommand{}).sharedFlags()
	first := 0
	for first < len(arguments) && isFlag(arguments[first]) {
		length := lengthOfFlag(shared, arguments[first])
		if length == 0 {
			return arguments
		}
		first += length
	}
	if first == 0 || first >= len(arguments) {
		return arguments
	}
	flags, rest := arguments[:first], arguments[first:]
	words := 1 // an unknown command is a word too, so that the error names it
	for command := root.Command(rest[0]); command != nil && words < len(rest) && len(command.Commands) > 0; words++ {
		if command = command.Command(rest[words]); command == nil {
			break
		}
	}
	return slices.Concat(rest[:words], flags, rest[words:])
}

// lengthOfFlag is the number of arguments of a flag and its value, 0 if the flag is not
// known.
func lengthOfFlag(known []cli.Flag, argument string) int {
	name, _, hasValue := strings.Cut(strings.TrimLeft(argument, "-"), "=")
	for _, flag := range known {
		if !slices.Contains(flag.Names(), name) {
			continue
		}
		if _, isBool := flag.(*cli.BoolFlag); isBool || hasValue {
			return 1
		}
		return 2
	}
	return 0
}
