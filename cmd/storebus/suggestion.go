// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"unicode/utf8"

	"github.com/urfave/cli/v3"
)

// didYouMean gives the end of a message about a name that there is not: the nearest one
// that there is, or nothing if none is near.
//
//	didYouMean("lst", []string{"list", "set"})  // ; did you mean "list"?
func didYouMean(name string, known []string) string {
	nearest, least := "", 2+utf8.RuneCountInString(name)/3
	for _, candidate := range known {
		if distance := editDistance(name, candidate); distance < least {
			nearest, least = candidate, distance
		}
	}
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", nearest)
}

// editDistance is the least number of letters to add, take away, replace or swap with
// their neighbours that makes one name of the other.
func editDistance(from, to string) int {
	var before []int
	last := make([]int, len(to)+1)
	for column := range last {
		last[column] = column
	}
	for row := range len(from) {
		next := make([]int, len(to)+1)
		next[0] = row + 1
		for column := range len(to) {
			replaced := last[column]
			if from[row] != to[column] {
				replaced++
			}
			next[column+1] = min(replaced, last[column+1]+1, next[column]+1)
			if row > 0 && column > 0 && from[row] == to[column-1] && from[row-1] == to[column] {
				next[column+1] = min(next[column+1], before[column-1]+1)
			}
		}
		before, last = last, next
	}
	return last[len(to)]
}

// commandNames are the names of the commands below one, but not the hidden ones.
func commandNames(command *cli.Command) (names []string) {
	for _, below := range command.VisibleCommands() {
		names = append(names, below.Name)
	}
	return names
}

// flagNames are the names of a command's flags, as they are typed.
func flagNames(flags []cli.Flag) (names []string) {
	for _, flag := range flags {
		names = append(names, "--"+flag.Names()[0])
	}
	return names
}
