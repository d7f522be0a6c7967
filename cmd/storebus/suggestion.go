// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v3"
)

// synonyms are the names that other programs have for commands of this one.
var synonyms = map[string]string{
	"ls": "list", "keys": "list", "dir": "list", "dump": "scan", "all": "scan",
	"put": "set", "write": "set", "store": "set", "add": "increment", "incr": "increment",
	"read": "get", "cat": "get", "show": "get", "has": "exists",
	"rm": "delete", "remove": "delete", "unset": "delete",
	"expire": "touch", "ttl": "touch", "subscribe": "watch", "sub": "watch", "follow": "watch", "tail": "watch",
	"log": "changes", "history": "changes", "info": "status", "ns": "namespaces", "tx": "transaction", "multi": "transaction",
	"start": "serve", "run": "serve", "server": "serve",
}

// shortestPrefix is the least number of letters that can stand for a whole name.
const shortestPrefix = 2

// didYouMean returns the end of a message about an unknown name: the name that was probably
// meant, "" if none is near.
//
//	didYouMean("lst", []string{"list", "set"})    // ; did you mean "list"?
//	didYouMean("del", []string{"delete", "set"})  // ; did you mean "delete"?
func didYouMean(name string, known []string) string {
	meant := cmp.Or(synonymOf(name, known), beginningWith(name, known), nearestTo(name, known))
	if meant == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", meant)
}

func synonymOf(name string, known []string) string {
	if meant := synonyms[name]; slices.Contains(known, meant) {
		return meant
	}
	return ""
}

// beginningWith returns the shortest name with a given beginning.
func beginningWith(text string, known []string) (shortest string) {
	if len(strings.TrimLeft(text, "-")) < shortestPrefix {
		return ""
	}
	for _, candidate := range known {
		if strings.HasPrefix(candidate, text) && (shortest == "" || len(candidate) < len(shortest)) {
			shortest = candidate
		}
	}
	return shortest
}

// nearestTo returns the name that needs the fewest changes of letters.
func nearestTo(name string, known []string) (nearest string) {
	least := 2 + utf8.RuneCountInString(name)/3
	for _, candidate := range known {
		if distance := editDistance(name, candidate); distance < least {
			nearest, least = candidate, distance
		}
	}
	return nearest
}

// editDistance is the least number of edits that turn one name into the other. An edit
// adds, removes or replaces a letter, or swaps it with its neighbour.
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

// commandNames are the names of the visible commands below a command.
func commandNames(command *cli.Command) (names []string) {
	for _, below := range command.VisibleCommands() {
		names = append(names, below.Name)
	}
	return names
}

// flagNames are the names of a command's flags, with their dashes.
func flagNames(flags []cli.Flag) (names []string) {
	for _, flag := range flags {
		names = append(names, "--"+flag.Names()[0])
	}
	return names
}
