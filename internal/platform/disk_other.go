// SPDX-License-Identifier: EUPL-1.2

//go:build !linux && !darwin && !freebsd && !windows

package platform

import "errors"

// DiskFree gives the bytes that this process may still write to the file system of a path.
// It returns errors.ErrUnsupported on a system that is not asked.
//
//	bytes, err := platform.DiskFree("/var/lib/storebus")
func DiskFree(string) (uint64, error) { return 0, errors.ErrUnsupported }
