// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The values of Settings.Format.
const (
	// FormatTable is for a person.
	FormatTable = "table"
	// FormatText is a line for each case or size, with tabs between its figures.
	FormatText = "text"
	// FormatJSON is an object a line: the run, then each case or size, then each ratio.
	FormatJSON = "json"
)

// Printable is a report.
type Printable interface {
	writeTable(output io.Writer) error
	// rows returns the figures of the cases or sizes, and lines the objects of JSON.
	rows() [][]any
	lines() []any
}

// Write prints a report in a format.
func Write(report Printable, output io.Writer, format string) error {
	switch format {
	case FormatJSON:
		return writeLines(report.lines(), output)
	case FormatText:
		return writeRows(report.rows(), output)
	}
	return report.writeTable(output)
}

func writeLines(lines []any, output io.Writer) error {
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	for _, line := range lines {
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func writeRows(rows [][]any, output io.Writer) error {
	text := &errorWriter{output: output}
	for _, row := range rows {
		cells := make([]string, len(row))
		for index, value := range row {
			if number, ok := value.(float64); ok {
				value = strconv.FormatFloat(number, 'f', -1, 64)
			}
			cells[index] = fmt.Sprint(value)
		}
		fmt.Fprintln(text, strings.Join(cells, "\t"))
	}
	return text.err
}

// The objects of JSON. Type says which one it is.
type (
	runLine[Settings any] struct {
		Type string `json:"type"`
		Header[Settings]
	}
	caseLine struct {
		Type string `json:"type"`
		Result
	}
	sizeLine struct {
		Type string `json:"type"`
		SizeResult
	}
	ratioLine struct {
		Type string `json:"type"`
		Ratio
	}
)
