// SPDX-License-Identifier: EUPL-1.2

package platform

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncData returns when the content of a file is on disk, and its size if that has changed. Times
// of the file may be written later, so a file that keeps its size costs less than with Sync.
func SyncData(file *os.File) error {
	for {
		if err := unix.Fdatasync(int(file.Fd())); err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
