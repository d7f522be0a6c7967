// SPDX-License-Identifier: EUPL-1.2

//go:build !linux

package platform

import "os"

// SyncData returns when a file is on disk.
func SyncData(file *os.File) error { return file.Sync() }
