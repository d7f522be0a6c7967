// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"dappco.re/go/storebus/subjects"
)

// byteSize is the value of a flag for a number of bytes: 65536, 64KiB, 1GiB.
type byteSize int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
}

// Set parses a size.
func (size *byteSize) Set(text string) error {
	unit := int64(1)
	number := text
	for _, candidate := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, candidate.suffix); ok {
			number, unit = rest, candidate.bytes
		}
	}
	count, err := strconv.ParseInt(number, 10, 64)
	if err != nil || count < 0 || count > math.MaxInt64/unit {
		if digits, whole := subjects.WholeNumber(number); whole && digits != number && digits[0] != '-' {
			return fmt.Errorf("%q is no size: write %s", text, digits+strings.TrimPrefix(text, number))
		}
		return fmt.Errorf("%q is no size: use bytes, or KiB, MiB, GiB, such as 64MiB", text)
	}
	*size = byteSize(count * unit)
	return nil
}

// String returns the size in the largest unit that divides it.
func (size *byteSize) String() string {
	for index := len(sizeUnits) - 1; index >= 0; index-- {
		if unit := sizeUnits[index]; *size > 0 && int64(*size)%unit.bytes == 0 {
			return strconv.FormatInt(int64(*size)/unit.bytes, 10) + unit.suffix
		}
	}
	return strconv.FormatInt(int64(*size), 10)
}

// Get returns the flag's value.
func (size *byteSize) Get() any { return size }
