// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// errWorkspaceEnded says that a workspace was committed or discarded.
var errWorkspaceEnded = fmt.Errorf("%w: the workspace has ended", ErrNotFound)

// workspaces are those of a store, in memory by their names.
type workspaces struct {
	store *Store
	pool  *workspacePool
	// path is the folder of the workspaces that are opened. Where temporary is true it
	// is made when it is needed, and removed with the store.
	path      string
	temporary bool
	// queries holds one for each that runs, for so long at most and while the process
	// grows by so many bytes at most.
	queries     chan struct{}
	queryTime   time.Duration
	queryMemory int
	// failpoint, where given, is told how far a commit has come.
	failpoint func(step string)

	// working is held by what needs the folders, and by close.
	working sync.RWMutex

	mutex  sync.Mutex
	closed bool
	// own is the folder at path, nil as long as nobody needs it; others are those of RecoverOrphans.
	own    *workspaceFolder
	others []*workspaceFolder
	loaded bool
	files  map[workspaceName]*workspaceFile
}

func newWorkspaces(store *Store) *workspaces {
	return &workspaces{
		store:       store,
		pool:        newWorkspacePool(store.config.Durability),
		queries:     make(chan struct{}, queriesAtOnce),
		queryTime:   MaxQueryTime,
		queryMemory: maxQueryMemory,
		path:        store.config.WorkspaceStateDirectory,
		temporary:   store.config.WorkspaceStateDirectory == "",
		files:       map[workspaceName]*workspaceFile{},
	}
}

// begin finishes the commits that a crash has left, where there is a folder.
func (workspaces *workspaces) begin() error {
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	if workspaces.temporary {
		return nil
	}
	if _, err := os.Stat(workspaces.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return workspaces.takeOwnLocked()
}

// takeOwnLocked takes the store's own folder, where that was not done already.
func (workspaces *workspaces) takeOwnLocked() (err error) {
	if workspaces.own != nil {
		return nil
	}
	if workspaces.temporary {
		workspaces.path, err = os.MkdirTemp("", "storebus-workspaces-")
	} else {
		err = os.MkdirAll(workspaces.path, 0o700)
	}
	if err == nil {
		workspaces.own, err = workspaces.take(workspaces.path)
	}
	return err
}

// take locks a folder and finishes what was committed there.
func (workspaces *workspaces) take(path string) (*workspaceFolder, error) {
	folder, err := takeFolder(path, workspaces.store.config.Logger)
	if err != nil {
		return nil, err
	}
	committed, err := workspaces.store.committedRuns()
	var finished []string
	if err == nil {
		finished, err = folder.finish(committed)
	}
	if err != nil {
		return nil, errors.Join(err, folder.lock.release())
	}
	workspaces.store.forgetRuns(finished...)
	return folder, nil
}

// loadLocked reads what the store's own folder holds.
func (workspaces *workspaces) loadLocked() error {
	if workspaces.closed {
		return ErrClosed
	}
	if workspaces.loaded {
		return nil
	}
	if err := workspaces.takeOwnLocked(); err != nil {
		return err
	}
	files, err := workspaces.own.load(workspaces.store.config.Durability)
	if err != nil {
		return err
	}
	workspaces.addLocked(files)
	workspaces.loaded = true
	return nil
}

// addLocked makes workspaces known by their names. Of two with one name the older
// goes on: the other is reached through RecoverOrphans alone.
func (workspaces *workspaces) addLocked(files []*workspaceFile) {
	slices.SortFunc(files, func(a, b *workspaceFile) int { return a.openedAt.Compare(b.openedAt) })
	for _, file := range files {
		if _, taken := workspaces.files[file.workspaceName]; !taken {
			workspaces.files[file.workspaceName] = file
		}
	}
}

// open returns the workspace of a name, and makes one where there is none.
func (workspaces *workspaces) open(name workspaceName) (file *workspaceFile, created bool, err error) {
	if err := name.check(); err != nil {
		return nil, false, err
	}
	file, created, err = workspaces.claim(name)
	if err != nil || !created {
		return file, false, err
	}
	defer file.turn.Unlock()
	err = workspaces.reserved(func() error { return file.create(workspaces.store.config.Durability) })
	if err != nil {
		err = workspaceFailure(err)
		file.gone = err
		workspaces.forget(file)
		return nil, false, err
	}
	return file, true, nil
}

// claim returns the file of a name. One that is new is still to be created: the
// caller has its turn, for which others wait.
func (workspaces *workspaces) claim(name workspaceName) (file *workspaceFile, isNew bool, err error) {
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	if err := workspaces.loadLocked(); err != nil {
		return nil, false, err
	}
	if file = workspaces.files[name]; file != nil {
		file.orphaned = false
		return file, false, nil
	}
	file = newWorkspaceFile(workspaces.own, newRunID())
	file.workspaceName, file.openedAt = name, workspaces.store.config.Clock().UTC()
	file.turn.Lock()
	workspaces.files[name] = file
	return file, true, nil
}

// newRunID returns a name for a run that no other has, ever.
func newRunID() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // It never fails: the process would end.
	return hex.EncodeToString(random[:])
}

