// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"path/filepath"

	sqlitedriver "modernc.org/sqlite"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/engine"
)

// backupHost is the store as a backup sees it.
type backupHost struct{ store *Store }

// Begin begins a copy.
func (host backupHost) Begin(path string) (*sqlitedriver.Backup, error) {
	return ask(host.store, func(committer *engine.Committer) (*sqlitedriver.Backup, error) { return committer.BeginBackup(path) })
}

// Between calls function between two batches.
func (host backupHost) Between(function func() error) error {
	_, err := ask(host.store, func(*engine.Committer) (struct{}, error) { return struct{}{}, function() })
	return err
}

// Closing reports whether Close has begun.
func (host backupHost) Closing() bool { return host.store.closing.Load() }

// Copied is for the status.
func (host backupHost) Copied(bytes int64) { host.store.backedUp.Store(bytes) }

// Room tells whether the reserve of the disk is in use, if the folder is on this disk.
func (host backupHost) Room(folder string) error {
	if err := host.store.engine.Scarcity(); err != nil && platform.SameDisk(folder, filepath.Dir(host.store.config.DatabasePath)) {
		return err
	}
	return nil
}

// CloseIdle closes files of workspaces.
func (host backupHost) CloseIdle() bool { return host.store.workspaces.CloseIdle() }
