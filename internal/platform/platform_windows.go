// SPDX-License-Identifier: EUPL-1.2

//go:build windows

package platform

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// SyncFolder returns an error if the folder does not exist, and does nothing else. Windows
// refuses to flush a folder, and NTFS writes names to its own log.
//
//	err := platform.SyncFolder(`C:\ProgramData\storebus`)
func SyncFolder(path string) error {
	_, err := os.Stat(path)
	return err
}

// IsDiskFull reports whether an operation failed because the disk is full, or because a
// quota of the volume is used up.
//
//	platform.IsDiskFull(windows.ERROR_DISK_FULL) // true
func IsDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// IsAddressInUse reports whether another program listens at an address (WSAEADDRINUSE).
//
//	_, err := net.Listen("tcp", "127.0.0.1:4222")
//	platform.IsAddressInUse(err) // true if a broker is there
func IsAddressInUse(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE)
}

// DiskFree returns the bytes that this process may still write to the volume of a folder.
// It returns an error if the path is not a folder.
//
//	bytes, err := platform.DiskFree(`C:\ProgramData\storebus`)
func DiskFree(path string) (available uint64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	err = windows.GetDiskFreeSpaceEx(name, &available, nil, nil)
	return available, err
}

// DiskSize returns the size of the volume of a folder in bytes. It returns an error if the path
// is not a folder.
//
//	bytes, err := platform.DiskSize(`C:\ProgramData\storebus`)
func DiskSize(path string) (size uint64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	err = windows.GetDiskFreeSpaceEx(name, nil, &size, nil)
	return size, err
}

// HasTooManyFiles reports whether an operation failed because the process has too many files open.
//
//	platform.HasTooManyFiles(windows.ERROR_TOO_MANY_OPEN_FILES) // true
func HasTooManyFiles(err error) bool { return errors.Is(err, windows.ERROR_TOO_MANY_OPEN_FILES) }

// SameDisk reports whether two paths are on one volume, by their letters.
//
//	platform.SameDisk(`C:\ProgramData\storebus`, `C:\backup`) // true
func SameDisk(one, other string) bool {
	one, oneErr := filepath.Abs(one)
	other, otherErr := filepath.Abs(other)
	return errors.Join(oneErr, otherErr) == nil && strings.EqualFold(filepath.VolumeName(one), filepath.VolumeName(other))
}

// CheckWritableFolder finds nothing on Windows: only an attempt shows the permissions in
// the access list of a folder.
func CheckWritableFolder(string) error { return nil }
