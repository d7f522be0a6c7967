// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is rows of cells. The first column is aligned to the left, the others to the right.
type table [][]string

func (table table) write(output io.Writer) {
	var widths []int
	for _, row := range table {
		for column, cell := range row {
			if column == len(widths) {
				widths = append(widths, 0)
			}
			widths[column] = max(widths[column], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range table {
		var line strings.Builder
		for column, cell := range row {
			padding := strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
			if column == 0 {
				line.WriteString(cell + padding)
			} else {
				line.WriteString("  " + padding + cell)
			}
		}
		fmt.Fprintln(output, strings.TrimRight(line.String(), " "))
	}
}

// Thousands formats a number with commas between groups of three digits: 48,210.
func Thousands(rate float64) string {
	digits := strconv.FormatFloat(rate, 'f', 0, 64)
	for index := len(digits) - 3; index > 0; index -= 3 {
		digits = digits[:index] + "," + digits[index:]
	}
	return digits
}

// Latency formats microseconds for people: 84 µs, 1.25 ms, 2.10 s.
func Latency(microseconds float64) string {
	switch size := math.Abs(microseconds); {
	case size < 1000:
		return fmt.Sprintf("%.0f µs", microseconds)
	case size < 1e6:
		return fmt.Sprintf("%.2f ms", microseconds/1e3)
	}
	return fmt.Sprintf("%.2f s", microseconds/1e6)
}

// secondsText formats seconds as Latency formats microseconds.
func secondsText(seconds float64) string { return Latency(seconds * 1e6) }

// mebibytesText formats a number of bytes in one unit, so that sizes can be compared:
// 1,234.5 MiB.
func mebibytesText(bytes uint64) string {
	tenths := (bytes*10 + 1<<19) >> 20
	return fmt.Sprintf("%s.%d MiB", Thousands(float64(tenths/10)), tenths%10)
}

// cpuText formats the processor time of a role, "" if it is not known.
func cpuText(round *Round, role string) string {
	used, known := round.CPU[role]
	if !known {
		return ""
	}
	return fmt.Sprintf("%.1f", used)
}

// idleText formats a share as a percentage, "" if it is not known.
func idleText(share *float64) string {
	if share == nil {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100**share)
}

// callsText formats the system calls a request: their number, and the calls that come once
// in a hundred requests or more often, the most frequent first.
func callsText(calls map[string]float64) string {
	total := 0.0
	var names []string
	for name, count := range calls {
		total += count
		if count >= 0.01 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(one, other string) int {
		return cmp.Or(cmp.Compare(calls[other], calls[one]), cmp.Compare(one, other))
	})
	for index, name := range names {
		names[index] = fmt.Sprintf("%s %.2f", name, calls[name])
	}
	return fmt.Sprintf("%.2f system calls a request: %s", total, strings.Join(names, ", "))
}

func countText(count uint64) string {
	if count == 0 {
		return ""
	}
	return strconv.FormatUint(count, 10)
}

// Bytes formats a number of bytes: 128 B, 16 KiB.
func Bytes(bytes int) string {
	if bytes >= 1024 && bytes%1024 == 0 {
		return fmt.Sprintf("%d KiB", bytes/1024)
	}
	return fmt.Sprintf("%d B", bytes)
}

// errorWriter keeps the first error, so that a caller with many writes checks once.
type errorWriter struct {
	output io.Writer
	err    error
}

func (writer *errorWriter) Write(text []byte) (int, error) {
	if writer.err != nil {
		return 0, writer.err
	}
	written, err := writer.output.Write(text)
	writer.err = err
	return written, err
}
