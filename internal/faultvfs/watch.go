// SPDX-License-Identifier: EUPL-1.2

package faultvfs

import (
	"path/filepath"
	"strings"
	"sync"
)

// Kind is what SQLite does to a file.
type Kind string

// The kinds of operations.
const (
	Open     Kind = "open"
	Write    Kind = "write"
	Truncate Kind = "truncate"
	Sync     Kind = "sync"
	Delete   Kind = "delete"
)

// Operation is a change that SQLite is about to make to a file.
type Operation struct {
	Kind Kind
	// Path is the whole name of the file.
	Path string
	// Offset and Bytes are of a write. Bytes belongs to SQLite: copy it to keep it.
	Offset int64
	Bytes  []byte
	// Size is what a truncation leaves.
	Size int64
}

// Fault is how an operation goes.
type Fault int

const (
	// None carries the operation out.
	None Fault = iota
	// Fails does nothing, and reports an error of the disk.
	Fails
	// Full does nothing, and reports that the disk is full. A sync, a truncation and a deletion
	// report an error of the disk.
	Full
	// Torn carries out the first half of a write, and reports an error of the disk. It is Fails for
	// any other operation.
	Torn
	// Reported carries the operation out, and reports an error of the disk all the same.
	Reported
)

var (
	// watchers are the functions by their folders.
	watchers = map[string]func(Operation) Fault{}
	// mutex is for all variables of this package.
	mutex sync.RWMutex
)

// Watch calls watch before each operation on a file in a folder, or below it. The operation goes
// as watch returns. Several goroutines may call watch at once. stop ends it.
//
//	stop, err := faultvfs.Watch(t.TempDir(), func(operation faultvfs.Operation) faultvfs.Fault {
//		if operation.Kind == faultvfs.Sync {
//			return faultvfs.Fails
//		}
//		return faultvfs.None
//	})
func Watch(folder string, watch func(Operation) Fault) (stop func(), err error) {
	folder, err = filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, err
	}
	if err := install(); err != nil {
		return nil, err
	}
	folder += string(filepath.Separator)
	mutex.Lock()
	defer mutex.Unlock()
	watchers[folder] = watch
	return func() {
		mutex.Lock()
		defer mutex.Unlock()
		delete(watchers, folder)
	}, nil
}

// faultOf asks the watcher of a file.
func faultOf(operation Operation) Fault {
	mutex.RLock()
	var watch func(Operation) Fault
	for folder, function := range watchers {
		if strings.HasPrefix(operation.Path, folder) {
			watch = function
		}
	}
	mutex.RUnlock()
	if watch == nil {
		return None
	}
	return watch(operation)
}
