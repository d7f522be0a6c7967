// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// printLine writes a line. An error is kept by the writer, and comes out of its Flush.
func (call *call) printLine(fields ...string) {
	_, _ = call.output.WriteString(strings.Join(fields, "\t") + "\n")
}

// printable gives a text as a column of a line: as it is, or in Go's quotes where it
// holds a tab, a line break, or anything else that does not print, and where it begins
// with a quote, so that the two cannot be confused.
//
//	printable("dark")       // dark
//	printable("two\nlines") // "two\nlines"
func printable(text string) string {
	if strings.HasPrefix(text, `"`) || !utf8.ValidString(text) || strings.ContainsFunc(text, isUnprintable) {
		return strconv.Quote(text)
	}
	return text
}

func isUnprintable(char rune) bool { return !strconv.IsPrint(char) }

// isTerminal reports whether what is written there is read by a person at once.
func isTerminal(writer io.Writer) bool {
	file, ok := writer.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
