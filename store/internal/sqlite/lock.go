// SPDX-License-Identifier: EUPL-1.2

package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// ErrInUse says that another process, or another store of this one, has the database.
var ErrInUse = errors.New("database is in use")

// LockSuffix follows the path of a database in the name of its lock.
const LockSuffix = ".lock"

// Lock makes one process the owner of a database file. It is a separate file beside the
// database. A lock on the database file itself would vanish when any code of the process closed
// any descriptor of the file.
type Lock struct {
	file *flock.Flock
}

// TakeLock takes the lock of a database. If another process has it, TakeLock returns
// ErrInUse with its owner.
func TakeLock(databasePath string) (*Lock, error) {
	lockPath, err := lockPathOf(databasePath)
	if err != nil {
		return nil, err
	}
	lock := &Lock{file: flock.New(lockPath, flock.SetPermissions(0o600))}
	locked, err := lock.file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", lockPath, err)
	}
	if !locked {
		return nil, errors.Join(fmt.Errorf("%s: %w by %s", databasePath, ErrInUse, lockOwner(lockPath)), lock.file.Close())
	}
	if err := noteOwner(lockPath); err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", lockPath, err), lock.file.Close())
	}
	return lock, nil
}

// lockPathOf follows symbolic links, so that two names of a file have one lock.
func lockPathOf(databasePath string) (string, error) {
	resolved, err := filepath.EvalSymlinks(databasePath)
	if errors.Is(err, fs.ErrNotExist) {
		return lockPathOfMissing(databasePath)
	}
	return resolved + LockSuffix, err
}

// lockPathOfMissing is lockPathOf for a missing file. Links may lead to it: SQLite will
// create it at their end.
func lockPathOfMissing(databasePath string) (string, error) {
	directory, err := filepath.EvalSymlinks(filepath.Dir(databasePath))
	if err != nil {
		return "", err
	}
	path := filepath.Join(directory, filepath.Base(databasePath))
	if target, leads := linkTarget(path); leads {
		return lockPathOf(target)
	}
	return path + LockSuffix, nil
}

// linkTarget returns the target of a symbolic link, false if path is none.
func linkTarget(path string) (target string, leads bool) {
	target, err := os.Readlink(path)
	if err != nil {
		return "", false
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return target, true
}

func lockOwner(lockPath string) string {
	content, err := os.ReadFile(lockPath)
	process := strings.TrimSpace(string(content))
	if err != nil || process == "" {
		return "another process"
	}
	return "process " + process
}

// Release gives up the lock. The file stays: if it were removed, two processes could lock
// two files of the same name.
func (lock *Lock) Release() error {
	return lock.file.Close()
}

// ShareLock keeps other processes from taking the lock of a database. If one has it,
// ShareLock returns ErrInUse. It creates no file: if the file is missing, nobody has the
// lock.
func ShareLock(databasePath string) (*flock.Flock, error) {
	lockPath, err := lockPathOf(databasePath)
	if err != nil {
		return nil, err
	}
	lock := flock.New(lockPath, flock.SetFlag(os.O_RDONLY))
	shared, err := lock.TryRLock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return lock, nil
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", lockPath, err)
	case !shared:
		return nil, errors.Join(fmt.Errorf("%w by %s", ErrInUse, lockOwner(lockPath)), lock.Close())
	}
	return lock, nil
}
