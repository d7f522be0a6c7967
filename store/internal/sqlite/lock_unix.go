// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package sqlite

import (
	"os"
	"strconv"
)

// noteOwner writes the number of this process into the lock file, so that an operator knows
// which process to look for. The lock holds without it.
func noteOwner(lockPath string) error {
	return os.WriteFile(lockPath, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
}
