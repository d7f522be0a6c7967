// SPDX-License-Identifier: EUPL-1.2

package sqlite

import (
	"errors"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// Code returns SQLite's primary result code of an error, 0 if it is none of SQLite's.
func Code(err error) int { return extendedCode(err) & 0xff }

// extendedCode returns SQLite's extended result code of an error, 0 if it is none of SQLite's.
func extendedCode(err error) int {
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		return failure.Code()
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
