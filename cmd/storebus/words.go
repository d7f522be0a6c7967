// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v3"
)

// splitWords separates the words of a command line from its flags, in any order, and sets
// the flags. Everything after "--" is a word. So is "-", and an argument that begins with a
// dash and no letter. The library's own parser takes every flag after a "-5" for a word.
// The second result names the given flags.
//
//	storebus set acme config offset -5 --ttl 60s  // 4 words, one flag
func splitWords(command *cli.Command) ([]string, map[string]bool, error) {
	var words []string
	given := map[string]bool{}
	for arguments := command.Args().Slice(); len(arguments) > 0; {
		argument := arguments[0]
		arguments = arguments[1:]
		if argument == "--" {
			return append(words, arguments...), given, nil
		}
		if !isFlag(argument) {
			words = append(words, argument)
			continue
		}
		taken, err := setFlag(command, given, argument, arguments)
		if err != nil {
			return nil, nil, err
		}
		arguments = arguments[taken:]
	}
	return words, given, nil
}

// isFlag reports whether an argument looks like a flag: -json, --json, --limit=5.
func isFlag(argument string) bool {
	name, dashed := strings.CutPrefix(argument, "-")
	if !dashed {
		return false
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimPrefix(name, "-"))
	return unicode.IsLetter(first)
}

// setFlag sets one flag. It returns how many of the next arguments are its value: 0 or 1.
func setFlag(command *cli.Command, given map[string]bool, argument string, rest []string) (taken int, err error) {
	name, value, valued := strings.Cut(strings.TrimLeft(argument, "-"), "=")
	flag := findFlag(command.Flags, name)
	if flag == nil {
		suggestion := cmp.Or(didYouMean("--"+name, flagNames(command.Flags)), ".")
		return 0, fmt.Errorf("there is no flag %s%s Words that begin with - come after --", argument, suggestion)
	}
	switch {
	case valued:
	case isSwitch(flag):
		value = "true"
	case len(rest) == 0:
		return 0, fmt.Errorf("flag %s needs a value", argument)
	default:
		value, taken = rest[0], 1
	}
	if err := command.Set(name, value); err != nil {
		return 0, fmt.Errorf("%q is no value for flag --%s: %w", value, flag.Names()[0], readable(value, err))
	}
	given[flag.Names()[0]] = true
	return taken, nil
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	index := slices.IndexFunc(flags, func(flag cli.Flag) bool { return slices.Contains(flag.Names(), name) })
	if index < 0 {
		return nil
	}
	return flags[index]
}

// isSwitch reports whether a flag stands alone, without a value.
func isSwitch(flag cli.Flag) bool {
	boolean, ok := flag.(interface{ IsBoolFlag() bool })
	return ok && boolean.IsBoolFlag()
}
