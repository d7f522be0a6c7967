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

// RefusedFile reports whether SQLite could not open a file, or make one of those beside a database:
// the process may have no descriptor left, or the disk no room.
func RefusedFile(err error) bool {
	switch extendedCode(err) {
	case sqlitelib.SQLITE_IOERR_SHMOPEN, sqlitelib.SQLITE_IOERR_SHMSIZE, sqlitelib.SQLITE_IOERR_SHMMAP:
		return true
	default:
		return Code(err) == sqlitelib.SQLITE_CANTOPEN
	}
}

// ErrNoRoom is the error of a write that is not tried, because the disk has no room for it.
var ErrNoRoom = errors.New("there is no room for the write and its checkpoint")

// IsFull reports whether a write was refused because the disk takes no more.
func IsFull(err error) bool {
	return Code(err) == sqlitelib.SQLITE_FULL || RefusedWrite(err) || errors.Is(err, ErrNoRoom)
}

// IsIndexDamaged reports whether an index does not have a row of its table.
func IsIndexDamaged(err error) bool { return extendedCode(err) == sqlitelib.SQLITE_CORRUPT_INDEX }

// Refusal returns the error of a transaction that has failed and changed nothing. It wraps
// ErrUnavailable if the transaction may be tried again later.
func Refusal(err error) error {
	code := Code(err)
	switch {
	case code == sqlitelib.SQLITE_FULL, errors.Is(err, ErrNoRoom):
		return fmt.Errorf("%w: disk is full: %w", failure.ErrUnavailable, err)
	case RefusedWrite(err):
		return fmt.Errorf("%w: disk takes no more, as over a quota or a limit of file sizes: %w", failure.ErrUnavailable, err)
	case RefusedFile(err):
		return fmt.Errorf("%w: a file cannot be opened now: %w", failure.ErrUnavailable, err)
	case code == sqlitelib.SQLITE_READONLY:
		return fmt.Errorf("%w: database is read-only: %w", failure.ErrUnavailable, err)
	case code == sqlitelib.SQLITE_BUSY:
		return fmt.Errorf("%w: another process holds the database: %w", failure.ErrUnavailable, err)
	default:
		return err
	}
}
