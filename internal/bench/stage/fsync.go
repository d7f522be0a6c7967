// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
)

const (
	fsyncCount = 21
	fsyncBytes = 4096
	// memoryFsync is less than any disk needs. If an fsync is faster, the files are in
	// memory.
	memoryFsync = 5 * time.Microsecond
)

// measureFsync returns the median time to append to a file and fsync it. That is the least
// cost of durability in this folder.
func measureFsync(directory string) (time.Duration, error) {
	path := filepath.Join(directory, "fsync")
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	taken := make([]time.Duration, fsyncCount)
	for index := range taken {
		began := time.Now()
		if err = appendDurably(file); err != nil {
			break
		}
		taken[index] = time.Since(began)
	}
	slices.Sort(taken)
	return taken[fsyncCount/2], errors.Join(err, file.Close(), os.Remove(path))
}

func appendDurably(file *os.File) error {
	if _, err := file.Write(make([]byte, fsyncBytes)); err != nil {
		return err
	}
	return file.Sync()
}

// NoteMemory warns the reader of the figures if the files are in memory.
func (stage *Stage) NoteMemory(progress *report.Progress) {
	if stage.fsync < memoryFsync {
		progress.Note("an fsync takes %s in %s: nothing is on disk there; name another folder with --directory", stage.fsync, stage.directory)
	}
}
