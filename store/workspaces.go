// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/limiter"
)

// MaxWorkspaces is the largest number of workspaces of a namespace at once.
const MaxWorkspaces = 1000

// errWorkspaceEnded says that a workspace was committed or discarded.
var errWorkspaceEnded = fmt.Errorf("%w: the workspace has ended", failure.ErrNotFound)

// workspaceHost is the store as its workspaces see it. Files named workspace… reach the store
// through nothing else.
type workspaceHost interface {
	commandHost
	// Recall returns the store's answer to a request with an id, nil if there is none, and the
	// store's time.
	Recall(name batch.RequestName) (earlier *batch.Answer, now time.Time, err error)
	// EndedRuns returns the runs that have ended and may still have a file.
	EndedRuns() (map[string]bool, error)
	// ForgetRuns has the marks of ended runs removed, because their files are gone for good. It
	// does not wait.
	ForgetRuns(runIDs ...string)
	// Limits are the present limits of the store.
	Limits() kv.Limits
	// Now is the store's time.
	Now() time.Time
}

// commandHost carries out commands of the store.
type commandHost interface {
	// Do carries a command out, and returns when it is on disk.
	Do(command Command) (Outcome, error)
}

// workspaceConfig is the configuration of a store's workspaces.
type workspaceConfig struct {
	// directory is the folder of the workspaces that are opened. It is made when it is needed.
	// If it is empty, a temporary folder takes its place, and goes with the store.
	directory  string
	durability Durability
	logger     *slog.Logger
	// stopped is closed when the store begins to close.
	stopped <-chan struct{}
}

// closing reports whether the store has begun to close.
func (config *workspaceConfig) closing() bool {
	select {
	case <-config.stopped:
		return true
	default:
		return false
	}
}

// workspaces has the workspaces of a store.
//
// Goroutines take the locks in the order of this list, and may leave any of them out. Each
// goroutine holds one lock of a kind, of one workspace.
//
//  1. A place in work (callers that do not wait), or a place in queries. Only these two have a
//     bound for each namespace. Nobody waits for one with another lock in hand.
//  2. The id of a request, in requests, while the request is carried out.
//  3. The turn of a file (workspaceFile.takeTurn): for each use of the file, and from the
//     beginning to the end of a commit. Close takes no turn.
//  4. working, for reading: while a file is created or its run is ended. Close takes it for
//     writing, and so waits for them.
//  5. A place of the pool: for each use of a connection. A query keeps its place without the
//     turn.
//  6. The reading lock of a file, for reading: for a query, which takes it with the turn in hand
//     and keeps it without the turn. The end of a run takes it for writing, after the channel
//     ended has stopped the queries, and has no place of the pool then.
//  7. The registry: for each look at names or folders. The first look reads the files.
//  8. The connections of the pool.
//
// There is one exception: claim takes the turn of a new file with the registry in hand. It never
// waits for it, because nobody else knows the file.
//
// The host is called with any of 1 to 4 in hand, as by a commit, or with the registry in hand, as
// by the first look. The committer takes none of these locks, and callbacks of OnChange run with
// none in hand. The mutex inside a limiter is held for a few lines, and no other lock is taken
// meanwhile.
type workspaces struct {
	host     workspaceHost
	config   workspaceConfig
	registry guarded[workspaceRegistry]
	pool     *workspacePool
	// work is the work of callers that do not wait; requests has the part with an id.
	work     *limiter.Limiter[string]
	requests *limiter.Limiter[batch.RequestName]
	// queries run for so long at most, while the process grows by so many bytes at most.
	queries     *limiter.Limiter[string]
	queryTime   time.Duration
	queryMemory int
	// failpoint, if not nil, is called after each step of a commit.
	failpoint func(step string)
	// working is held by work that needs the folders, and by close.
	working sync.RWMutex
}

func newWorkspaces(host workspaceHost, config workspaceConfig) *workspaces {
	made := &workspaces{
		host:        host,
		config:      config,
		pool:        newWorkspacePool(config.durability),
		work:        newNamespaceLimiter(workAtOnce, 0, config.stopped),
		requests:    newRequestLimiter(),
		queries:     newNamespaceLimiter(queriesAtOnce, maxQueryWait, config.stopped),
		queryTime:   MaxQueryTime,
		queryMemory: maxQueryMemory,
	}
	made.registry.value = workspaceRegistry{
		host: host, config: config, files: map[workspaceName]*workspaceFile{}, counts: map[string]int64{}, room: MaxWorkspaces,
	}
	return made
}

// begin finishes the commits that a crash has left.
func (workspaces *workspaces) begin() error {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.begin()
}

