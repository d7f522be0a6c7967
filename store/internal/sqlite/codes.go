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

// RefusedBeforeCommit tells the failures of COMMIT that leave no whole commit in
// the write-ahead log from those, above all of its fsync, that may.
func RefusedBeforeCommit(err error) bool {
	code := Code(err)
	return code == sqlitelib.SQLITE_FULL || code == sqlitelib.SQLITE_BUSY || RefusedWrite(err)
}

// RefusedWrite tells a write that the system took in part or not at all: over a
// quota or a limit of file sizes, which SQLite does not tell from other faults. The
// frame that makes a commit one is written last, so it is not whole in the log.
func RefusedWrite(err error) bool { return extendedCode(err) == sqlitelib.SQLITE_IOERR_WRITE }
