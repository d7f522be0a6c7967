// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// printLine writes a line. An error is kept by the writer, and comes out of its Flush.
func (call *call) printLine(fields ...string) {
	_, _ = call.output.WriteString(strings.Join(fields, "\t") + "\n")
}

// printUnlessJSON writes a line where the replies are not printed as they came.
func (call *call) printUnlessJSON(fields ...string) {
	if !call.json {
		call.printLine(fields...)
	}
}

// printEach writes a line for each of the texts.
func (call *call) printEach(texts []string) {
	for _, text := range texts {
		call.printUnlessJSON(printable(text))
	}
}

// printValue writes bytes as they are, with a line break after them on a terminal.
func (call *call) printValue(value []byte) {
	if call.json {
		return
	}
	// An error is kept by the writer, and comes out of its Flush.
	_, _ = call.output.Write(value)
	if isTerminal(call.command.Root().Writer) {
		call.printLine()
	}
}

// row is a line of a table.
type row struct {
	name  string
	value any
}

// printTable writes names and values in two columns.
func (call *call) printTable(rows []row) error {
	table := tabwriter.NewWriter(call.output, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(table, "%s\t%v\n", row.name, row.value)
	}
	return table.Flush()
}

// printJSON writes a value as one line of JSON, subjects as they are.
func (call *call) printJSON(value any) error {
	encoder := json.NewEncoder(call.output)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
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
