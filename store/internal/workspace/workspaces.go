// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/limiter"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// errEnded says that a workspace was committed or discarded.
var errEnded = fmt.Errorf("%w: the workspace has ended", failure.ErrNotFound)

// workAtOnce is the number of pieces of work that run at once for callers that do not wait. At most
// half of them are for one namespace. Others wait.
const workAtOnce = 16

// Workspaces has the workspaces of a store.
//
// Goroutines take the locks in the order of this list, and may leave any of them out. Each
// goroutine holds one lock of a kind, of one workspace.
//
//  1. A place in work (callers that do not wait), or a place in queries. Only these two have a
//     bound for each namespace. Nobody waits for one with another lock in hand.
//  2. The id of a request, in requests, while the request is carried out.
//  3. The turn of a run (run.takeTurn): for each use of its file, and from the beginning to the
//     end of a commit. Close takes no turn.
//  4. working, for reading: while a file is created or its run is ended, and while the files of a
//     namespace are read. Close takes it for writing, and so waits for them.
//  5. A place of the pool: for each use of a connection. A query keeps its place without the
//     turn.
//  6. The reading lock of a run, for reading: for a query, which takes it with the turn in hand
//     and keeps it without the turn. The end of a run takes it for writing, after the channel
//     ended has stopped the queries, and has no place of the pool then.
//  7. The registry: for each look at names or folders. The first look reads the names of the files.
//  8. The connections of the pool.
//
// There is one exception: claim takes the turn of a new run with the registry in hand. It never
// waits for it, because nobody else knows the run.
//
// The host is called with any of 1 to 4 in hand, as by a commit. The first look calls it with the
// registry in hand. The committer takes none of these locks, and callbacks of OnChange run with
// none in hand. The mutexes inside a limiter and inside fileless and usage are held for a few lines, and no
// other lock is taken meanwhile.
type Workspaces struct {
	config *Config
	// fileless is shared with the table of ended runs.
	fileless *fileless
	registry guarded[registry]
	// usage and quotas are how much room the files take, and how much they may take.
	usage  *usage
	quotas batch.SharedQuotas
	pool   *pool
	// work is the work of callers that do not wait; requests has the part with an id.
	work     *limiter.Limiter[string]
	requests *limiter.Limiter[batch.RequestName]
	// queries are bounded by bounds.
	queries *limiter.Limiter[string]
	bounds  Bounds
	// failpoint, if not nil, is called after each step of a commit.
	failpoint func(step string)
	// working is held by work that needs the folders, and by Close.
	working sync.RWMutex
}

// New returns the workspaces of a store. It looks at no file.
func New(config Config) *Workspaces {
	made := &Workspaces{
		config:   &config,
		fileless: &fileless{},
		usage:    &usage{},
		pool:     newPool(),
		work:     limiter.New[string](limiter.Limits{Total: workAtOnce, Each: workAtOnce / 2, Closed: config.Stopped}),
		requests: limiter.New[batch.RequestName](limiter.Limits{Each: 1}),
	}
	made.registry.value = registry{
		config: made.config, fileless: made.fileless, usage: made.usage, reading: map[workspacefile.Key]chan struct{}{}, runs: map[workspacefile.Name]*run{}, counts: map[string]int64{},
	}
	made.SetBounds(DefaultBounds)
	return made
}

// Begin finishes the commits that a crash has left.
func (workspaces *Workspaces) Begin() error {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.begin()
}

// load reads the files of a namespace in the store's own folder, if that was not done already. Nobody
// waits for it but callers of the same namespace.
func (workspaces *Workspaces) load(namespace string) error {
	return workspaces.loadKey(workspacefile.KeyOf(namespace))
}

func (workspaces *Workspaces) loadKey(key workspacefile.Key) error {
	for {
		files, busy, err := workspaces.takeUnread(key)
		switch {
		case err != nil:
			return err
		case busy != nil:
			<-busy
		case len(files) == 0:
			return nil
		default:
			return workspaces.read(key, files)
		}
	}
}

func (workspaces *Workspaces) takeUnread(key workspacefile.Key) (files []*workspacefile.File, busy <-chan struct{}, err error) {
	err = workspaces.opening(func() (err error) {
		registry, unlock := workspaces.registry.lock()
		defer unlock()
		files, busy, err = registry.takeUnread(key)
		return err
	})
	return files, busy, err
}

