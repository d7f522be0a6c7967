// SPDX-License-Identifier: EUPL-1.2

package logfile

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dappco.re/go/storebus/internal/histogram"
	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
)

// Suffix is behind the path of a database in the name of its file of records.
const Suffix = ".commits"

// The sizes of a file. It has its size before a record is written, because a sync costs more if the
// size changes. A file that was full is twice as large when it begins again.
const (
	FirstBytes = 1 << 20
	mostBytes  = 16 << 20
	growBytes  = 1 << 20
	// besideBlobs is more than a frame has beside the blobs of a record.
	besideBlobs = 256
)

// File is an open file of records.
type File struct {
	path  string
	syncs *histogram.Histogram
	file  *os.File

	// number is the number of the file, and round that of the round. end is the place behind the last
	// record that was handed over, and size is the size of the file.
	number, round uint64
	end, size     int64
	// next is the id that a record must have to follow the last one.
	next uint64
	// wasFull tells that a record of this round had no room.
	wasFull bool

	writer writer
}

// Create makes the file of a database, and returns when its name is on disk. syncs gets the times that
// records waited for the disk.
func Create(databasePath string, syncs *histogram.Histogram) (*File, error) {
	path := databasePath + Suffix
	var secret [8]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, err
	}
	number := binary.LittleEndian.Uint64(secret[:])
	if err := prepare(path, number); err != nil {
		return nil, errors.Join(err, removeIfThere(path+partialSuffix))
	}
	opened, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	file := &File{path: path, syncs: syncs, file: opened, number: number, round: number, end: headBytes, size: FirstBytes}
	file.writer.run(file)
	return file, nil
}

// partialSuffix is behind the name of a file while it is made. So a file has its head.
const partialSuffix = ".partial"

