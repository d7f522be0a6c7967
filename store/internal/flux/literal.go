// SPDX-License-Identifier: EUPL-1.2

package flux

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// count reads the number of rows of a limit.
func (parser *parser) count() (int64, error) {
	number, err := parser.take(tokenInteger, "a number of rows")
	if err != nil {
		return 0, err
	}
	return parser.integer(number, "")
}

func (parser *parser) integer(number token, sign string) (int64, error) {
	value, err := strconv.ParseInt(sign+number.text, 10, 64)
	if err != nil {
		return 0, parser.fail(number, `an integer is %d to %d; for more there is uint(v: "18446744073709551615")`, math.MinInt64, math.MaxInt64)
	}
	return value, nil
}

// number reads the digits after a sign.
func (parser *parser) number(sign string) (any, error) {
	next := parser.peek()
	switch next.kind {
	case tokenInteger:
		return parser.integer(parser.advance(), sign)
	case tokenFloat:
		value, err := strconv.ParseFloat(sign+next.text, 64)
		if err != nil {
			return nil, parser.fail(next, "the number is too large for a float")
		}
		parser.advance()
		return value, nil
	}
	return nil, parser.unexpected("a number")
}

// unsigned reads the argument of uint.
func (parser *parser) unsigned() (value uint64, err error) {
	err = parser.call("uint", parameter{"v", true, func() error {
		digits, err := parser.take(tokenString, "the digits of an integer, a string,")
		if err != nil {
			return err
		}
		if value, err = strconv.ParseUint(digits.text, 10, 64); err != nil {
			return parser.fail(digits, "an unsigned integer is 0 to %d", uint64(math.MaxUint64))
		}
		return nil
	}})
	return value, err
}

// moment reads the beginning or the end of a range.
func (parser *parser) moment() (moment Moment, err error) {
	next := parser.peek()
	moment.Position = parser.position(next)
	negative := parser.accept("-")
	switch {
	case parser.peek().kind == tokenDuration:
		moment.Relative, err = parser.duration(negative)
	case !negative && next.kind == tokenTime:
		moment.Time, err = parser.time()
	case !negative && next.kind == tokenIdentifier && next.text == "now":
		moment.Now = true
		err = parser.expectAll("now", "(", ")")
	default:
		err = parser.unexpected("a time: 2026-11-22T10:00:00Z, a duration such as -1h, or now()")
	}
	return moment, err
}

func (parser *parser) time() (time.Time, error) {
	literal := parser.advance()
	layout := time.DateOnly
	if strings.Contains(literal.text, "T") {
		layout = time.RFC3339Nano
	}
	value, err := time.Parse(layout, literal.text)
	if err != nil {
		return value, parser.fail(literal, "%s is no time: use 2026-11-22 or 2026-11-22T10:00:00.5Z, with Z or an offset such as +02:00", literal.describe())
	}
	return value.UTC(), nil
}

// durationUnit is a unit: a number of months, or of nanoseconds.
type durationUnit struct {
	name                string
	months, nanoseconds int64
}

// units go from large to small.
var units = []durationUnit{
	{"y", 12, 0},
	{"mo", 1, 0},
	{"w", 0, 7 * 24 * int64(time.Hour)},
	{"d", 0, 24 * int64(time.Hour)},
	{"h", 0, int64(time.Hour)},
	{"m", 0, int64(time.Minute)},
	{"s", 0, int64(time.Second)},
	{"ms", 0, int64(time.Millisecond)},
	{"us", 0, int64(time.Microsecond)},
	{"ns", 0, 1},
}

var durationPart = regexp.MustCompile(`(\d+)(\D+)`)

func (parser *parser) duration(negative bool) (*Duration, error) {
	literal := parser.advance()
	duration := &Duration{}
	smallest := -1
	for _, part := range durationPart.FindAllStringSubmatch(literal.text, -1) {
		index := unitOf(part[2])
		if index <= smallest {
			return nil, parser.fail(literal, "the units of %s do not go from large to small, each once: y mo w d h m s ms us ns", literal.describe())
		}
		smallest = index
		magnitude, err := strconv.ParseInt(part[1], 10, 64)
		unit := units[index]
		if err != nil || !addTo(&duration.Months, magnitude, unit.months, maxMonths) || !addTo(&duration.Nanoseconds, magnitude, unit.nanoseconds, math.MaxInt64) {
			return nil, parser.fail(literal, "%s is longer than any range can be", literal.describe())
		}
	}
	if negative {
		duration.Months, duration.Nanoseconds = -duration.Months, -duration.Nanoseconds
	}
	return duration, nil
}

// unitOf returns the index of a unit in units.
func unitOf(name string) int {
	if name == "µs" {
		name = "us"
	}
	return slices.IndexFunc(units, func(unit durationUnit) bool { return unit.name == name })
}

// addTo adds a multiple of a unit to a sum. It reports whether the sum stays within a
// bound.
func addTo(sum *int64, magnitude, unit, bound int64) bool {
	if unit > 0 && magnitude > (bound-*sum)/unit {
		return false
	}
	*sum += magnitude * unit
	return true
}
