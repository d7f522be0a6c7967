// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
	"github.com/urfave/cli/v3"

	benchreport "dappco.re/go/storebus/internal/bench/report"
)

// The formats of the output. Every command has them all.
const (
	// formatText is a line for each row, with tabs between, for scripts.
	formatText = benchreport.FormatText
	// formatTable has a header and aligned columns, for a person.
	formatTable = benchreport.FormatTable
	// formatJSON is each reply unchanged, one object a line.
	formatJSON = benchreport.FormatJSON
)

const (
	outputFlag = "output"
	jsonFlag   = "json"
)

// columnGap is the text between two columns of a table.
const columnGap = "  "

// propertyColumns are the columns of a list of names and values.
var propertyColumns = []string{"NAME", "VALUE"}

// formatFlags returns the flags for the format of the output. Each command needs its own: a
// flag keeps its value.
func formatFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: outputFlag, Aliases: []string{"o"},
			Usage: "print in this `FORMAT`: table, text (columns with tabs between them) or json (an object a line) (default: table on a terminal, else text)",
		},
		&cli.BoolFlag{Name: jsonFlag, Usage: "the same as -o json"},
	}
}

// readFormat sets the format of the output.
func (call *call) readFormat() error {
	format, err := chosenFormat(call.command)
	if err != nil {
		return call.declared.usageError(err.Error())
	}
	call.json = format == formatJSON
	if format == formatTable {
		call.table = &table{header: call.declared.columns}
	}
	return nil
}

// chosenFormat returns the format of the command line. If there is none, it is a table at a
// terminal, and text elsewhere.
func chosenFormat(command *cli.Command) (string, error) {
	format := command.String(outputFlag)
	switch {
	case command.Bool(jsonFlag) && format != "" && format != formatJSON:
		return "", fmt.Errorf("--json and -o %s ask for two formats", format)
	case command.Bool(jsonFlag):
		return formatJSON, nil
	case format == "" && isTerminal(command.Root().Writer):
		return formatTable, nil
	case format == "":
		return formatText, nil
	case !slices.Contains([]string{formatText, formatTable, formatJSON}, format):
		return "", fmt.Errorf("there is no format %q: use text, table or json", format)
	}
	return format, nil
}

// print prints a row: one value for each column of the command. JSON is printed when a
// reply arrives.
func (call *call) print(values ...any) {
	switch {
	case call.json:
		return
	case call.table == nil:
		call.printLine(textCells(values)...)
		return
	}
	call.table.add(values)
	if len(call.table.rows) >= largestPage || call.declared.lasting {
		call.flushTable()
	}
}

// columns names the columns from now on, if they depend on the call.
func (call *call) columns(names ...string) {
	if call.table == nil {
		return
	}
	call.table.header = make([]string, len(names))
	for index, name := range names {
		call.table.header[index] = printable(name)
	}
}

// printProperties prints a list of names and values.
func (call *call) printProperties(properties []property) {
	for _, property := range properties {
		call.print(property.name, property.value)
	}
}

// property is a value with its name.
type property struct {
	name  string
	value any
}

// flushTable writes the gathered rows, and the header before the first of them.
func (call *call) flushTable() {
	// The writer keeps an error and returns it from Flush.
	_, _ = call.output.WriteString(call.table.drain())
}

// table gathers rows until their columns can be aligned. From one part to the next, a
// column never becomes narrower.
type table struct {
	header []string
	rows   [][]any
	widths []int
	// left marks the columns that hold more than numbers.
	left   map[int]bool
	headed bool
}

func (table *table) add(values []any) { table.rows = append(table.rows, values) }

// drain removes the gathered rows and returns them as text.
func (table *table) drain() string {
	var lines [][]string
	if !table.headed && len(table.header) > 0 {
		lines = append(lines, table.header)
	}
	table.headed = true
	var colours []map[int]string
	if len(lines) > 0 {
		colours = append(colours, nil)
	}
	for _, row := range table.rows {
		lines = append(lines, table.cells(row))
		colours = append(colours, rowColours(row))
	}
	table.rows = nil
	table.widen(lines)
	var text strings.Builder
	for index, line := range lines {
		table.align(&text, line, colours[index])
	}
	return text.String()
}

func (table *table) cells(row []any) []string {
	cells := make([]string, len(row))
	for index, value := range row {
		cells[index] = tableCell(value)
		if isNumber(value) {
			continue
		}
		if table.left == nil {
			table.left = map[int]bool{}
		}
		table.left[index] = true
	}
	return cells
}

// rowColours returns the colours of the painted cells, by column.
func rowColours(row []any) map[int]string {
	colours := map[int]string{}
	for index, value := range row {
		if painted, ok := value.(painted); ok {
			colours[index] = painted.colour
		}
	}
	return colours
}

func (table *table) widen(lines [][]string) {
	for _, line := range lines {
		for index, cell := range line {
			if index == len(table.widths) {
				table.widths = append(table.widths, 0)
			}
			table.widths[index] = max(table.widths[index], uniseg.StringWidth(cell))
		}
	}
}

// align writes a line, with numbers at the right of their columns.
func (table *table) align(text *strings.Builder, cells []string, colours map[int]string) {
	var line strings.Builder
	for index, cell := range cells {
		if index > 0 {
			line.WriteString(columnGap)
		}
		padding := strings.Repeat(" ", table.widths[index]-uniseg.StringWidth(cell))
		if colour := colours[index]; colour != "" {
			cell = "\x1b[" + colour + "m" + cell + "\x1b[0m"
		}
		if !table.left[index] {
			cell, padding = padding, cell
		}
		line.WriteString(cell + padding)
	}
	text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}