// load reads the files of the store's own folder, if that was not done already.
func (workspaces *workspaces) load() error {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.load()
}

// open returns a workspace, and makes it if there is none of that name.
func (workspaces *workspaces) open(name workspaceName) (opened *workspace, created bool, err error) {
	turn, created, err := workspaces.openFile(name, nil, time.Time{})
	if err != nil {
		return nil, false, err
	}
	turn.giveBack()
	return workspaces.of(turn.file), created, nil
}

// of returns a workspace for a caller.
func (workspaces *workspaces) of(file *workspaceFile) *workspace {
	return &workspace{workspaces: workspaces, file: file}
}

// openFile returns the turn of the file of a name, and makes a file if there is none. A new file
// remembers the answers to the request that makes it.
func (workspaces *workspaces) openFile(name workspaceName, opening []*batch.Answer, at time.Time) (_ turn, created bool, err error) {
	if err := name.check(); err != nil {
		return turn{}, false, err
	}
	for {
		file, first, err := workspaces.claim(name)
		switch {
		case err != nil:
			return turn{}, false, err
		case first != nil:
			err := workspaces.create(*first, opening, at)
			return *first, err == nil, err
		}
		taken := file.takeTurn()
		gone := taken.state.gone
		if gone == nil {
			return taken, false, nil
		}
		taken.giveBack()
		if workspaces.has(file) {
			return turn{}, false, gone
		}
		// It has ended, or could not be made, meanwhile: its name is free.
	}
}

func (workspaces *workspaces) claim(name workspaceName) (file *workspaceFile, created *turn, err error) {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.claim(name)
}

// create makes a new file. If that fails, it gives the turn back.
func (workspaces *workspaces) create(turn turn, opening []*batch.Answer, at time.Time) error {
	var fill func(transaction *sql.Tx) error
	if len(opening) > 0 {
		fill = func(transaction *sql.Tx) error { return saveAnswers(transaction, opening, at) }
	}
	err := workspaces.reserved(func() error { return turn.file.create(workspaces.config.durability, fill) })
	if err == nil {
		return nil
	}
	err = workspaceFailure(err)
	turn.state.gone = err
	workspaces.forget(turn.file)
	turn.giveBack()
	return err
}

// find returns the workspace of a name, or ErrNotFound.
func (workspaces *workspaces) find(name workspaceName) (*workspace, error) {
	err := name.check()
	var file *workspaceFile
	if err == nil {
		registry, unlock := workspaces.registry.lock()
		defer unlock()
		file, err = registry.find(name)
	}
	if err != nil {
		return nil, name.failure("store.FindWorkspace", err)
	}
	return workspaces.of(file), nil
}

// reserved runs function while the store's folders are not given up.
func (workspaces *workspaces) reserved(function func() error) error {
	workspaces.working.RLock()
	defer workspaces.working.RUnlock()
	registry, unlock := workspaces.registry.lock()
	closed := registry.closed
	unlock()
	if closed {
		return failure.ErrClosed
	}
	return function()
}

func (workspaces *workspaces) has(file *workspaceFile) bool {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.has(file)
}

// forget gives the name of a file free.
func (workspaces *workspaces) forget(file *workspaceFile) {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	registry.forget(file)
}

// list returns the workspaces of a namespace, by name.
func (workspaces *workspaces) list(namespace string) (infos []WorkspaceInfo, err error) {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.list(namespace)
}

// recover returns the workspaces of a folder that nobody has opened, the oldest first.
func (workspaces *workspaces) recover(path string) (orphans []*workspace, err error) {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	files, err := registry.recover(path)
	for _, file := range files {
		orphans = append(orphans, workspaces.of(file))
	}
	return orphans, err
}

// remove removes the file of a run that has ended, and gives its name free.
func (workspaces *workspaces) remove(turn turn) error {
	file := turn.file
	turn.state.gone = errWorkspaceEnded
	close(file.ended)
	file.reading.Lock()
	defer file.reading.Unlock()
	err := errors.Join(workspaces.pool.drop(turn), file.folder.removeRun(file.runID), platform.SyncFolder(file.folder.path))
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
	registry, unlock := workspaces.registry.lock()
	registry.closed = true
	unlock()
	workspaces.working.Lock()
	defer workspaces.working.Unlock()
	err := workspaces.pool.close()
	registry, unlock = workspaces.registry.lock()
	defer unlock()
	if err = errors.Join(err, registry.giveUp()); err != nil {
		workspaces.config.logger.Error("closing the workspaces failed", slog.Any("error", err))
	}
	return err
}
