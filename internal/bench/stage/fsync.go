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
	// memoryFsync is less than any disk takes: what is faster keeps files in memory.
	memoryFsync = 5 * time.Microsecond
)

// measureFsync gives the median time that it takes to append to a file and have it on
// disk: what a promise of durability costs at least in this folder.
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

// NoteMemory tells whoever reads the figures that the folder of the files is in memory.
func (stage *Stage) NoteMemory(progress *report.Progress) {
	if stage.fsync < memoryFsync {
		progress.Note("an fsync takes %s in %s: nothing is on disk there; name another folder with --directory", stage.fsync, stage.directory)
	}
}
