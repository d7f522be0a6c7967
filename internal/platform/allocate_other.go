// SPDX-License-Identifier: EUPL-1.2

//go:build !linux

package platform

import "os"

// Allocate makes a file so many bytes long, and takes the room for them on the disk. It returns the
// error of a full disk.
//
//	err := platform.Allocate(file, 16<<20)
func Allocate(file *os.File, bytes int64) error { return writeZeros(file, bytes) }
