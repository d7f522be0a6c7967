// SPDX-License-Identifier: EUPL-1.2

package flux

import (
	"cmp"
	"math/big"
	"strings"
	"time"
)

// The kinds of values. A column can hold any of them but a time.
type kind int

const (
	kindNull kind = iota // of an expression: it is known only for a row
	kindBoolean
	kindNumber
	kindString
	kindTime
)

func (kind kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a time"}[kind]
}

func kindOf(value any) kind {
	switch value.(type) {
	case bool:
		return kindBoolean
	case int64, uint64, float64:
		return kindNumber
	case string:
		return kindString
	case time.Time:
		return kindTime
	}
	return kindNull
}

// Order compares two values of any kinds. nil is the least; then come false and true, numbers
// by their value, strings by their bytes, and times.
//
//	flux.Order(int64(2), 2.5)  // -1
func Order(left, right any) int {
	if order := cmp.Compare(kindOf(left), kindOf(right)); order != 0 {
		return order
	}
	switch left := left.(type) {
	case bool:
		right, _ := right.(bool)
		return cmp.Compare(rank(left), rank(right))
	case string:
		right, _ := right.(string)
		return strings.Compare(left, right)
	case time.Time:
		right, _ := right.(time.Time)
		return left.Compare(right)
	case nil:
		return 0
	}
	return orderNumbers(left, right)
}

func rank(value bool) int {
	if value {
		return 1
	}
	return 0
}

// orderNumbers compares numbers exactly, whatever their types.
func orderNumbers(left, right any) int {
	switch left := left.(type) {
	case int64:
		if right, same := right.(int64); same {
			return cmp.Compare(left, right)
		}
	case uint64:
		if right, same := right.(uint64); same {
			return cmp.Compare(left, right)
		}
	case float64:
		if right, same := right.(float64); same {
			return cmp.Compare(left, right)
		}
	}
	return exact(left).Cmp(exact(right))
}

// exact is a finite number without rounding.
func exact(value any) *big.Float {
	number := new(big.Float)
	switch value := value.(type) {
	case int64:
		number.SetInt64(value)
	case uint64:
		number.SetUint64(value)
	case float64:
		number.SetFloat64(value)
	}
	return number
}
