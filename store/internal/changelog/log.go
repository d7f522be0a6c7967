// SPDX-License-Identifier: EUPL-1.2

package changelog

import "errors"

// Log keeps the records of a store in order. A store hands over each record before it installs
// the record, and answers nothing before that. One goroutine calls the methods.
type Log interface {
	// Append hands over a record behind End and behind the records that are under way. Several
	// may be under way. acknowledged is called when the outcome is known, from any goroutine,
	// also from Append itself: with nil if the record is in the log for good, and with an error
	// if it will never be. If the outcome stays unknown, the error wraps ErrOutcomeUnknown. If
	// a record is refused, all records behind it are refused too. Further calls of acknowledged
	// change nothing.
	Append(record *Record, acknowledged func(error))
	// After returns some of the records behind an id, the oldest first, and none at the end. It
	// returns ErrTrimmed if the record after id is gone.
	After(id uint64) ([]Record, error)
	// Trim lets the records up to an id go. The newest stays.
	Trim(through uint64) error
	// End returns the id and the hash of the newest record that is acknowledged, 0 and 0 if
	// there is none.
	End() (id uint64, hash Hash)
	// Close ends the log. It acknowledges each record that is still under way.
	Close() error
}

// ErrTrimmed is returned by Log.After for records that are gone.
var ErrTrimmed = errors.New("records are no longer in the log")
