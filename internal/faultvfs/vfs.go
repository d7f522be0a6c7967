// SPDX-License-Identifier: EUPL-1.2

package faultvfs

import (
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite/lib"
)

// The tables of functions are in memory of the C library, because SQLite keeps their addresses.
// https://www.sqlite.org/vfs.html describes them.

// The functions of a table.
type (
	openFunction     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	deleteFunction   = func(tls *libc.TLS, vfs, name uintptr, syncFolder int32) int32
	closeFunction    = func(tls *libc.TLS, file uintptr) int32
	writeFunction    = func(tls *libc.TLS, file, content uintptr, amount int32, offset int64) int32
	truncateFunction = func(tls *libc.TLS, file uintptr, size int64) int32
	syncFunction     = func(tls *libc.TLS, file uintptr, flags int32) int32
)

var (
	// base is the virtual file system behind this one.
	base uintptr
	// watched are the tables of this package, by the tables that they stand for, and originals the
	// other way round.
	watched, originals = map[uintptr]uintptr{}, map[uintptr]uintptr{}
	// paths are the names of the open files.
	paths = map[uintptr]string{}
)

// install makes this the default virtual file system.
var install = sync.OnceValue(func() error {
	tls := libc.NewTLS() // for good: the name and the table belong to it
	base = sqlite.Xsqlite3_vfs_find(tls, 0)
	name, err := libc.CString("faultvfs")
	if err != nil {
		return err
	}
	own, err := copied[sqlite.Tsqlite3_vfs](tls, base)
	if err != nil {
		return err
	}
	table := at[sqlite.Tsqlite3_vfs](own)
	table.FpNext, table.FzName = 0, name
	table.FxOpen, table.FxDelete = addressOf[openFunction](openFile), addressOf[deleteFunction](deleteFile)
	if code := sqlite.Xsqlite3_vfs_register(tls, own, 1); code != sqlite.SQLITE_OK {
		return fmt.Errorf("register a virtual file system: code %d", code)
	}
	return nil
})

// at is the value at an address outside the heap of Go.
func at[T any](address uintptr) *T { return (*T)(*(*unsafe.Pointer)(unsafe.Pointer(&address))) }

// addressOf is what SQLite keeps of a function at package level.
func addressOf[Function any](function Function) uintptr {
	return *(*uintptr)(unsafe.Pointer(&function))
}

// functionAt undoes addressOf.
func functionAt[Function any](address uintptr) Function {
	return *(*Function)(unsafe.Pointer(&address))
}

// copied is a copy of a value that stays for good.
func copied[T any](tls *libc.TLS, address uintptr) (uintptr, error) {
	made := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*new(T))))
	if made == 0 {
		return 0, fmt.Errorf("no memory for a %T", *new(T))
	}
	*at[T](made) = *at[T](address)
	return made, nil
}

func openFile(tls *libc.TLS, _, name, file uintptr, flags int32, outFlags uintptr) int32 {
	path := libc.GoString(name)
	fault := faultOf(Operation{Kind: Open, Path: path})
	if fault == Fails || fault == Full || fault == Torn {
		at[sqlite.Tsqlite3_file](file).FpMethods = 0 // nothing is to be closed
		return sqlite.SQLITE_CANTOPEN
	}
	code := functionAt[openFunction](at[sqlite.Tsqlite3_vfs](base).FxOpen)(tls, base, name, file, flags, outFlags)
	opened := at[sqlite.Tsqlite3_file](file)
	if opened.FpMethods == 0 {
		return code
	}
	methods, err := methodsFor(tls, opened.FpMethods)
	if err != nil {
		return sqlite.SQLITE_NOMEM
	}
	opened.FpMethods = methods
	mutex.Lock()
	paths[file] = path
	mutex.Unlock()
	if fault == Reported {
		return sqlite.SQLITE_CANTOPEN // SQLite closes the file
	}
	return code
}

// methodsFor is a table with the functions below in place of the original ones.
func methodsFor(tls *libc.TLS, original uintptr) (uintptr, error) {
	mutex.Lock()
	defer mutex.Unlock()
	if methods := watched[original]; methods != 0 {
		return methods, nil
	}
	methods, err := copied[sqlite.Tsqlite3_io_methods](tls, original)
	if err != nil {
		return 0, err
	}
	table := at[sqlite.Tsqlite3_io_methods](methods)
	table.FxClose, table.FxWrite = addressOf[closeFunction](closeFile), addressOf[writeFunction](writeFile)
	table.FxTruncate, table.FxSync = addressOf[truncateFunction](truncateFile), addressOf[syncFunction](syncFile)
	watched[original], originals[methods] = methods, original
	return methods, nil
}

// of returns the original functions of an open file, and its name.
func of(file uintptr) (*sqlite.Tsqlite3_io_methods, string) {
	mutex.RLock()
	defer mutex.RUnlock()
	return at[sqlite.Tsqlite3_io_methods](originals[at[sqlite.Tsqlite3_file](file).FpMethods]), paths[file]
}

func closeFile(tls *libc.TLS, file uintptr) int32 {
	original, _ := of(file)
	mutex.Lock()
	delete(paths, file)
	mutex.Unlock()
	return functionAt[closeFunction](original.FxClose)(tls, file)
}

func writeFile(tls *libc.TLS, file, content uintptr, amount int32, offset int64) int32 {
	original, path := of(file)
	write := functionAt[writeFunction](original.FxWrite)
	fault := faultOf(Operation{Kind: Write, Path: path, Offset: offset, Bytes: unsafe.Slice(at[byte](content), amount)})
	switch fault {
	case Full:
		return sqlite.SQLITE_FULL
	case Torn:
		if code := write(tls, file, content, amount/2, offset); code != sqlite.SQLITE_OK {
			return code
		}
	}
	return goes(fault, sqlite.SQLITE_IOERR_WRITE, func() int32 { return write(tls, file, content, amount, offset) })
}

func truncateFile(tls *libc.TLS, file uintptr, size int64) int32 {
	original, path := of(file)
	return goes(faultOf(Operation{Kind: Truncate, Path: path, Size: size}), sqlite.SQLITE_IOERR_TRUNCATE, func() int32 {
		return functionAt[truncateFunction](original.FxTruncate)(tls, file, size)
	})
}

func syncFile(tls *libc.TLS, file uintptr, flags int32) int32 {
	original, path := of(file)
	return goes(faultOf(Operation{Kind: Sync, Path: path}), sqlite.SQLITE_IOERR_FSYNC, func() int32 {
		return functionAt[syncFunction](original.FxSync)(tls, file, flags)
	})
}

func deleteFile(tls *libc.TLS, _, name uintptr, syncFolder int32) int32 {
	return goes(faultOf(Operation{Kind: Delete, Path: libc.GoString(name)}), sqlite.SQLITE_IOERR_DELETE, func() int32 {
		return functionAt[deleteFunction](at[sqlite.Tsqlite3_vfs](base).FxDelete)(tls, base, name, syncFolder)
	})
}

// goes carries an operation out as a fault says. code is the error of the disk.
func goes(fault Fault, code int32, operation func() int32) int32 {
	switch fault {
	case None:
		return operation()
	case Reported:
		if failed := operation(); failed != sqlite.SQLITE_OK {
			return failed
		}
	}
	return code
}
