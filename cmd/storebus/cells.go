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

// widestExcerpt is how many columns of a terminal a table has for a stored value.
const widestExcerpt = 60

// The kinds of values that need more than their own text. In text they are exact; in a
// table they are for a person.
type (
	// size is a number of bytes.
	size uint64
	// moment is a point in time, exact in a table too.
	moment time.Time
	// age is a point in time of which a table says how long ago it is.
	age time.Time
	// excerpt is a stored value, of which a table shows the beginning.
	excerpt string
	// painted is a text that a table shows in a colour of the terminal.
	painted struct{ text, colour string }
	// cellList is a number of columns in text, and one in a table.
	cellList []string
	// usedOf is what is used of a limit; no limit is 0.
	usedOf struct{ used, limit uint64 }
	// usedBytes is a usedOf in bytes.
	usedBytes usedOf
	// atMost is a limit; none is 0.
	atMost uint64
	// atMostBytes is an atMost in bytes.
	atMostBytes uint64
)

// momentLayout tells a moment in UTC, as the page does.
const momentLayout = "2006-01-02 15:04:05Z"

// now is the clock that ages are told by.
var now = time.Now

// textCells gives the values of a row as the columns of a line.
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

// tableCell gives a value for a person.
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

// isNumber reports whether a value stands at the right of its column.
func isNumber(value any) bool {
	switch value.(type) {
	case int, int64, uint64, float64, size:
		return true
	}
	return false
}

func timeText(at time.Time) string { return at.Format(time.RFC3339Nano) }

// shortened gives the beginning of a text that is too wide for a table.
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
