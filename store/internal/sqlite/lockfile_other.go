// SPDX-License-Identifier: EUPL-1.2

//go:build !linux && !darwin && !freebsd && !windows

package sqlite

import "os"

// lockFile does nothing: on this system the lock file alone counts.
func lockFile(*os.File, bool) (locked bool, err error) { return true, nil }

// unlockFile does nothing.
func unlockFile(*os.File) error { return nil }
