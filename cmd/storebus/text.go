// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
)

// printLine writes a line. The writer keeps an error and returns it from Flush.
func (call *call) printLine(fields ...string) {
	_, _ = call.output.WriteString(strings.Join(fields, "\t") + "\n")
}

// printEach writes a row for each of the texts.
func (call *call) printEach(texts []string) {
	for _, text := range texts {
		call.print(text)
	}
}

// printValue writes bytes unchanged, with a line break after them at a terminal.
func (call *call) printValue(value []byte) {
	if call.json {
		return
	}
	// The writer keeps an error and returns it from Flush.
	_, _ = call.output.Write(value)
	if isTerminal(call.command.Root().Writer) {
		call.printLine()
	}
}

// printJSON writes a value as one line of JSON. The > of a subject is not escaped.
func (call *call) printJSON(value any) error {
	encoder := json.NewEncoder(call.output)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// printable returns a text as a column of a line. It quotes the text as Go does if it holds
// a tab, a line break or another unprintable letter. It also quotes a text that begins with
// a quote, so that the two forms cannot be confused.
//
//	printable("dark")       // dark
//	printable("two\nlines") // "two\nlines"
func printable(text string) string {
	if strings.HasPrefix(text, `"`) || !utf8.ValidString(text) || strings.ContainsFunc(text, isUnprintable) {
		return strconv.Quote(text)
	}
	return text
}

// visible escapes the unprintable letters of a message, because a terminal could obey them.
// Line breaks stay.
//
//	visible("no key \x1b[31m")  // no key \x1b[31m, as it is written here
func visible(text string) string {
	if !strings.ContainsFunc(text, isUnprintable) && utf8.ValidString(text) {
		return text
	}
	var message strings.Builder
	for rest := text; rest != ""; {
		letter, size := utf8.DecodeRuneInString(rest)
		part := rest[:size]
		if isUnprintable(letter) && letter != '\n' || letter == utf8.RuneError && size == 1 {
			part = strings.Trim(strconv.Quote(part), `"`)
		}
		message.WriteString(part)
		rest = rest[size:]
	}
	return message.String()
}

func isUnprintable(char rune) bool { return !strconv.IsPrint(char) }

// isTerminal reports whether an input or an output is a terminal.
func isTerminal(end any) bool {
	file, ok := end.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
