// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dappco.re/go/storebus/internal/platform"
)

// createFolder makes a folder, and its parents, for their owner only. It syncs each, so that no
// stored file can vanish with its folder.
func createFolder(path string) error {
	path = filepath.Clean(path)
	if information, err := os.Stat(path); err == nil {
		if !information.IsDir() {
			return fmt.Errorf("%s is a file, not a folder", path)
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := createFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return platform.SyncFolder(parent)
}
