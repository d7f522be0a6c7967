// SPDX-License-Identifier: EUPL-1.2

package main

import "github.com/urfave/cli/v3"

// largestPage is the most that one reply may hold.
const largestPage = 1000

// The flags of what is read page by page. The prefix of what is listed has a name of
// its own: --prefix is that of the subjects, as everywhere.
const (
	limitFlag           = "limit"
	keysOnlyFlag        = "keys-only"
	keyPrefixFlag       = "key-prefix"
	groupPrefixFlag     = "group-prefix"
	namespacePrefixFlag = "namespace-prefix"
)

func newLimitFlag(elements string) cli.Flag {
	return &cli.UintFlag{Config: decimalDigits, Name: limitFlag, Usage: "print at most this `NUMBER` of " + elements + " (default: all)"}
}

func newKeysOnlyFlag() cli.Flag {
	return &cli.BoolFlag{Name: keysOnlyFlag, Usage: "print no values"}
}

func newGroupPrefixFlag() cli.Flag {
	return &cli.StringFlag{Name: groupPrefixFlag, Usage: "only groups that begin with this `TEXT`"}
}

// pages reads page after page until there is no more, or as many elements as --limit
// allows. read prints the page after a cursor, of a size, and says how many elements
// it held and what comes next.
func (call *call) pages(read func(after string, size int) (count int, next string, err error)) error {
	left := call.command.Uint(limitFlag)
	limited := left > 0
	for after := ""; ; {
		size := largestPage
		if limited {
			size = int(min(left, largestPage))
		}
		count, next, err := read(after, size)
		if err != nil {
			return err
		}
		left -= min(left, uint(count))
		if next == "" || limited && left == 0 {
			return nil
		}
		after = next
	}
}
