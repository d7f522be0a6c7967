// SPDX-License-Identifier: EUPL-1.2

package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Places are where the files of an open database were when it was opened. A process goes on writing
// to a file that has been renamed, removed or replaced, and nobody finds the data there afterwards.
type Places []place

type place struct {
	path string
	file os.FileInfo
}

// PlacesOf returns the places of some of the files at a path: of the database, and of the files
// that SQLite has beside it.
func PlacesOf(path string) (places Places) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if file, err := os.Stat(path + suffix); err == nil {
			places = append(places, place{path: path + suffix, file: file})
		}
	}
	return places
}

// Look returns an error for the first file that is no longer at its place. A file that the system
// does not tell of counts as there.
func (places Places) Look() error {
	for _, place := range places {
		file, err := os.Stat(place.path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			return fmt.Errorf("%s is gone: it was renamed or removed", filepath.Base(place.path))
		case err == nil && !os.SameFile(file, place.file):
			return fmt.Errorf("%s is another file now", filepath.Base(place.path))
		}
	}
	return nil
}
