// SPDX-License-Identifier: EUPL-1.2

package template

import (
	"cmp"
	"fmt"
)

// A template compares texts with texts and numbers with numbers. Booleans can only be equal
// or not. A missing key equals only another missing key.

func (run *Run) equal(first, second any, others ...any) (bool, error) {
	for _, other := range append([]any{second}, others...) {
		equal, err := run.equals(first, other)
		if equal || err != nil {
			return equal, err
		}
	}
	return false, nil
}

func (run *Run) unequal(first, second any) (bool, error) {
	equal, err := run.equals(first, second)
	return !equal, err
}

func (run *Run) less(first, second any) (bool, error) {
	order, err := run.compare("lt", first, second)
	return order < 0, err
}

func (run *Run) lessOrEqual(first, second any) (bool, error) {
	order, err := run.compare("le", first, second)
	return order <= 0, err
}

func (run *Run) greater(first, second any) (bool, error) {
	order, err := run.compare("gt", first, second)
	return order > 0, err
}

func (run *Run) greaterOrEqual(first, second any) (bool, error) {
	order, err := run.compare("ge", first, second)
	return order >= 0, err
}

func (run *Run) equals(first, second any) (bool, error) {
	firstTruth, isTruth := first.(bool)
	secondTruth, areTruths := second.(bool)
	switch {
	case first == nil || second == nil:
		return first == nil && second == nil, run.check()
	case isTruth && areTruths:
		return firstTruth == secondTruth, run.check()
	default:
		order, err := run.compare("eq", first, second)
		return order == 0, err
	}
}

// compare returns the order of two texts or two numbers.
func (run *Run) compare(function string, first, second any) (int, error) {
	if err := run.check(); err != nil {
		return 0, err
	}
	firstText, isText := first.(string)
	secondText, areTexts := second.(string)
	if isText && areTexts {
		return cmp.Compare(firstText, secondText), nil
	}
	firstNumber, isNumber := number(first)
	secondNumber, areNumbers := number(second)
	if isNumber && areNumbers {
		return cmp.Compare(firstNumber, secondNumber), nil
	}
	return 0, fmt.Errorf("%s compares two texts or two numbers", function)
}

func number(value any) (float64, bool) {
	switch value := value.(type) {
	case int:
		return float64(value), true
	case float64:
		return value, true
	default:
		return 0, false
	}
}
