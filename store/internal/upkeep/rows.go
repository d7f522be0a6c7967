// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
	"dappco.re/go/storebus/store/internal/state"
)

// Rows bring the tables of entries, groups and namespaces up to the log.
type Rows struct {
	config       Config
	materialiser *state.Materialiser
	idleness     *Idleness
}

// NewRows prepares the statements of the tables.
func NewRows(session *sqlite.Session, config Config, idleness *Idleness) *Rows {
	return &Rows{
		config:       config,
		materialiser: state.NewMaterialiser(session, config.View, config.PendingBytes, config.InMemory),
		idleness:     idleness,
	}
}

// Load reads how far the tables are.
func (rows *Rows) Load() error { return rows.materialiser.Load() }

// Through returns the newest commit that the tables have.
func (rows *Rows) Through() uint64 { return rows.materialiser.Through() }

// AreBehind reports whether something is pending while there is nothing else to do.
func (rows *Rows) AreBehind() bool {
	return rows.idleness.Idle() && rows.materialiser.Through() != rows.config.Log.Position().CommitID
}

// WriteIdle writes a slice of the pending entries, and reports whether to go on.
func (rows *Rows) WriteIdle() (more bool) {
	err := rows.Write(rows.materialiser.NextSlice(rows.logEnd()))
	rows.config.Disk.Tried(workTables, err)
	if err != nil {
		rows.idleness.Pause()
	}
	return rows.idleness.Idle()
}

// Write writes a slice, in a transaction that does not wait for the disk.
func (rows *Rows) Write(slice *state.Slice) error {
	err := rows.config.Disk.Unsynced(func(transaction *sqlite.Transaction) { rows.materialiser.Write(transaction, slice) })
	if err == nil {
		rows.Written(slice)
	}
	return err
}

// Save writes slices in the transaction of a commit.
func (rows *Rows) Save(transaction *sqlite.Transaction, slices []*state.Slice) {
	rows.materialiser.Write(transaction, slices...)
}

// Written takes note that slices are committed.
func (rows *Rows) Written(slices ...*state.Slice) {
	for _, slice := range slices {
		rows.config.Disk.Written(slice.Rows() * sqlite.RowBytes)
	}
	rows.materialiser.Written(slices...)
}

// logEnd is the end of the log for the materialiser.
func (rows *Rows) logEnd() state.LogEnd {
	end := rows.config.Log.Position()
	return state.LogEnd{CommitID: end.CommitID, Bytes: end.End.Bytes}
}

// Choose returns the slices that are written with a record.
func (rows *Rows) Choose(next *sqlitelog.Entry, changes *state.Slice) []*state.Slice {
	if next.Changes.Count == 0 {
		return nil
	}
	// The deferred commits keep pace together with this one.
	growth := rows.config.Log.Deferred()
	growth.Commits, growth.Changes, growth.Bytes = growth.Commits+1, growth.Changes+next.Changes.Count, growth.Bytes+len(next.Changes.Blob)
	return rows.materialiser.Choose(changes, rows.logEnd(), state.Growth(growth))
}

// Refresh writes entries whose stored state is out of date.
func (rows *Rows) Refresh(names []kv.EntryName) error {
	slice := rows.materialiser.Refreshed(names)
	if slice.Rows() == 0 {
		return nil
	}
	return rows.Write(slice)
}

// DeletionsWait reports whether deletions are to be carried out.
func (rows *Rows) DeletionsWait() bool { return rows.config.View.DeletionsWaiting() > 0 }

// CarryOut carries out a slice of the deletions, and reports whether there is more.
func (rows *Rows) CarryOut() (more bool) {
	removal, err := rows.materialiser.NextRemoval()
	if err == nil && removal.Rows() > 0 {
		err = rows.config.Disk.Unsynced(func(transaction *sqlite.Transaction) { rows.materialiser.Write(transaction, &removal.Slice) })
	}
	rows.config.Disk.Tried(workDeletions, err)
	if err != nil {
		return false
	}
	rows.config.Disk.Written(removal.Counted * sqlite.RowBytes)
	rows.materialiser.Removed(removal)
	return rows.DeletionsWait()
}