func (workspaces *Workspaces) read(key workspacefile.Key, files []*workspacefile.File) error {
	var runs []*run
	err := workspaces.opening(func() error {
		return workspaces.reserved(func() (err error) {
			runs, err = workspaces.config.runsOf(files)
			return err
		})
	})
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	if err == nil {
		workspaces.usage.set(map[workspacefile.Key]int64{key: bytesOf(runs)})
	}
	registry.read(key, runs, err)
	return err
}

// loadAll reads the files of all namespaces in the store's own folder.
func (workspaces *Workspaces) loadAll() error {
	keys, err := workspaces.unreadKeys()
	for index := 0; index < len(keys) && err == nil; index++ {
		err = workspaces.loadKey(keys[index])
	}
	return err
}

func (workspaces *Workspaces) unreadKeys() ([]workspacefile.Key, error) {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	err := registry.index()
	return slices.Collect(maps.Keys(registry.unread)), err
}

// TakePlace waits for the turn of a namespace to do work of a caller that does not wait. The caller
// calls leave once, after the work.
func (workspaces *Workspaces) TakePlace(namespace string) (leave func(), err error) {
	return workspaces.work.Enter(namespace)
}

// Open returns a workspace, and makes it if there is none of that name.
func (workspaces *Workspaces) Open(name workspacefile.Name) (opened *Workspace, created bool, err error) {
	turn, created, err := workspaces.openRun(name, nil, time.Time{})
	if err != nil {
		return nil, false, err
	}
	turn.giveBack()
	return workspaces.of(turn.run), created, nil
}

// of returns a workspace for a caller.
func (workspaces *Workspaces) of(run *run) *Workspace {
	return &Workspace{workspaces: workspaces, run: run}
}

// openRun returns the turn of the run of a name, and makes a run if there is none. A new file
// remembers the answers to the request that makes it.
func (workspaces *Workspaces) openRun(name workspacefile.Name, opening []*batch.Answer, at time.Time) (_ turn, created bool, err error) {
	if err := name.Check(); err != nil {
		return turn{}, false, err
	}
	if err := workspaces.load(name.Namespace); err != nil {
		return turn{}, false, err
	}
	for {
		run, first, err := workspaces.claim(name)
		switch {
		case err != nil:
			return turn{}, false, err
		case first != nil:
			err := workspaces.create(*first, opening, at)
			return *first, err == nil, err
		}
		taken := run.takeTurn()
		gone := taken.state.gone
		if gone == nil {
			return taken, false, nil
		}
		taken.giveBack()
		if workspaces.has(run) {
			return turn{}, false, gone
		}
		// It has ended, or could not be made, meanwhile: its name is free.
	}
}

func (workspaces *Workspaces) claim(name workspacefile.Name) (known *run, created *turn, err error) {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.claim(name)
}

// create makes the file of a new run. If that fails, it gives the turn back.
func (workspaces *Workspaces) create(turn turn, opening []*batch.Answer, at time.Time) error {
	var fill func(transaction *workspacefile.Transaction) error
	if len(opening) > 0 {
		fill = func(transaction *workspacefile.Transaction) error { return transaction.Remember(opening, at) }
	}
	err := workspaces.config.Host.Forbids()
	if err == nil {
		err = workspaces.admitBytes(turn.run.Name.Namespace, newFileBytes)
	}
	if err == nil {
		err = workspaces.opening(func() error {
			return workspaces.reserved(func() error { return turn.run.Create(fill) })
		})
	}
	if err == nil {
		workspaces.usage.measure(turn.run)
		return nil
	}
	err = workspacefile.Failure(err)
	turn.state.gone = err
	workspaces.forget(turn.run)
	turn.giveBack()
	return err
}

// Find returns the workspace of a name, or ErrNotFound.
func (workspaces *Workspaces) Find(name workspacefile.Name) (*Workspace, error) {
	err := name.Check()
	if err == nil {
		err = workspaces.load(name.Namespace)
	}
	var found *run
	if err == nil {
		registry, unlock := workspaces.registry.lock()
		defer unlock()
		found, err = registry.find(name)
	}
	if err != nil {
		return nil, name.Failure("store.FindWorkspace", err)
	}
	return workspaces.of(found), nil
}