// prepare puts a file of its first size and without records at a path.
func prepare(path string, number uint64) error {
	if err := removeIfThere(path + partialSuffix); err != nil {
		return err
	}
	opened, err := os.OpenFile(path+partialSuffix, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	file := &File{file: opened}
	_, err = opened.WriteAt(newHead(number), 0)
	if err == nil {
		err = file.extend(FirstBytes)
	}
	if err := errors.Join(err, opened.Sync(), opened.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(path+partialSuffix, path), platform.SyncFolder(filepath.Dir(path)))
}

// removeIfThere removes a file. One that is not there is fine.
func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Open goes on behind the content of a file.
func Open(databasePath string, content *Content, syncs *histogram.Histogram) (*File, error) {
	path := databasePath + Suffix
	opened, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	file := &File{path: path, syncs: syncs, file: opened, number: content.number, round: content.round, end: content.end, size: content.size}
	if last := len(content.Records) - 1; last >= 0 {
		file.next = content.Records[last].ID + 1
	}
	file.writer.run(file)
	return file, nil
}

// Sync has the records of a file on disk. They may be those of a process that was killed before.
func Sync(databasePath string) error {
	opened, err := os.OpenFile(databasePath+Suffix, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(platform.SyncData(opened), opened.Close())
}

// extend fills the file with zeros up to a size: room that is only allocated is not written to without
// a change of the file's own data.
func (file *File) extend(size int64) error {
	at := max(file.size, headBytes)
	zeros := make([]byte, min(size-at, growBytes))
	for ; at < size; at, file.size = at+int64(len(zeros)), at+int64(len(zeros)) {
		zeros = zeros[:min(size-at, growBytes)]
		if _, err := file.file.WriteAt(zeros, at); err != nil {
			return err
		}
	}
	return nil
}

// IsThere reports whether the file is at its place.
func (file *File) IsThere() bool {
	there, err := os.Stat(file.path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	own, err := file.file.Stat()
	return err != nil || os.SameFile(there, own)
}

// Takes reports whether the file has room for a record, and the record follows the last one. The first
// record follows any.
func (file *File) Takes(record *changelog.Record) bool {
	if !file.IsEmpty() && record.ID != file.next {
		return false
	}
	need := int64(besideBlobs + len(record.StoreID) + len(record.Changes) + len(record.Sections))
	fits := file.end+need <= file.size
	file.wasFull = file.wasFull || !fits
	return fits
}

// Append appends a record that Takes has room for. acknowledged is called when the record is written,
// and on disk if it is to be synced, or when that has failed. It is called before Append returns if
// here is set, and else by a goroutine of the file. Records are acknowledged in order.
func (file *File) Append(record *changelog.Record, synced, here bool, acknowledged func(error)) {
	length := file.writer.add(file, record, synced, here, acknowledged)
	file.end, file.next = file.end+int64(length), record.ID+1
}

// Restart begins the file again, when the database has all of its records on disk. No record may be on
// its way. If the file was full and hasRoom for twice its size, it is made larger.
func (file *File) Restart(hasRoom func(size int64) bool) {
	if file.IsEmpty() {
		return
	}
	file.round++
	file.end = headBytes
	if file.wasFull && file.size < mostBytes && hasRoom(2*file.size) {
		if err := file.extend(2 * file.size); err == nil { // without room it stays as large as it is
			file.writer.fail(file.unknown(file.file.Sync()))
		}
	}
	file.wasFull = false
}

// IsEmpty reports whether the file has no record that the database may need.
func (file *File) IsEmpty() bool { return file.end == headBytes }

// Close ends the goroutine of the file, when it has written everything, and closes the file. An empty
// one is removed.
func (file *File) Close() error {
	file.writer.close()
	removes := file.IsEmpty() && file.IsThere()
	err := file.file.Close()
	if removes {
		err = errors.Join(err, removeIfThere(file.path))
	}
	return err
}

// writer writes frames, as many at once as wait.
type writer struct {
	mutex sync.Mutex
	// waiting are the frames that wait, place is where the first of them goes, and then has who is told
	// of them. syncs tells that one of them is to be synced.
	waiting []byte
	place   int64
	// begins are the places of the frames in waiting, and first is the first record of them.
	begins []int
	first  uint64
	then   []func(error)
	syncs  bool
	// busy tells that frames are being written.
	busy bool
	// failed is why nothing is written any more.
	failed error

	ready   chan struct{}
	spare   []byte
	running sync.WaitGroup
}

func (writer *writer) run(file *File) {
	writer.ready = make(chan struct{}, 1)
	writer.running.Go(func() {
		for range writer.ready {
			for writer.writeWaiting(file) {
			}
		}
	})
}

// add adds a record to the frames that wait, and returns the length of its frame. If it is to be
// written here, nothing else may wait.
func (writer *writer) add(file *File, record *changelog.Record, syncs, here bool, acknowledged func(error)) int {
	writer.mutex.Lock()
	if len(writer.waiting) == 0 {
		writer.place, writer.first = file.end, record.ID
	}
	before := len(writer.waiting)
	writer.begins = append(writer.begins, before)
	writer.waiting = appendFrame(writer.waiting, file.round, record)
	length := len(writer.waiting) - before
	writer.then = append(writer.then, acknowledged)
	writer.syncs = writer.syncs || syncs
	writer.mutex.Unlock()
	if here {
		writer.writeWaiting(file)
		return length
	}
	select {
	case writer.ready <- struct{}{}:
	default:
	}
	return length
}

// writeWaiting writes the frames that wait, and reports whether there were some.
func (writer *writer) writeWaiting(file *File) bool {
	writer.mutex.Lock()
	if writer.busy || len(writer.then) == 0 {
		writer.mutex.Unlock()
		return false
	}
	frames, place, then, syncs, err := writer.waiting, writer.place, writer.then, writer.syncs, writer.failed
	for _, begin := range writer.begins {
		sealFrame(frames[begin:], file.number, writer.first-1) // one write ends before the next begins
	}
	writer.waiting, writer.then, writer.syncs, writer.busy, writer.begins = writer.spare[:0], nil, false, true, writer.begins[:0]
	writer.mutex.Unlock()

	if err == nil {
		err = file.write(frames, place, syncs)
	}
	writer.mutex.Lock()
	writer.busy, writer.failed, writer.spare = false, err, frames
	writer.mutex.Unlock()
	for _, acknowledged := range then {
		acknowledged(err)
	}
	return true
}

func (file *File) write(frames []byte, place int64, syncs bool) error {
	_, err := file.file.WriteAt(frames, place)
	if err == nil && syncs {
		began := time.Now()
		err = platform.SyncData(file.file)
		file.syncs.Record(int64(time.Since(began)))
	}
	return file.unknown(err)
}

// unknown returns a failure of the disk as ErrOutcomeUnknown: the content on the disk is unknown.
func (file *File) unknown(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %w", failure.ErrOutcomeUnknown, filepath.Base(file.path), err)
}

// fail has nothing written any more if err is not nil.
func (writer *writer) fail(err error) {
	writer.mutex.Lock()
	defer writer.mutex.Unlock()
	writer.failed = cmp.Or(writer.failed, err)
}

func (writer *writer) close() {
	close(writer.ready)
	writer.running.Wait()
}
