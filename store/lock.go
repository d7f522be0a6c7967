// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// errInUse says that another process, or another store of this one, has the database.
var errInUse = errors.New("database is in use")

// lockSuffix is behind the path of a database in the name of its lock.
const lockSuffix = ".lock"

// databaseLock makes one process the owner of a database file. It is a separate file beside the
// database. A lock on the database file itself would vanish when any code of the process closed
// any descriptor of the file.
type databaseLock struct {
	file *flock.Flock
}

// lockDatabase takes the lock of a database, or returns ErrInUse naming its owner.
func lockDatabase(databasePath string) (*databaseLock, error) {
	lockPath, err := lockPathOf(databasePath)
	if err != nil {
		return nil, err
	}
	lock := &databaseLock{file: flock.New(lockPath, flock.SetPermissions(0o600))}
	locked, err := lock.file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", lockPath, err)
	}
	if !locked {
		return nil, errors.Join(fmt.Errorf("%s: %w by %s", databasePath, errInUse, lockOwner(lockPath)), lock.file.Close())
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
	return resolved + lockSuffix, err
}

// lockPathOfMissing is lockPathOf for a file that is not there yet, but may have
// links that lead to it: SQLite will create it where they end.
func lockPathOfMissing(databasePath string) (string, error) {
	directory, err := filepath.EvalSymlinks(filepath.Dir(databasePath))
	if err != nil {
		return "", err
	}
	path := filepath.Join(directory, filepath.Base(databasePath))
	if target, leads := linkTarget(path); leads {
		return lockPathOf(target)
	}
	return path + lockSuffix, nil
}

// linkTarget returns where a symbolic link leads, false if path is none.
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

// release gives the database up. The file stays: removing it would let two
// processes lock two files of the same name.
func (lock *databaseLock) release() error {
	return lock.file.Close()
}
