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

// decimalDigits has a flag read 010 as ten. Without it the library takes that for an
// octal number.
var decimalDigits = cli.IntegerConfig{Base: 10}

// readable says of a number that could not be parsed what is wrong with it, and how it
// is written if it is whole. Another error stays as it is.
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
