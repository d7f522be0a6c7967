// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/gofrs/flock"
)

// noteOwner writes the number of this process into the lock file, so that an operator knows
// which process to look for. The lock holds without it, so a full disk is no error.
func noteOwner(lockPath string) error {
	err := os.WriteFile(lockPath, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil
	}
	return err
}

// lockFolder locks the folder itself. SQLite locks no folders, so flock is in nobody's way.
func lockFolder(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = fmt.Errorf("%s: %w by another process, which opened it before its lock file was removed", path, ErrInUse)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}
