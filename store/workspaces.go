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

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/kv"
)

// MaxWorkspaces is the largest number of workspaces of a namespace at once.
const MaxWorkspaces = 1000

// errWorkspaceEnded says that a workspace was committed or discarded.
var errWorkspaceEnded = fmt.Errorf("%w: the workspace has ended", kv.ErrNotFound)

// workspaces has the workspaces of a store, in memory by name.
type workspaces struct {
	store *Store
	pool  *workspacePool
	// path is the folder of the workspaces that are opened. If temporary is true it is made
	// when it is needed, and removed with the store.
	path      string
	temporary bool
	// work is the work of callers that do not wait; requests has the part with an id.
	work     *turnstile
	requests *requestsUnderway
	// queries wait for so long at most, and run for so long, while the process grows by so
	// many bytes at most.
	queries     *turnstile
	queryWait   time.Duration
	queryTime   time.Duration
	queryMemory int
	// failpoint, if not nil, is called after each step of a commit.
	failpoint func(step string)

	// working is held by work that needs the folders, and by close.
	working sync.RWMutex

	mutex  sync.Mutex
	closed bool
	// own is the folder at path, nil until it is needed; others are the folders of
	// RecoverOrphans.
	own    *workspaceFolder
	others []*workspaceFolder
	loaded bool
	files  map[workspaceName]*workspaceFile
	// room is the largest number of workspaces of a namespace.
	room int64
	// counts is the number of files of each namespace.
	counts map[string]int64
}

func newWorkspaces(store *Store) *workspaces {
	return &workspaces{
		store:       store,
		pool:        newWorkspacePool(store.config.Durability),
		work:        newTurnstile(workAtOnce),
		requests:    newRequestsUnderway(),
		queries:     newTurnstile(queriesAtOnce),
		queryWait:   maxQueryWait,
		queryTime:   MaxQueryTime,
		queryMemory: maxQueryMemory,
		path:        store.config.WorkspaceStateDirectory,
		temporary:   store.config.WorkspaceStateDirectory == "",
		files:       map[workspaceName]*workspaceFile{},
		counts:      map[string]int64{},
		room:        MaxWorkspaces,
	}
}

// begin finishes the commits that a crash has left, if there is a folder.
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

// takeOwnLocked takes the store's own folder, if that was not done already.
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

// take locks a folder and finishes the ended runs there.
func (workspaces *workspaces) take(path string) (*workspaceFolder, error) {
	folder, err := takeFolder(path, workspaces.store.config.Logger)
	if err != nil {
		return nil, err
	}
	ended, err := workspaces.store.endedRuns()
	var finished []string
	if err == nil {
		finished, err = folder.finish(ended)
	}
	if err != nil {
		return nil, errors.Join(err, folder.lock.Release())
	}
	workspaces.store.committer.tables.runs.forget(finished)
	return folder, nil
}

// load reads the store's own folder, if that was not done already.
func (workspaces *workspaces) load() error {
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	return workspaces.loadLocked()
}

// loadLocked reads the store's own folder.
func (workspaces *workspaces) loadLocked() error {
	if workspaces.closed {
		return kv.ErrClosed
	}
	if workspaces.loaded {
		return nil
	}
	if err := workspaces.takeOwnLocked(); err != nil {
		return err
	}
	files, err := workspaces.loadFiles(workspaces.own)
	if err != nil {
		return err
	}
	workspaces.addLocked(files)
	workspaces.loaded = true
	return nil
}

// loadFiles reads the files of a folder, and has the store remember their answers from before a
// crash.
func (workspaces *workspaces) loadFiles(folder *workspaceFolder) ([]*workspaceFile, error) {
	now, err := workspaces.store.now()
	if err != nil {
		return nil, err
	}
	files, err := folder.load(workspaces.store.config.Durability, now.Add(-RetryWindow))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		workspaces.store.remember(file.answers)
		file.answers = nil
	}
	return files, nil
}

