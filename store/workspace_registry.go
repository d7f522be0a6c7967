// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
)

// WorkspaceInfo describes a workspace.
type WorkspaceInfo struct {
	Name     string
	Entries  int64
	OpenedAt time.Time
	// Orphaned is true if nobody has opened the workspace since the store was opened.
	Orphaned bool
}

// workspaceRegistry has the workspaces of a store by name, and the folders that they are in.
type workspaceRegistry struct {
	host   workspaceHost
	config workspaceConfig
	closed bool
	// own is the folder of the workspaces that are opened, nil until it is needed; others are
	// the folders of RecoverOrphans.
	own    *workspaceFolder
	others []*workspaceFolder
	loaded bool
	files  map[workspaceName]*workspaceFile
	// room is the largest number of workspaces of a namespace.
	room int64
	// counts is the number of files of each namespace.
	counts map[string]int64
}

// begin finishes the commits that a crash has left, if there is a folder.
func (registry *workspaceRegistry) begin() error {
	if registry.config.directory == "" {
		return nil
	}
	if _, err := os.Stat(registry.config.directory); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return registry.takeOwn()
}

// takeOwn takes the store's own folder, if that was not done already.
func (registry *workspaceRegistry) takeOwn() (err error) {
	if registry.own != nil {
		return nil
	}
	path := registry.config.directory
	if path == "" {
		path, err = os.MkdirTemp("", "storebus-workspaces-")
	} else {
		err = os.MkdirAll(path, 0o700)
	}
	if err == nil {
		registry.own, err = registry.take(path)
	}
	return err
}

// take locks a folder and finishes the ended runs there.
func (registry *workspaceRegistry) take(path string) (*workspaceFolder, error) {
	folder, err := takeFolder(path, registry.config.logger)
	if err != nil {
		return nil, err
	}
	ended, err := registry.host.EndedRuns()
	var finished []string
	if err == nil {
		finished, err = folder.finish(ended)
	}
	if err != nil {
		return nil, errors.Join(err, folder.lock.Release())
	}
	registry.host.ForgetRuns(finished...)
	return folder, nil
}

// load reads the store's own folder, if that was not done already.
func (registry *workspaceRegistry) load() error {
	if registry.closed || registry.config.closing() {
		return failure.ErrClosed
	}
	if registry.loaded {
		return nil
	}
	if err := registry.takeOwn(); err != nil {
		return err
	}
	files, err := registry.loadFiles(registry.own)
	if err != nil {
		return err
	}
	registry.add(files)
	registry.loaded = true
	return nil
}

// loadFiles reads the files of a folder, and has the store remember their answers from before a
// crash.
func (registry *workspaceRegistry) loadFiles(folder *workspaceFolder) ([]*workspaceFile, error) {
	files, err := folder.load(registry.config.durability, registry.host.Now().Add(-RetryWindow))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		keepAnswers(registry.host, registry.config.logger, file.answers)
		file.answers = nil
	}
	return files, nil
}

// add makes workspaces known by their names. Of two with one name the older goes on: the other
// is reached through RecoverOrphans alone.
func (registry *workspaceRegistry) add(files []*workspaceFile) {
	slices.SortFunc(files, byOpening)
	for _, file := range files {
		if _, taken := registry.files[file.workspaceName]; !taken {
			registry.files[file.workspaceName] = file
			registry.counts[file.namespace]++
		}
	}
}

func byOpening(one, other *workspaceFile) int { return one.openedAt.Compare(other.openedAt) }

// claim returns the file of a name. If there is none, it returns the turn of a new file, which
// is still to be created: others wait for it.
func (registry *workspaceRegistry) claim(name workspaceName) (file *workspaceFile, created *turn, err error) {
	if err := registry.load(); err != nil {
		return nil, nil, err
	}
	if file = registry.files[name]; file != nil {
		file.orphaned = false
		return file, nil, nil
	}
	if err := registry.checkRoom(name.namespace); err != nil {
		return nil, nil, err
	}
	file = newWorkspaceFile(registry.own, newRunID())
	file.workspaceName, file.openedAt = name, registry.host.Now()
	turn := file.takeTurn() // It never waits: nobody else knows the file.
	registry.files[name] = file
	registry.counts[name.namespace]++
	return file, &turn, nil
}

// checkRoom returns QuotaExceededError if a namespace has all the workspaces that it may have.
// Outside every namespace there is no limit.
func (registry *workspaceRegistry) checkRoom(namespace string) error {
	if count := registry.counts[namespace]; namespace != "" && count >= registry.room {
		return &failure.QuotaExceededError{Quota: "workspaces", Limit: registry.room, Usage: count}
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

// find returns the file of a name, or ErrNotFound.
func (registry *workspaceRegistry) find(name workspaceName) (*workspaceFile, error) {
	if err := registry.load(); err != nil {
		return nil, err
	}
	file := registry.files[name]
	if file == nil {
		return nil, fmt.Errorf("%w: no workspace has that name", failure.ErrNotFound)
	}
	return file, nil
}

// has reports whether the name of a file is still its own.
func (registry *workspaceRegistry) has(file *workspaceFile) bool {
	return registry.files[file.workspaceName] == file
}

// forget gives a name free.
func (registry *workspaceRegistry) forget(file *workspaceFile) {
	if !registry.has(file) {
		return
	}
	delete(registry.files, file.workspaceName)
	if registry.counts[file.namespace]--; registry.counts[file.namespace] == 0 {
		delete(registry.counts, file.namespace)
	}
}

// list returns the workspaces of a namespace, by name.
func (registry *workspaceRegistry) list(namespace string) (infos []WorkspaceInfo, err error) {
	if err := registry.load(); err != nil {
		return nil, err
	}
	for name, file := range registry.files {
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
func (registry *workspaceRegistry) recover(path string) (orphans []*workspaceFile, err error) {
	if err := registry.load(); err != nil {
		return nil, err
	}
	if path != "" && !registry.hasFolder(path) {
		orphans, err = registry.takeOther(path)
	} else {
		orphans = registry.orphansIn(path)
	}
	slices.SortFunc(orphans, byOpening)
	for _, file := range orphans {
		file.orphaned = false
	}
	return orphans, err
}

func (registry *workspaceRegistry) orphansIn(path string) (orphans []*workspaceFile) {
	for _, file := range registry.files {
		if file.orphaned && (path == "" || samePath(path, file.folder.path)) {
			orphans = append(orphans, file)
		}
	}
	return orphans
}

// hasFolder reports whether a folder is the store's already.
func (registry *workspaceRegistry) hasFolder(path string) bool {
	return slices.ContainsFunc(registry.folders(), func(folder *workspaceFolder) bool { return samePath(path, folder.path) })
}

func (registry *workspaceRegistry) folders() []*workspaceFolder {
	if registry.own == nil {
		return registry.others
	}
	return append(slices.Clone(registry.others), registry.own)
}

func (registry *workspaceRegistry) takeOther(path string) ([]*workspaceFile, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	folder, err := registry.take(path)
	if err != nil {
		return nil, err
	}
	files, err := registry.loadFiles(folder)
	if err != nil {
		return nil, errors.Join(err, folder.lock.Release())
	}
	registry.others = append(registry.others, folder)
	registry.add(files)
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

// giveUp releases the folders, and removes a temporary one.
func (registry *workspaceRegistry) giveUp() (err error) {
	for _, folder := range registry.folders() {
		err = errors.Join(err, folder.lock.Release())
	}
	if registry.config.directory == "" && registry.own != nil {
		err = errors.Join(err, os.RemoveAll(registry.own.path))
	}
	return err
}
