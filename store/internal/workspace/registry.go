// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// Info describes a workspace.
type Info struct {
	Name     string
	Entries  int64
	OpenedAt time.Time
	// Orphaned is true if nobody has opened the workspace since the store was opened.
	Orphaned bool
}

// registry has the workspaces of a store by name, and the folders that they are in.
type registry struct {
	config   *Config
	fileless *fileless
	usage    *usage
	closed   bool
	// own is the folder of the workspaces that are opened, nil until it is needed; others are
	// the folders of RecoverOrphans.
	own    *workspacefile.Folder
	others []*workspacefile.Folder
	// indexed tells that the files of the own folder are known. unread has those that nobody has
	// opened, by the keys of their namespaces. reading has a channel for each key whose files are
	// being read, which is closed afterwards.
	indexed bool
	unread  map[workspacefile.Key][]*workspacefile.File
	reading map[workspacefile.Key]chan struct{}
	runs    map[workspacefile.Name]*run
	// room is the largest number of workspaces of a namespace.
	room int64
	// counts is the number of runs of each namespace.
	counts map[string]int64
}

// begin finishes the commits that a crash has left, if there is a folder.
func (registry *registry) begin() error {
	if registry.config.Directory == "" {
		return nil
	}
	if _, err := os.Stat(registry.config.Directory); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return registry.takeOwn()
}

// takeOwn takes the store's own folder, if that was not done already.
func (registry *registry) takeOwn() (err error) {
	if registry.own != nil {
		return nil
	}
	path := registry.config.Directory
	if path == "" {
		path, err = os.MkdirTemp("", "storebus-workspaces-")
	} else {
		err = platform.CreateFolder(path)
	}
	if err == nil {
		registry.own, err = registry.take(path)
	}
	if err == nil {
		err = registry.measure()
	}
	return err
}

// measure finds out how much room the files of the own folder take. It opens none.
func (registry *registry) measure() error {
	sizes, err := registry.own.Sizes()
	registry.usage.set(sizes)
	return err
}

// bytesOf is how much room the files of runs take.
func bytesOf(runs []*run) (bytes int64) {
	for _, run := range runs {
		bytes += run.bytes.Load()
	}
	return bytes
}

// take locks a folder and finishes the ended runs there.
func (registry *registry) take(path string) (*workspacefile.Folder, error) {
	config := registry.config
	folder, err := workspacefile.TakeFolder(path, workspacefile.Settings{Logger: config.Logger, Synchronous: config.Synchronous, CheckKind: config.Host.CheckKind})
	if err != nil {
		return nil, err
	}
	ended, err := config.Host.EndedRuns()
	var finished []string
	if err == nil {
		finished, err = folder.Finish(ended)
	}
	if err != nil {
		return nil, errors.Join(err, folder.Release())
	}
	registry.fileless.add(finished...)
	return folder, nil
}

// index finds the files of the store's own folder, if that was not done already. It opens none.
func (registry *registry) index() error {
	if registry.closed || registry.config.closing() {
		return failure.ErrClosed
	}
	if registry.indexed {
		return nil
	}
	if err := registry.takeOwn(); err != nil {
		return err
	}
	files, err := registry.own.Index()
	if err != nil {
		return err
	}
	registry.unread, registry.indexed = files, true
	return registry.measure() // some files have got a name meanwhile
}

// takeUnread returns the files of a key that are still to be read. The caller reads them, and calls
// read. While another caller does, it returns a channel that is closed afterwards.
func (registry *registry) takeUnread(key workspacefile.Key) (files []*workspacefile.File, busy <-chan struct{}, err error) {
	if err := registry.index(); err != nil {
		return nil, nil, err
	}
	if busy := registry.reading[key]; busy != nil {
		return nil, busy, nil
	}
	if files = registry.unread[key]; len(files) > 0 {
		registry.reading[key] = make(chan struct{})
	}
	return files, nil, nil
}

// read makes the files of a key known, unless reading them has failed.
func (registry *registry) read(key workspacefile.Key, found []*run, err error) {
	if err == nil {
		registry.add(found)
		delete(registry.unread, key)
	}
	close(registry.reading[key])
	delete(registry.reading, key)
}

// runsOf are the runs of files that were read. The store remembers their answers from before a
// crash.
func (config *Config) runsOf(files []*workspacefile.File) ([]*run, error) {
	read, err := workspacefile.Read(files, config.Host.Now().Add(-batch.RetryWindow))
	if err != nil {
		return nil, err
	}
	runs := make([]*run, len(read))
	for index, found := range read {
		config.keepAnswers(found.Answers)
		runs[index] = newRun(found.File)
		runs[index].orphaned = true
		runs[index].entries.Store(found.Entries)
		runs[index].bytes.Store(found.Size())
	}
	return runs, nil
}

