// SPDX-License-Identifier: EUPL-1.2

package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/store/internal/failure"
)

// Code returns SQLite's primary result code of an error, 0 if it is none of SQLite's.
func Code(err error) int { return extendedCode(err) & 0xff }

// extendedCode returns SQLite's extended result code of an error, 0 if it is none of SQLite's.
func extendedCode(err error) int {
	var code *sqlite.Error
	if errors.As(err, &code) {
		return code.Code()
	}
	return 0
}

// RefusedBeforeCommit reports whether a failed COMMIT certainly left no whole commit in the
// write-ahead log. Other failures, above all of its fsync, may leave one.
func RefusedBeforeCommit(err error) bool {
	code := Code(err)
	return code == sqlitelib.SQLITE_FULL || code == sqlitelib.SQLITE_BUSY || RefusedWrite(err)
}

// RefusedWrite reports whether the system refused a write, or a part of it: over a quota or
// a limit of file sizes, which SQLite reports like other faults. The frame that completes a
// commit is written last. So the commit is not whole in the log.
func RefusedWrite(err error) bool { return extendedCode(err) == sqlitelib.SQLITE_IOERR_WRITE }

// IsLocked reports whether another process has the lock that a statement needs.
func IsLocked(err error) bool { return Code(err) == sqlitelib.SQLITE_BUSY }

// Refusal returns the error of a transaction that has failed and changed nothing. It wraps
// ErrUnavailable if the transaction may be tried again later.
func Refusal(err error) error {
	code := Code(err)
	switch {
	case code == sqlitelib.SQLITE_FULL:
		return fmt.Errorf("%w: disk is full: %w", failure.ErrUnavailable, err)
	case RefusedWrite(err):
		return fmt.Errorf("%w: disk takes no more, as over a quota or a limit of file sizes: %w", failure.ErrUnavailable, err)
	case code == sqlitelib.SQLITE_READONLY:
		return fmt.Errorf("%w: database is read-only: %w", failure.ErrUnavailable, err)
	case code == sqlitelib.SQLITE_BUSY:
		return fmt.Errorf("%w: another process holds the database: %w", failure.ErrUnavailable, err)
	default:
		return err
	}
}
