// SPDX-License-Identifier: EUPL-1.2

//go:build linux || darwin || freebsd

package sqlite

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ownershipByte lies behind every byte that a database can have, and SQLite never locks it. A lock
// on the whole file, as flock takes it, conflicts with the locks of SQLite on BSD systems, and on
// NFS.
const ownershipByte = 1 << 62

// lockFile locks one byte of a database for the owner, or for others that look at it.
func lockFile(file *os.File, exclusive bool) (locked bool, err error) {
	lock := unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart, Start: ownershipByte, Len: 1}
	if exclusive {
		lock.Type = unix.F_WRLCK
	}
	err = unix.FcntlFlock(file.Fd(), setLock, &lock)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES):
		return false, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTSUP):
		return true, nil // a system without such locks: the lock file alone counts
	default:
		return err == nil, err
	}
}

// unlockFile gives up the lock of lockFile. To close the file would not be enough: a child process
// that was begun meanwhile has the file open too, until it runs its own program.
func unlockFile(file *os.File) error {
	lock := unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart, Start: ownershipByte, Len: 1}
	err := unix.FcntlFlock(file.Fd(), setLock, &lock)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil // there are no such locks
	}
	return err
}