// add makes workspaces known by their names. Of two with one name the older goes on: the other
// is reached through RecoverOrphans alone.
func (registry *registry) add(runs []*run) {
	slices.SortFunc(runs, byOpening)
	for _, run := range runs {
		if _, taken := registry.runs[run.Name]; !taken {
			registry.runs[run.Name] = run
			registry.counts[run.Name.Namespace]++
		}
	}
}

func byOpening(one, other *run) int { return one.OpenedAt.Compare(other.OpenedAt) }

// claim returns the run of a name. If there is none, it returns the turn of a new run, whose file
// is still to be created: others wait for it.
func (registry *registry) claim(name workspacefile.Name) (known *run, created *turn, err error) {
	if err := registry.index(); err != nil {
		return nil, nil, err
	}
	if known = registry.runs[name]; known != nil {
		known.orphaned = false
		return known, nil, nil
	}
	if err := registry.checkRoom(name.Namespace); err != nil {
		return nil, nil, err
	}
	made := newRun(registry.own.NewFile(name, registry.config.Host.Now()))
	turn := made.takeTurn() // It never waits: nobody else knows the run.
	registry.runs[name] = made
	registry.counts[name.Namespace]++
	return made, &turn, nil
}

// checkRoom returns QuotaExceededError if a namespace has all the workspaces that it may have.
// Outside every namespace there is no limit.
func (registry *registry) checkRoom(namespace string) error {
	if count := registry.counts[namespace]; namespace != "" && count >= registry.room {
		return &failure.QuotaExceededError{Quota: "workspaces", Limit: registry.room, Usage: count}
	}
	return nil
}

// find returns the run of a name, or ErrNotFound.
func (registry *registry) find(name workspacefile.Name) (*run, error) {
	if err := registry.index(); err != nil {
		return nil, err
	}
	run := registry.runs[name]
	if run == nil {
		return nil, fmt.Errorf("%w: no workspace has that name", failure.ErrNotFound)
	}
	return run, nil
}

// has reports whether the name of a run is still its own.
func (registry *registry) has(run *run) bool { return registry.runs[run.Name] == run }

// forget gives a name free.
func (registry *registry) forget(run *run) {
	if !registry.has(run) {
		return
	}
	namespace := run.Name.Namespace
	delete(registry.runs, run.Name)
	if registry.counts[namespace]--; registry.counts[namespace] == 0 {
		delete(registry.counts, namespace)
	}
}

// list returns the workspaces of a namespace, by name.
func (registry *registry) list(namespace string) (infos []Info, err error) {
	if err := registry.index(); err != nil {
		return nil, err
	}
	for name, run := range registry.runs {
		if name.Namespace == namespace {
			infos = append(infos, Info{
				Name: name.Workspace, Entries: run.entries.Load(), OpenedAt: run.OpenedAt, Orphaned: run.orphaned,
			})
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// recover returns the workspaces of a folder that nobody has opened.
func (registry *registry) recover(path string) (orphans []*run, err error) {
	if err := registry.index(); err != nil {
		return nil, err
	}
	if path != "" && !registry.hasFolder(path) {
		orphans, err = registry.takeOther(path)
	} else {
		orphans = registry.orphansIn(path)
	}
	slices.SortFunc(orphans, byOpening)
	for _, run := range orphans {
		run.orphaned = false
	}
	return orphans, err
}

func (registry *registry) orphansIn(path string) (orphans []*run) {
	for _, run := range registry.runs {
		if run.orphaned && (path == "" || samePath(path, filepath.Dir(run.Path()))) {
			orphans = append(orphans, run)
		}
	}
	return orphans
}

// hasFolder reports whether a folder is the store's already.
func (registry *registry) hasFolder(path string) bool {
	return slices.ContainsFunc(registry.folders(), func(folder *workspacefile.Folder) bool { return samePath(path, folder.Path()) })
}

func (registry *registry) folders() []*workspacefile.Folder {
	if registry.own == nil {
		return registry.others
	}
	return append(slices.Clone(registry.others), registry.own)
}

// takeOther takes a folder beside the store's own, nothing if it is missing.
func (registry *registry) takeOther(path string) ([]*run, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	folder, err := registry.take(path)
	if err != nil {
		return nil, err
	}
	files, err := folder.Index()
	var runs []*run
	if err == nil {
		runs, err = registry.config.runsOf(slices.Concat(slices.Collect(maps.Values(files))...))
	}
	if err != nil {
		return nil, errors.Join(err, folder.Release())
	}
	for _, run := range runs {
		run.bytes.Store(0)
		registry.usage.measure(run)
	}
	registry.others = append(registry.others, folder)
	registry.add(runs)
	return runs, nil
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

// giveUp releases the folders, and removes a temporary one.
func (registry *registry) giveUp() (err error) {
	for _, folder := range registry.folders() {
		err = errors.Join(err, folder.Release())
	}
	if registry.config.Directory == "" && registry.own != nil {
		err = errors.Join(err, os.RemoveAll(registry.own.Path()))
	}
	return err
}
