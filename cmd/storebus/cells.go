// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/rivo/uniseg"
)

// widestExcerpt is the width of a stored value in a table, in columns of the terminal.
const widestExcerpt = 60

// The kinds of values that look different as text and as a table. Text is exact; a table is
// for a person.
type (
	// size is a number of bytes.
	size uint64
	// moment is a point in time, exact in a table too.
	moment time.Time
	// age is a point in time; a table shows how long ago it is.
	age time.Time
	// excerpt is a stored value; a table shows its beginning.
	excerpt string
	// painted is a text with a colour; a table shows the colour at a terminal.
	painted struct{ text, colour string }
	// cellList is one column of a table, and a column for each string in text.
	cellList []string
	// usedOf is the used part of a limit. The limit is 0 if there is none.
	usedOf struct{ used, limit uint64 }
	// usedBytes is a usedOf in bytes.
	usedBytes usedOf
	// atMost is a limit, 0 if there is none.
	atMost uint64
	// atMostBytes is an atMost in bytes.
	atMostBytes uint64
)

// momentLayout shows a moment in UTC, as the page does.
const momentLayout = "2006-01-02 15:04:05Z"

// now is the clock for ages.
var now = time.Now

// textCells returns the values of a row as the columns of a line.
func textCells(values []any) (cells []string) {
	for _, value := range values {
		if list, ok := value.(cellList); ok {
			cells = append(cells, list...)
			continue
		}
		cells = append(cells, textCell(value))
	}
	return cells
}

func textCell(value any) string {
	switch value := value.(type) {
	case string:
		return printable(value)
	case excerpt:
		return printable(string(value))
	case painted:
		return value.text
	case size:
		return strconv.FormatUint(uint64(value), 10)
	case moment:
		return timeText(time.Time(value))
	case age:
		return timeText(time.Time(value))
	case usedOf:
		return value.text(decimal)
	case usedBytes:
		return usedOf(value).text(decimal)
	case atMost:
		return limitText(uint64(value), decimal)
	case atMostBytes:
		return limitText(uint64(value), decimal)
	}
	return fmt.Sprint(value)
}

// tableCell formats a value for a person.
func tableCell(value any) string {
	switch value := value.(type) {
	case size:
		return humanize.IBytes(uint64(value))
	case moment:
		return time.Time(value).UTC().Format(momentLayout)
	case age:
		return humanize.RelTime(time.Time(value), now(), "ago", "from now")
	case excerpt:
		return shortened(printable(string(value)))
	case cellList:
		return strings.Join(slices.DeleteFunc(slices.Clone(value), func(cell string) bool { return cell == "" }), " ")
	case usedBytes:
		return usedOf(value).text(humanize.IBytes)
	case atMostBytes:
		return limitText(uint64(value), humanize.IBytes)
	}
	return textCell(value)
}

// isNumber reports whether a value is aligned to the right of its column.
func isNumber(value any) bool {
	switch value.(type) {
	case int, int64, uint64, float64, size:
		return true
	}
	return false
}

func timeText(at time.Time) string { return at.Format(time.RFC3339Nano) }

// shortened returns the beginning of a text if it is too wide for a table.
func shortened(text string) string {
	if uniseg.StringWidth(text) <= widestExcerpt {
		return text
	}
	kept, width := 0, 0
	for letters := uniseg.NewGraphemes(text); letters.Next(); { // with their accents
		if width += letters.Width(); width >= widestExcerpt {
			break
		}
		_, kept = letters.Positions()
	}
	return text[:kept] + "…"
}

func decimal(number uint64) string { return strconv.FormatUint(number, 10) }

func (usage usedOf) text(number func(uint64) string) string {
	if usage.limit == 0 {
		return number(usage.used)
	}
	return number(usage.used) + " of " + number(usage.limit)
}

func limitText(limit uint64, number func(uint64) string) string {
	if limit == 0 {
		return "no limit"
	}
	return "at most " + number(limit)
}
