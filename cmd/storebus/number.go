// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/subjects"
)

// decimalDigits makes a flag read 010 as ten. Without it the library reads an octal number.
var decimalDigits = cli.IntegerConfig{Base: 10}

// readable explains why a number could not be parsed, and shows its spelling if it is
// whole. It returns other errors unchanged.
func readable(given string, err error) error {
	failure, ok := errors.AsType[*strconv.NumError](err)
	if !ok {
		return err
	}
	digits, whole := subjects.WholeNumber(given)
	switch {
	case strings.HasPrefix(given, "-") && failure.Func == "ParseUint":
		return errors.New("it cannot be negative")
	case errors.Is(err, strconv.ErrRange):
		return errors.New("it is out of range")
	case whole && digits != given:
		return fmt.Errorf("write %s", digits)
	}
	return errors.New("it is no whole number")
}
