// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package platform

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// SyncFolder makes the names in a folder durable: a created, renamed or removed file stays
// so after a power cut. It returns the error of opening the folder or of the fsync.
//
//	err := platform.SyncFolder("/var/lib/storebus")
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// IsDiskFull reports whether an operation failed because the disk is full (ENOSPC), or
// because a quota of the file system is used up (EDQUOT).
//
//	platform.IsDiskFull(&os.PathError{Op: "write", Path: "a", Err: syscall.ENOSPC}) // true
func IsDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// HasTooManyFiles reports whether an operation failed because the process or the system has no
// descriptor left (EMFILE, ENFILE).
//
//	platform.HasTooManyFiles(&os.PathError{Op: "open", Path: "a", Err: syscall.EMFILE}) // true
func HasTooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// SameDisk reports whether two paths are on one file system. It is false if one cannot be looked at.
//
//	platform.SameDisk("/var/lib/storebus", "/var/lib/storebus/backup") // true
func SameDisk(one, other string) bool {
	var first, second unix.Stat_t
	return errors.Join(unix.Stat(one, &first), unix.Stat(other, &second)) == nil && first.Dev == second.Dev
}

// IsAddressInUse reports whether another program listens at an address (EADDRINUSE).
//
//	_, err := net.Listen("tcp", "127.0.0.1:4222")
//	platform.IsAddressInUse(err) // true if a broker is there
func IsAddressInUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE)
}

// CheckWritableFolder returns an error if this process may not create files in an existing
// folder. It changes nothing.
//
//	err := platform.CheckWritableFolder("/var/lib/storebus")
func CheckWritableFolder(path string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &os.PathError{Op: "create files in", Path: path, Err: err}
	}
	return nil
}
