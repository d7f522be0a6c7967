// SPDX-License-Identifier: EUPL-1.2

package mark

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"dappco.re/go/storebus/internal/platform"
)

// Suffix is behind the path of a database in the name of its mark.
const Suffix = ".mark"

// partialSuffix is behind the name of a mark that is being written.
const partialSuffix = ".partial"

// Mark names a commit that is on disk for certain.
type Mark struct {
	// Store is the id of the store.
	Store string `json:"store"`
	// Commit is the number of the commit, counted from 1, and Hash the hash of its record. Commit
	// is 0 if no commit is known.
	Commit uint64 `json:"commit"`
	Hash   uint64 `json:"hash,string"`
}

// ErrDamaged is the error of a mark that does not say how far its store has come.
var ErrDamaged = errors.New("the mark is damaged")

// written is a mark as its file has it.
type written struct {
	Mark
	// Sum is the checksum of the mark. A number can be damaged and still be one.
	Sum uint32 `json:"sum"`
}

func (mark *Mark) sum() uint32 {
	text := fmt.Sprintf("%s %d %d", mark.Store, mark.Commit, mark.Hash)
	return crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))
}

// Read returns the mark of a database, and false if there is none. It returns ErrDamaged for a file
// that Write has not written.
func Read(databasePath string) (mark Mark, found bool, err error) {
	content, err := os.ReadFile(databasePath + Suffix)
	if errors.Is(err, fs.ErrNotExist) {
		return mark, false, nil
	}
	if err != nil {
		return mark, false, err
	}
	read := written{}
	if err := json.Unmarshal(content, &read); err != nil || read.Store == "" || read.Sum != read.sum() {
		return mark, false, fmt.Errorf("%s: %w", databasePath+Suffix, ErrDamaged)
	}
	return read.Mark, true, nil
}

// Write puts a mark in the place of the one before. After a crash one of them is there, whole.
func Write(databasePath string, mark Mark) error {
	content, err := json.Marshal(written{mark, mark.sum()})
	if err != nil {
		return err
	}
	path := databasePath + Suffix
	if err := write(path+partialSuffix, append(content, '\n')); err != nil {
		return err
	}
	if err := os.Rename(path+partialSuffix, path); err != nil {
		return err
	}
	return platform.SyncFolder(filepath.Dir(path))
}

func write(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// Remove removes the mark of a database, if there is one.
func Remove(databasePath string) error {
	if err := os.Remove(databasePath + Suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return platform.SyncFolder(filepath.Dir(databasePath))
}
