// SPDX-License-Identifier: EUPL-1.2

package flux

import (
	"fmt"
	"strings"
)

// Position is a place in the text of a query, from 1; Column counts bytes.
type Position struct {
	Line   int
	Column int
}

// Error names a mistake in a query, and its place.
type Error struct {
	Position
	Message string
}

// Error returns the place and the mistake.
func (failure *Error) Error() string {
	return fmt.Sprintf("%d:%d: %s", failure.Line, failure.Column, failure.Message)
}

func failAt(position Position, format string, arguments ...any) error {
	return &Error{Position: position, Message: fmt.Sprintf(format, arguments...)}
}

// positionOf returns the place of a byte of a text.
func positionOf(text string, offset int) Position {
	before := text[:offset]
	return Position{Line: strings.Count(before, "\n") + 1, Column: offset - strings.LastIndexByte(before, '\n')}
}
