// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxMillisecondDigits is the most digits of a span: more than any span of the contract
// has, and few enough for an int64.
const maxMillisecondDigits = 15

// span is the length of time of a request, counted exactly: whole milliseconds, and a
// fraction of one if more is set.
type span struct {
	whole int64
	more  bool
}

// roundUp returns the span in whole milliseconds, rounded up.
func (length span) roundUp() time.Duration {
	if length.more {
		length.whole++
	}
	return time.Duration(min(length.whole, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}

func spanOf(duration time.Duration) span {
	return span{whole: int64(duration / time.Millisecond), more: duration%time.Millisecond > 0}
}

// parseSpan reads a string: digits (seconds), or a Go duration of zero or more.
func parseSpan(text string) (span, bool) {
	if isDigits(text) {
		return parseSeconds(text)
	}
	duration, err := time.ParseDuration(text)
	return spanOf(duration), err == nil && !strings.HasPrefix(text, "-")
}

// parseSpanValue reads a JSON number of seconds, or a JSON string as parseSpan.
func parseSpanValue(value jsontext.Value) (span, bool) {
	switch value.Kind() {
	case jsontext.KindNumber:
		return parseSeconds(string(value))
	case jsontext.KindString:
		return parseSpan(unquoted(value))
	}
	return span{}, false
}

// insteadOfSeconds shows how to write whole seconds in a string that has them as 60.0 or
// 6e1: digits alone are seconds.
func insteadOfSeconds[Span any](text string, read func(string) (Span, bool)) string {
	digits, whole := WholeNumber(text)
	if !whole {
		return ""
	}
	if _, ok := read(digits); !ok {
		return ""
	}
	return ": write " + digits
}

// unquoted returns the text of a valid JSON string.
func unquoted(value jsontext.Value) string {
	text, _ := jsontext.AppendUnquote(nil, value)
	return string(text)
}

// parseSeconds reads a number of seconds in the grammar of JSON. It counts in decimal
// digits, because a float64 would lose the last ones. It reports false for any other
// text, for a sign, and for a number that is too long for a span.
//
//	parseSeconds("1.5")     // span{whole: 1500}, true
//	parseSeconds("0.0001")  // span{more: true}, true
func parseSeconds(number string) (span, bool) {
	if len(number)+len("000") <= maxMillisecondDigits && isDigits(number) {
		return span{whole: wholeNumber(number, len(number)+len("000"))}, true
	}
	digits, exponent, ok := splitNumber(number)
	if !ok {
		return span{}, false
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return span{}, true
	}
	count := max(len(digits)+exponent+3, 0)
	if count > maxMillisecondDigits {
		return span{}, false
	}
	fraction := digits[min(count, len(digits)):]
	return span{whole: wholeNumber(digits, count), more: strings.Trim(fraction, "0") != ""}, true
}

// wholeNumber reads the first digits, as if endless zeros came after them.
func wholeNumber(digits string, count int) (number int64) {
	for index := range count {
		number *= 10
		if index < len(digits) {
			number += int64(digits[index] - '0')
		}
	}
	return number
}

// splitNumber splits a number: its value is the digits, read as a whole number, times ten
// to the power of exponent.
func splitNumber(number string) (digits string, exponent int, ok bool) {
	mantissa := number
	if index := strings.IndexAny(number, "eE"); index >= 0 {
		mantissa = number[:index]
		if exponent, ok = parseExponent(number[index+1:]); !ok {
			return "", 0, false
		}
	}
	whole, fraction, pointed := strings.Cut(mantissa, ".")
	if !isDigits(whole) || pointed && !isDigits(fraction) {
		return "", 0, false
	}
	return whole + fraction, exponent - len(fraction), true
}

// parseExponent reads a power of ten, up to a bound. Beyond the bound the power makes no
// difference: no request is long enough for digits that make up for it.
func parseExponent(power string) (exponent int, ok bool) {
	const farEnough = 1_000_000_000
	digits, negative := strings.CutPrefix(power, "-")
	if !negative {
		digits = strings.TrimPrefix(power, "+")
	}
	if !isDigits(digits) {
		return 0, false
	}
	for index := range len(digits) {
		exponent = min(exponent*10+int(digits[index]-'0'), farEnough)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

func isDigits(text string) bool {
	for index := range len(text) {
		if text[index] < '0' || text[index] > '9' {
			return false
		}
	}
	return text != ""
}

// appendSeconds appends a duration as a JSON number of seconds.
func appendSeconds(dst []byte, duration time.Duration) []byte {
	milliseconds := duration.Milliseconds()
	dst = strconv.AppendInt(dst, milliseconds/1000, 10)
	if rest := milliseconds % 1000; rest != 0 {
		digits := [...]byte{'.', byte('0' + rest/100), byte('0' + rest/10%10), byte('0' + rest%10)}
		dst = append(dst, strings.TrimRight(string(digits[:]), "0")...)
	}
	return dst
}
