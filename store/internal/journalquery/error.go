// SPDX-License-Identifier: EUPL-1.2

package journalquery

import (
	"errors"
	"fmt"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/flux"
)

// Error names the mistake in a query of the journal, and its place. It wraps ErrInvalidFlux.
type Error struct {
	// Line and Column are the place, from 1. Column counts bytes.
	Line    int
	Column  int
	Message string
}

// Error names the place and the mistake.
func (mistake *Error) Error() string {
	return fmt.Sprintf("%s at %d:%d: %s", failure.ErrInvalidFlux, mistake.Line, mistake.Column, mistake.Message)
}

// Unwrap returns ErrInvalidFlux.
func (mistake *Error) Unwrap() error { return failure.ErrInvalidFlux }

// mistakeOf turns an error of package flux into one of this package.
func mistakeOf(err error) error {
	if mistake, ok := errors.AsType[*flux.Error](err); ok {
		return &Error{Line: mistake.Line, Column: mistake.Column, Message: mistake.Message}
	}
	return err
}
