// SPDX-License-Identifier: EUPL-1.2

package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// ErrInUse says that another process, or another store of this one, has the database.
var ErrInUse = errors.New("database is in use")

// LockSuffix follows the path of a database in the name of its lock file.
const LockSuffix = ".lock"

// ReserveSuffix follows the path of a database in the name of the file that keeps room on its disk.
const ReserveSuffix = ".reserve"

// Lock makes one process the owner of a database, or of a folder. It has two parts:
//
//   - a lock file beside the database, which names the owner;
//   - a lock on the file itself. It holds whatever name the file is reached by, and if somebody
//     removes the lock file.
//
// The lock is released after SQLite has closed the file. On POSIX systems, closing any descriptor
// of a file drops all locks that SQLite has on the file in this process. So no code of the process
// opens and closes the database while a Lock is held.
type Lock struct {
	beside *flock.Flock
	// file is the open database, nil for a folder, and folder is the lock on a folder.
	file   *os.File
	folder *flock.Flock
}

// owned are the databases that this process has. None of them is opened a second time, not even to
// try its lock: that would drop the locks of SQLite.
var owned struct {
	mutex sync.Mutex
	files []os.FileInfo
}

// TakeLock takes the lock of a database, and creates a missing file. Only its owner may read the
// file; SQLite gives the files beside it the same mode. If another process has the lock, TakeLock
// returns ErrInUse with the owner.
func TakeLock(databasePath string) (*Lock, error) {
	lock, err := takeBeside(databasePath)
	if err != nil {
		return nil, err
	}
	err = lock.takeFile(os.O_CREATE, true)
	if errors.Is(err, ErrInUse) {
		err = fmt.Errorf("%s: %w", databasePath, err)
	}
	return lock.finish(err)
}

// TakeFolderLock takes the lock of a folder. The lock file in the folder has a name and LockSuffix.
func TakeFolderLock(path, name string) (*Lock, error) {
	lock, err := takeBeside(filepath.Join(path, name))
	if err != nil {
		return nil, err
	}
	lock.folder, err = lockFolder(path)
	return lock.finish(err)
}

// takeBeside takes the lock file of a path.
func takeBeside(path string) (*Lock, error) {
	lockPath, err := lockPathOf(path)
	if err != nil {
		return nil, err
	}
	lock := &Lock{beside: flock.New(lockPath, flock.SetPermissions(0o600))}
	locked, err := lock.beside.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", lockPath, err)
	}
	if !locked {
		return nil, errors.Join(fmt.Errorf("%s: %w by %s", path, ErrInUse, lockOwner(lockPath)), lock.beside.Close())
	}
	return lock, nil
}

// finish notes the owner if both locks are taken, and releases the lock otherwise.
func (lock *Lock) finish(err error) (*Lock, error) {
	if err == nil {
		if err = noteOwner(lock.beside.Path()); err != nil {
			err = fmt.Errorf("write %s: %w", lock.beside.Path(), err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return lock, nil
}

// takeFile takes the lock on the database itself.
func (lock *Lock) takeFile(flags int, exclusive bool) error {
	owned.mutex.Lock()
	defer owned.mutex.Unlock()
	path := lock.DatabasePath()
	if information, err := os.Stat(path); err == nil && slices.ContainsFunc(owned.files, func(other os.FileInfo) bool { return os.SameFile(information, other) }) {
		return fmt.Errorf("%w by process %d", ErrInUse, os.Getpid())
	}
	file, err := os.OpenFile(path, flags|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	locked, err := lockFile(file, exclusive)
	if err == nil && !locked {
		err = fmt.Errorf("%w by another process, which opened it by another name or before its lock file was removed", ErrInUse)
	}
	var information os.FileInfo
	if err == nil {
		information, err = file.Stat()
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	lock.file = file
	if exclusive {
		owned.files = append(owned.files, information)
	}
	return nil
}

// lockPathOf follows symbolic links, so that two names of a file have one lock file.
func lockPathOf(databasePath string) (string, error) {
	resolved, err := filepath.EvalSymlinks(databasePath)
	if errors.Is(err, fs.ErrNotExist) {
		return lockPathOfMissing(databasePath)
	}
	return resolved + LockSuffix, err
}

// lockPathOfMissing is lockPathOf for a missing file. Links may lead to it: the file will be
// created at their end.
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

// DatabasePath returns the path of the locked database, without symbolic links.
func (lock *Lock) DatabasePath() string { return strings.TrimSuffix(lock.beside.Path(), LockSuffix) }

// Release gives up the lock. The lock file stays: if it were removed, two processes could lock two
// files of the same name.
func (lock *Lock) Release() (err error) {
	if lock.file != nil {
		err = lock.releaseFile()
	}
	if lock.folder != nil {
		err = errors.Join(err, lock.folder.Close())
	}
	return errors.Join(err, lock.beside.Close())
}

// LetGo gives up the lock on the database itself, so that it can be replaced. The lock file keeps
// others out.
func (lock *Lock) LetGo() error { return lock.releaseFile() }

func (lock *Lock) releaseFile() error {
	owned.mutex.Lock()
	defer owned.mutex.Unlock()
	information, err := lock.file.Stat()
	if err == nil { // for a shared lock there is nothing to delete
		owned.files = slices.DeleteFunc(owned.files, func(other os.FileInfo) bool { return os.SameFile(information, other) })
	}
	err = errors.Join(err, unlockFile(lock.file), lock.file.Close())
	lock.file = nil
	return err
}

// ShareLock keeps other processes from taking the lock of a database. If one has it, ShareLock
// returns ErrInUse. It creates no file, and returns an error if the database may not be written.
func ShareLock(databasePath string) (*Lock, error) {
	lockPath, err := lockPathOf(databasePath)
	if err != nil {
		return nil, err
	}
	lock := &Lock{beside: flock.New(lockPath, flock.SetFlag(os.O_RDONLY))}
	shared, err := lock.beside.TryRLock()
	switch {
	case errors.Is(err, fs.ErrNotExist): // then the lock on the file alone counts
		err = nil
	case err != nil:
		err = fmt.Errorf("lock %s: %w", lockPath, err)
	case !shared:
		err = fmt.Errorf("%w by %s", ErrInUse, lockOwner(lockPath))
	}
	if err == nil {
		err = lock.takeFile(0, false)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return lock, nil
}
