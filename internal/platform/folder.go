// SPDX-License-Identifier: EUPL-1.2

package platform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// CreateFolder makes a folder, and its parents, for their owner only. It syncs each, so that no
// stored file can vanish with its folder. A folder that exists stays as it is; a file is an error.
//
//	err := platform.CreateFolder("/var/lib/storebus/archive")
func CreateFolder(path string) error {
	path = filepath.Clean(path)
	if information, err := os.Stat(path); err == nil {
		if !information.IsDir() {
			return fmt.Errorf("%s is a file, not a folder", path)
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := CreateFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return SyncFolder(parent)
}
