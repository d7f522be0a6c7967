// SPDX-License-Identifier: EUPL-1.2

//go:build !linux && !darwin && !freebsd && !windows

package platform

import "errors"

// DiskFree returns the bytes that this process may still write to the file system of a
// path. On this system it is not implemented: it returns errors.ErrUnsupported.
//
//	bytes, err := platform.DiskFree("/var/lib/storebus")
func DiskFree(string) (uint64, error) { return 0, errors.ErrUnsupported }

// DiskSize returns the size of the file system of a path in bytes. On this system it is not
// implemented: it returns errors.ErrUnsupported.
//
//	bytes, err := platform.DiskSize("/var/lib/storebus")
func DiskSize(string) (uint64, error) { return 0, errors.ErrUnsupported }
