// SPDX-License-Identifier: EUPL-1.2

package platform

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Allocate makes a file so many bytes long, and takes the room for them on the disk. It returns the
// error of a full disk.
//
//	err := platform.Allocate(file, 16<<20)
func Allocate(file *os.File, bytes int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, 0, bytes)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return writeZeros(file, bytes)
	}
	return err
}
