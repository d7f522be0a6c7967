// SPDX-License-Identifier: EUPL-1.2

//go:build linux || darwin || freebsd

package platform

import "golang.org/x/sys/unix"

// DiskFree returns the bytes that this process may still write to the file system of a
// path. It returns the error of the system call, for example if the path does not exist.
//
//	bytes, err := platform.DiskFree("/var/lib/storebus")
func DiskFree(path string) (uint64, error) {
	var system unix.Statfs_t
	if err := unix.Statfs(path, &system); err != nil {
		return 0, err
	}
	// Bavail excludes the blocks that only root may use.
	return uint64(max(system.Bavail, 0)) * uint64(system.Bsize), nil //nolint:unconvert // the types differ by system
}

// DiskSize returns the size of the file system of a path in bytes, 0 if the file system does not
// tell. It returns the error of the system call.
//
//	bytes, err := platform.DiskSize("/var/lib/storebus")
func DiskSize(path string) (uint64, error) {
	var system unix.Statfs_t
	if err := unix.Statfs(path, &system); err != nil {
		return 0, err
	}
	return uint64(system.Blocks) * uint64(system.Bsize), nil //nolint:unconvert // the types differ by system
}
