// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"math"
	"strconv"
	"strings"
)

// maxIntegerDigits is the most digits of an integer of 64 bits.
const maxIntegerDigits = 20

// decimal is an exact number: its digits, read as a whole number, times ten to the power
// of exponent. Digits neither begin nor end with a zero. The number 0 has no digits.
type decimal struct {
	negative bool
	digits   string
	exponent int
}

// parseDecimal reads a number in the grammar of JSON, and also one with leading zeros.
func parseDecimal(number string) (decimal, bool) {
	unsigned, negative := strings.CutPrefix(number, "-")
	digits, exponent, ok := splitNumber(unsigned)
	digits = strings.TrimLeft(digits, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return decimal{}, ok
	}
	return decimal{negative: negative, digits: trimmed, exponent: exponent + len(digits) - len(trimmed)}, ok
}

// WholeNumber returns the digits of a whole number that is written as a fraction or with an
// exponent: "3" for 3.0, 3e0 and 0.3e1. It reports false if the number has a fraction, or
// more digits than an integer of 64 bits. It also reports false if the text is not a
// number.
//
//	digits, ok := subjects.WholeNumber("3e0") // 3, true
func WholeNumber(number string) (digits string, ok bool) {
	value, ok := parseDecimal(number)
	switch {
	case !ok || value.exponent < 0 || len(value.digits)+value.exponent > maxIntegerDigits:
		return "", false
	case value.digits == "":
		return "0", true
	case value.negative:
		digits = "-"
	}
	return digits + value.digits + strings.Repeat("0", value.exponent), true
}

// exactDigits is how many digits of a decimal every normal float64 holds.
const exactDigits = 15

// FloatHolds reports whether a float64, the nearest to a number, holds the number. A
// float64 must hold a whole number, and the whole part of a fraction, to the last digit,
// so that it comes back unchanged. Digits after the point may be rounded, as in any
// float. The number is in the grammar of JSON.
//
//	subjects.FloatHolds("0.1", 0.1)                            // true
//	subjects.FloatHolds("9007199254740993", 9007199254740992)  // false
func FloatHolds(number string, float float64) bool {
	value, ok := parseDecimal(number)
	magnitude := math.Abs(float)
	switch {
	case !ok || math.IsInf(float, 0):
		return false
	case value.digits == "":
		return true
	case magnitude >= smallestNormal && len(value.digits) <= exactDigits:
		return true
	case magnitude >= smallestNormal && value.exponent < 0 && magnitude < wholesOnly:
		return true
	}
	return value.isDigitsOf(magnitude, len(value.digits)-1) || value.isDigitsOf(magnitude, -1)
}

const (
	// smallestNormal is the least float64 of full precision.
	smallestNormal = 0x1p-1022
	// wholesOnly is the end of the fractions. From there on every float64 is a whole
	// number, and may differ from the whole part of the decimal.
	wholesOnly = 0x1p53
)

// isDigitsOf reports whether a float, written with precision digits after the first, is the
// decimal. A precision of -1 takes as many digits as distinguish the float from its
// neighbours.
func (value decimal) isDigitsOf(magnitude float64, precision int) bool {
	// No finite float of a whole number has more digits, and precision costs.
	if precision > math.MaxInt16 {
		return false
	}
	written, ok := parseDecimal(strconv.FormatFloat(magnitude, 'e', precision, 64))
	return ok && written.digits == value.digits && written.exponent == value.exponent
}
