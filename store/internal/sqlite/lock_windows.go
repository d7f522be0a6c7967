// SPDX-License-Identifier: EUPL-1.2

//go:build windows

package sqlite

import (
	"errors"
	"os"

	"github.com/gofrs/flock"
	"golang.org/x/sys/windows"
)

// noteOwner does nothing. On Windows a locked file can be neither written nor read, so
// nobody could read the number of the process.
func noteOwner(string) error { return nil }

// lockFolder does nothing. Windows locks no folders, and lets nobody remove a file that is open:
// the lock file is enough.
func lockFolder(string) (*flock.Flock, error) { return nil, nil }

// lockFile locks a byte behind every byte that a database can have. Locks of Windows bind everybody,
// SQLite too, so the lock must not touch a byte that SQLite reads, writes or locks. It holds as
// long as the file is open.
func lockFile(file *os.File, exclusive bool) (locked bool, err error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err = windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// unlockFile does nothing: the lock ends with the file, which no child process has.
func unlockFile(*os.File) error { return nil }
