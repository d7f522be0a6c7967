// SPDX-License-Identifier: EUPL-1.2

package mark

import (
	"encoding/json"
	"errors"
	"fmt"
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

// Read returns the mark of a database, and false if there is none.
func Read(databasePath string) (mark Mark, found bool, err error) {
	content, err := os.ReadFile(databasePath + Suffix)
	if errors.Is(err, fs.ErrNotExist) {
		return mark, false, nil
	}
	if err != nil {
		return mark, false, err
	}
	if err := json.Unmarshal(content, &mark); err != nil || mark.Store == "" {
		return mark, false, fmt.Errorf("%s: it is no mark of a store; remove it if the database is the newest one", databasePath+Suffix)
	}
	return mark, true, nil
}

// Write puts a mark in the place of the one before. After a crash one of them is there, whole.
func Write(databasePath string, mark Mark) error {
	content, err := json.Marshal(mark)
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