// Summary returns the number of entries of each kind in a workspace.
func (workspaces *Workspaces) Summary(name workspacefile.Name) (map[string]int64, error) {
	workspace, err := workspaces.Find(name)
	if err != nil {
		return nil, err
	}
	summary, err := workspace.Summary()
	return summary, workspace.Failure(err)
}

// Query answers a query of a workspace.
func (workspaces *Workspaces) Query(name workspacefile.Name, query string, limit int) (workspacefile.Rows, error) {
	workspace, err := workspaces.Find(name)
	if err != nil {
		return workspacefile.Rows{}, err
	}
	rows, err := workspace.Query(query, limit)
	return rows, workspace.Failure(err)
}

// opening carries out work that opens files. If the process has no descriptor left, the files that
// nobody uses are closed, and the work is done once more.
func (workspaces *Workspaces) opening(work func() error) error {
	err := work()
	if workspacefile.LacksFile(err) && workspaces.CloseIdle() {
		err = work()
	}
	if workspacefile.LacksFile(err) {
		return workspacefile.Failure(err)
	}
	return err
}

// CloseIdle closes the files that nobody uses now, and reports whether there were any.
func (workspaces *Workspaces) CloseIdle() bool { return workspaces.pool.closeIdle() }

// reserved runs function while the store's folders are not given up.
func (workspaces *Workspaces) reserved(function func() error) error {
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

func (workspaces *Workspaces) has(run *run) bool {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.has(run)
}

// forget gives the name of a run free.
func (workspaces *Workspaces) forget(run *run) {
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	registry.forget(run)
}

// List returns the workspaces of a namespace, by name.
func (workspaces *Workspaces) List(namespace string) (infos []Info, err error) {
	if err := workspaces.load(namespace); err != nil {
		return nil, err
	}
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	return registry.list(namespace)
}

// Recover returns the workspaces of a folder that nobody has opened, the oldest first.
func (workspaces *Workspaces) Recover(path string) (orphans []*Workspace, err error) {
	if err := workspaces.loadAll(); err != nil {
		return nil, err
	}
	registry, unlock := workspaces.registry.lock()
	defer unlock()
	runs, err := registry.recover(path)
	for _, run := range runs {
		orphans = append(orphans, workspaces.of(run))
	}
	return orphans, err
}

// removeEnded removes the file of a run that is marked, and then has the mark removed.
func (workspaces *Workspaces) removeEnded(turn turn) {
	workspaces.reach(stepCommitted)
	if err := workspaces.remove(turn); err != nil {
		workspaces.config.Logger.Error("removing a workspace that has ended failed; it is done when the store is opened again",
			slog.String("run", turn.run.RunID), slog.Any("error", err))
		return
	}
	workspaces.reach(stepRemoved)
	workspaces.fileless.add(turn.run.RunID)
}

// remove removes the file of a run that has ended, and gives its name free.
func (workspaces *Workspaces) remove(turn turn) error {
	run := turn.run
	turn.state.gone = errEnded
	close(run.ended)
	run.reading.Lock()
	defer run.reading.Unlock()
	err := errors.Join(workspaces.pool.drop(turn), run.Remove())
	workspaces.usage.measure(run)
	workspaces.forget(run)
	return err
}

// reach tells the failpoint that a commit has reached a step.
func (workspaces *Workspaces) reach(step string) {
	if workspaces.failpoint != nil {
		workspaces.failpoint(step)
	}
}

// Close waits for running work, and gives up the folders.
func (workspaces *Workspaces) Close() error {
	registry, unlock := workspaces.registry.lock()
	registry.closed = true
	unlock()
	workspaces.working.Lock()
	defer workspaces.working.Unlock()
	err := workspaces.pool.close()
	registry, unlock = workspaces.registry.lock()
	defer unlock()
	if err = errors.Join(err, registry.giveUp()); err != nil {
		workspaces.config.Logger.Error("closing the workspaces failed", slog.Any("error", err))
	}
	return err
}
