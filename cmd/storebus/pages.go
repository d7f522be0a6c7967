// SPDX-License-Identifier: EUPL-1.2

package main

import "github.com/urfave/cli/v3"

// largestPage is the most elements in one reply.
const largestPage = 1000

// The flags of listings. The prefix of a listing has a name of its own, because --prefix is
// the prefix of the subjects everywhere.
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

// pages reads page after page until the last, or until --limit elements are read. read
// prints the page of a size after a cursor. It returns the number of elements and the next
// cursor.
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
