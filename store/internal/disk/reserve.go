// SPDX-License-Identifier: EUPL-1.2

package disk

import (
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// mostReserve is the size of a reserve, unless a hundredth of the disk is less.
	mostReserve = 16 << 20
	// plentyOfRoom is so much that it is looked at once a second, and not for each write.
	plentyOfRoom = 64 << 20
	// slackBytes is room for the pages that a commit writes beside its data.
	slackBytes = 32 << 10
	// reliefInterval is the time between two checkpoints that are to make room.
	reliefInterval = 100 * time.Millisecond
)

// reserve is a file beside the database that keeps room on the disk. If the disk is full, the room
// is given up for writes that make room: deletions, expiry, trimming, and the checkpoint that they
// need. Everything else is refused until the reserve is taken back.
type reserve struct {
	// path is empty for a database in memory, and on a disk that does not tell its size.
	path string
	// target is how large the file should be, and held how large it is.
	target, held int64
	// room is the room that is left for data, as far as is known, and looked is when a checkpoint
	// last was to make some.
	room   int64
	looked time.Time
}

// Scarcity tells any goroutine that the reserve is given up. The zero value tells that it is not.
type Scarcity struct{ given atomic.Bool }

// Refusal returns why nothing is taken that needs room, nil if it is.
func (scarcity *Scarcity) Refusal() error {
	if !scarcity.given.Load() {
		return nil
	}
	return sqlite.Refusal(sqlite.ErrNoRoom)
}

// newReserve finds the reserve of a database. It makes none: a store that lives for a moment needs
// none.
func newReserve(database string) (found reserve) {
	if database == "" {
		return found
	}
	size, err := platform.DiskSize(filepath.Dir(database))
	if err != nil || size == 0 {
		return found
	}
	found.path, found.target = database+sqlite.ReserveSuffix, int64(min(mostReserve, size/100))
	found.look()
	return found
}

// free is the free room of the disk.
func (reserve *reserve) free() int64 {
	free, err := platform.DiskFree(filepath.Dir(reserve.path))
	if err != nil {
		return math.MaxInt64
	}
	return int64(min(free, math.MaxInt64))
}

// look finds out how large the file is: somebody may have removed it.
func (reserve *reserve) look() {
	reserve.held = 0
	if information, err := os.Stat(reserve.path); err == nil {
		reserve.held = information.Size()
	}
}

// take makes the reserve as large as the disk permits, and reports whether it did. A quarter of it
// stays free for the write-ahead log.
func (reserve *reserve) take() (taken bool) {
	if reserve.held >= reserve.target {
		return false
	}
	size := min(reserve.target, reserve.free()+reserve.held-reserve.target/4)
	if size < reserve.target/4 || size < reserve.held+reserve.target/8 {
		return false
	}
	if allocate(reserve.path, size) != nil {
		reserve.release()
		return false
	}
	reserve.held = size
	return true
}

func allocate(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(platform.Allocate(file, size), file.Close())
}

// release removes the file, and reports whether that has made room.
func (reserve *reserve) release() bool {
	err := errors.Join(os.Truncate(reserve.path, 0), os.Remove(reserve.path))
	held := reserve.held
	reserve.held = 0
	return held > 0 && (err == nil || errors.Is(err, fs.ErrNotExist))
}

// KeepReserve takes the reserve, or takes it back.
func (disk *Disk) KeepReserve() {
	reserve := &disk.reserve
	if reserve.path == "" || !disk.Writes() {
		return
	}
	reserve.room = 0 // others may have taken some
	reserve.look()
	if disk.Scarce() || sqlite.IsFull(disk.refusal) {
		disk.Relieve()
	}
	if reserve.take() && disk.config.Scarcity.given.CompareAndSwap(true, false) {
		disk.refused = 0 // the rest of the room is for small writes, and one is to be tried
		disk.config.Logger.Debug("the reserve of the disk is taken back", slog.Int64("bytes", reserve.held))
	}
}

// Scarce reports whether the reserve is given up, so that only writes that make room are taken.
func (disk *Disk) Scarce() bool { return disk.config.Scarcity.given.Load() }

// HasRoom reports whether the disk has room for a commit with so many bytes, and for the checkpoint
// that follows. Data is in a record and in a table.
func (disk *Disk) HasRoom(bytes int) bool {
	reserve := &disk.reserve
	if reserve.path == "" {
		return true
	}
	inLog, inDatabase := 2*int64(bytes)+slackBytes, 2*int64(bytes)+int64(disk.written)
	if reserve.room -= inLog + inDatabase; reserve.room >= plentyOfRoom {
		return true
	}
	unused, _, err := disk.unused.Integer()
	reserve.room = reserve.free() - inLog - max(0, inDatabase-unused*sqlite.PageBytes)
	return err != nil || reserve.room >= 0
}

// GiveUpReserve gives up the reserve, and reports whether there was one.
func (disk *Disk) GiveUpReserve() bool {
	given := disk.giveUpReserve()
	if given {
		disk.reserve.looked = time.Time{}
		disk.Relieve()
	}
	return given
}

func (disk *Disk) giveUpReserve() bool {
	if disk.reserve.held == 0 || !disk.reserve.release() {
		return false
	}
	disk.config.Scarcity.given.Store(true)
	disk.config.Logger.Debug("the reserve of the disk is given up")
	return true
}

// Relieve gives back the room of the write-ahead log, and reports whether it has. It is tried only
// now and then, because it may be in vain.
func (disk *Disk) Relieve() bool {
	reserve := &disk.reserve
	if reserve.path == "" || time.Since(reserve.looked) < reliefInterval || !disk.hasWriteAheadLog() {
		return false
	}
	reserve.looked = time.Now()
	disk.checkpoint(disk.truncate)
	return !disk.hasWriteAheadLog()
}

// hasWriteAheadLog reports whether the write-ahead log takes room on the disk. It may have no page
// that is not in the database.
func (disk *Disk) hasWriteAheadLog() bool {
	information, err := os.Stat(disk.config.Path + "-wal")
	return err == nil && information.Size() > 0
}

// fits reports whether the database file can grow by what a checkpoint adds to it. The reserve is
// given up for that. A checkpoint that fails half-way would take the room, and leave the write-ahead
// log as it is.
func (disk *Disk) fits() bool {
	return disk.fitsNow() || disk.giveUpReserve() && disk.fitsNow()
}

func (disk *Disk) fitsNow() bool {
	if disk.reserve.path == "" || !sqlite.IsFull(disk.refusal) {
		return true
	}
	pages, _, err := disk.pages.Integer()
	if err != nil {
		return true
	}
	information, err := os.Stat(disk.config.Path)
	if err != nil {
		return true
	}
	return pages*sqlite.PageBytes-information.Size() <= disk.reserve.free()
}