// addLocked makes workspaces known by their names. Of two with one name the older
// goes on: the other is reached through RecoverOrphans alone.
func (workspaces *workspaces) addLocked(files []*workspaceFile) {
	slices.SortFunc(files, func(a, b *workspaceFile) int { return a.openedAt.Compare(b.openedAt) })
	for _, file := range files {
		if _, taken := workspaces.files[file.workspaceName]; !taken {
			workspaces.files[file.workspaceName] = file
			workspaces.counts[file.namespace]++
		}
	}
}

// open returns the workspace of a name, and makes one if there is none. A new workspace
// remembers the answer to that request. The caller gives back the turn of the file.
func (workspaces *workspaces) open(name workspaceName, opening []*answer, at time.Time) (file *workspaceFile, created bool, err error) {
	if err := name.check(); err != nil {
		return nil, false, err
	}
	for {
		file, isNew, err := workspaces.claim(name)
		switch {
		case err != nil:
			return nil, false, err
		case isNew:
			err := workspaces.create(file, opening, at)
			return file, err == nil, err
		}
		file.turn.Lock()
		gone := file.gone
		if gone == nil {
			return file, false, nil
		}
		file.turn.Unlock()
		if !workspaces.forgotten(file) {
			return nil, false, gone
		}
		// It has ended, or could not be made, meanwhile: its name is free.
	}
}

// create makes a new file, whose turn the caller has.
func (workspaces *workspaces) create(file *workspaceFile, opening []*answer, at time.Time) error {
	var fill func(transaction *sql.Tx) error
	if len(opening) > 0 {
		fill = func(transaction *sql.Tx) error { return saveAnswers(transaction, opening, at) }
	}
	err := workspaces.reserved(func() error { return file.create(workspaces.store.config.Durability, fill) })
	if err == nil {
		return nil
	}
	err = workspaceFailure(err)
	file.gone = err
	workspaces.forget(file)
	file.turn.Unlock()
	return err
}

// claim returns the file of a name. A new file is still to be created: the caller has its turn,
// and others wait for it.
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
	if err := workspaces.checkRoomLocked(name.namespace); err != nil {
		return nil, false, err
	}
	file = newWorkspaceFile(workspaces.own, newRunID())
	file.workspaceName, file.openedAt = name, workspaces.store.committer.clock.Now()
	file.turn.Lock()
	workspaces.files[name] = file
	workspaces.counts[name.namespace]++
	return file, true, nil
}

// checkRoomLocked returns QuotaExceededError if a namespace has all the workspaces that it may
// have. Outside every namespace there is no limit.
func (workspaces *workspaces) checkRoomLocked(namespace string) error {
	if count := workspaces.counts[namespace]; namespace != "" && count >= workspaces.room {
		return &kv.QuotaExceededError{Quota: "workspaces", Limit: workspaces.room, Usage: count}
	}
	return nil
}

// runIDBytes is how many bytes a run id stands for, in hexadecimal digits.
const runIDBytes = 16

// newRunID returns a name for a run that no other has, ever.
func newRunID() string {
	var random [runIDBytes]byte
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
		return nil, fmt.Errorf("%w: no workspace has that name", kv.ErrNotFound)
	}
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
		return kv.ErrClosed
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
		if workspaces.counts[file.namespace]--; workspaces.counts[file.namespace] == 0 {
			delete(workspaces.counts, file.namespace)
		}
	}
}

// forgotten tells whether the name of a file is not its own any more.
func (workspaces *workspaces) forgotten(file *workspaceFile) bool {
	workspaces.mutex.Lock()
	defer workspaces.mutex.Unlock()
	return workspaces.files[file.workspaceName] != file
}

// list returns the workspaces of a namespace, by name.
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
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	folder, err := workspaces.take(path)
	if err != nil {
		return nil, err
	}
	files, err := workspaces.loadFiles(folder)
	if err != nil {
		return nil, errors.Join(err, folder.lock.Release())
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
	err := errors.Join(workspaces.pool.drop(file), file.folder.removeRun(file.runID), platform.SyncFolder(file.folder.path))
	workspaces.forget(file)
	return err
}

// reach tells the failpoint that a commit has reached a step.
func (workspaces *workspaces) reach(step string) {
	if workspaces.failpoint != nil {
		workspaces.failpoint(step)
	}
}

// close waits for running work, and gives up the folders.
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
			err = errors.Join(err, folder.lock.Release())
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