// find returns the workspace of a name, or ErrNotFound.
func (workspaces *workspaces) find(name workspaceName) (*workspaceFile, error) {
	if err := name.check(); err != nil {
		return nil, err
	}
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	if err := workspaces.loadLocked(); err != nil {
		return nil, err
	}
	file := workspaces.files[name]
	if file == nil {
		return nil, fmt.Errorf("%w: no workspace has that name", ErrNotFound)
	}
	file.orphaned = false
	return file, nil
}

// reserved runs function while the store's folders are not given up.
func (workspaces *workspaces) reserved(function func() error) error {
	workspaces.working.RLock()
	defer workspaces.working.RUnlock()
	workspaces.mutex.Lock()
	closed := workspaces.closed
	workspaces.mutex.Unlock()
	if closed {
		return ErrClosed
	}
	return function()
}

// summarise returns how many entries a file has of each kind. The caller has its turn.
func (workspaces *workspaces) summarise(file *workspaceFile) (summary map[string]int64, err error) {
	err = workspaces.pool.use(file, func(database *sql.DB) error {
		summary, err = summariseWorkspace(database)
		return err
	})
	return summary, err
}

// forget gives a name free.
func (workspaces *workspaces) forget(file *workspaceFile) {
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	if workspaces.files[file.workspaceName] == file {
		delete(workspaces.files, file.workspaceName)
	}
}

// list returns what is known of the workspaces of a namespace, by name.
func (workspaces *workspaces) list(namespace string) (infos []WorkspaceInfo, err error) {
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	if err := workspaces.loadLocked(); err != nil {
		return nil, err
	}
	for name, file := range workspaces.files {
		if name.namespace == namespace {
			infos = append(infos, WorkspaceInfo{
				Name: name.name, Entries: file.entries.Load(), OpenedAt: file.openedAt, Orphaned: file.orphaned,
			})
		}
	}
	slices.SortFunc(infos, func(a, b WorkspaceInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// recover returns the workspaces of a folder that nobody has opened.
func (workspaces *workspaces) recover(path string) (orphans []*workspaceFile, err error) {
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	if err := workspaces.loadLocked(); err != nil {
		return nil, err
	}
	if path != "" && !workspaces.hasLocked(path) {
		if orphans, err = workspaces.takeOtherLocked(path); err != nil {
			return nil, err
		}
	} else {
		for _, file := range workspaces.files {
			if file.orphaned && (path == "" || samePath(path, file.folder.path)) {
				orphans = append(orphans, file)
			}
		}
	}
	slices.SortFunc(orphans, func(a, b *workspaceFile) int { return a.openedAt.Compare(b.openedAt) })
	for _, file := range orphans {
		file.orphaned = false
	}
	return orphans, nil
}

// hasLocked tells whether a folder is the store's already.
func (workspaces *workspaces) hasLocked(path string) bool {
	return samePath(path, workspaces.own.path) || slices.ContainsFunc(workspaces.others, func(folder *workspaceFolder) bool {
		return samePath(path, folder.path)
	})
}

func (workspaces *workspaces) takeOtherLocked(path string) ([]*workspaceFile, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	folder, err := workspaces.take(path)
	if err != nil {
		return nil, err
	}
	files, err := folder.load(workspaces.store.config.Durability)
	if err != nil {
		return nil, errors.Join(err, folder.lock.release())
	}
	workspaces.others = append(workspaces.others, folder)
	workspaces.addLocked(files)
	return files, nil
}

// samePath tells whether two paths lead to the same folder.
func samePath(one, other string) bool {
	first, err := os.Stat(one)
	if err != nil {
		return filepath.Clean(one) == filepath.Clean(other)
	}
	second, err := os.Stat(other)
	return err == nil && os.SameFile(first, second)
}

// end removes the file of a run, whose turn the caller has, and gives its name free.
func (workspaces *workspaces) end(file *workspaceFile) error {
	file.gone = errWorkspaceEnded
	close(file.ended)
	file.reading.Lock()
	defer file.reading.Unlock()
	err := errors.Join(workspaces.pool.drop(file), file.folder.removeRun(file.runID), syncFolder(file.folder.path))
	workspaces.forget(file)
	return err
}

// reach tells the failpoint how far a commit has come.
func (workspaces *workspaces) reach(step string) {
	if workspaces.failpoint != nil {
		workspaces.failpoint(step)
	}
}

// close waits for what is under way, and gives up the folders.
func (workspaces *workspaces) close() error {
	workspaces.mutex.Lock()
	workspaces.closed = true
	workspaces.mutex.Unlock()
	workspaces.working.Lock()
	defer workspaces.working.Unlock()
	err := workspaces.pool.close()
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	for _, folder := range append(workspaces.others, workspaces.own) {
		if folder != nil {
			err = errors.Join(err, folder.lock.release())
		}
	}
	if workspaces.temporary && workspaces.own != nil {
		err = errors.Join(err, os.RemoveAll(workspaces.path))
	}
	if err != nil {
		workspaces.store.config.Logger.Error("closing the workspaces failed", slog.Any("error", err))
	}
	return err
}
