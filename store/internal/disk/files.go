// SPDX-License-Identifier: EUPL-1.2

package disk

import (
	"log/slog"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// LookAtFiles stops all writing if a file of the database is no longer at its place. Nobody would
// find a later write there. Everything that was acknowledged is brought into the file that is open,
// and out of the write-ahead log: its name may belong to another database now.
func (disk *Disk) LookAtFiles() {
	if !disk.Writes() {
		return
	}
	err := disk.config.Places.Look()
	if err == nil {
		return
	}
	disk.Tried(workLog, disk.Flush())
	disk.config.Fault.stop(err)
	disk.config.Logger.Error("a file of the database is not at its place: writes have stopped, reads go on; take a backup, put the file back, and restart", slog.Any("error", err))
	disk.Tried(workCheckpoint, disk.truncate.Query(func(sqlite.Row) bool { return true }))
}
