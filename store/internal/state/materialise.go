// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"errors"
	"math"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/largevalue"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of pending rows, which wait in memory to be written to the tables.
const (
	// sweepBytes is the growth of the log while everything pending is written once. It bounds
	// the replay at the opening of a store.
	sweepBytes = 32 << 20
	// rowsPerSlice is the most that one transaction writes.
	rowsPerSlice = 512
	// sweepStartBytes is how much the log grows between the beginnings of two sweeps
	// at least.
	sweepStartBytes = 1 << 20
	// sweepStartBytesInMemory is the same for a store in memory, which replays nothing.
	sweepStartBytesInMemory = sweepBytes / 2
	// writtenThrough is the largest batch whose entries are written at once.
	writtenThrough = 4
)

// Materialiser brings the tables entries, groups and namespaces up to the log. The entries of a
// small batch are written through with its commit. All other changes wait in the pending set.
// They are written in sweeps in key order, a slice with each commit, or when the store is idle.
type Materialiser struct {
	pending   *pending
	deletions *deletions
	limit     int
	// sweepStartBytes and writtenThrough are the constants of these names, or the values for a
	// store in memory.
	sweepStartBytes uint64
	writtenThrough  int
	// completed is the commit up to which the tables certainly hold the log. sweptBytes is
	// the number of bytes logged before the sweep that proved it.
	completed  uint64
	sweptBytes uint64
	sweep      sweep

	largeValues     largevalue.Table
	upsertEntry     *sqlite.Statement
	deleteEntry     *sqlite.Statement
	upsertGroup     *sqlite.Statement
	deleteGroup     *sqlite.Statement
	upsertNamespace *sqlite.Statement
	upsertDeletion  *sqlite.Statement
	setMaterialised *sqlite.Statement
	selectThrough   *sqlite.Statement

	selectRows     *sqlite.Statement
	deleteRows     *sqlite.Statement
	deleteDeletion *sqlite.Statement
}

// sweep is one way through the pending set. If an entry was pending at its beginning, it is
// written at its end.
type sweep struct {
	underway bool
	// through is the last commit when the sweep began.
	through uint64
	// logBytes is the number of bytes ever logged when the sweep began. rows is the number of
	// pending rows then, and written is the number of rows done.
	logBytes      uint64
	rows, written int
	next          sweepPosition
}

// sweepPosition is the progress of a sweep through each kind of pending rows.
type sweepPosition struct {
	entry                      kv.EntryName
	group, namespace, deletion string
}

// NewMaterialiser returns the materialiser of a view. Above pendingBytes of pending rows, each
// commit writes at least as many rows as it adds. The tables of a store in memory may lag more, as
// nothing replays its log.
func NewMaterialiser(session *sqlite.Session, view *View, pendingBytes int, inMemory bool) *Materialiser {
	materialiser := &Materialiser{
		pending:         view.pending,
		deletions:       view.deletions,
		limit:           pendingBytes,
		sweepStartBytes: sweepStartBytes,
		writtenThrough:  writtenThrough,
		largeValues:     largevalue.NewTable(session),
		upsertEntry: session.Prepare(`INSERT INTO entries (group_name, entry_key, entry_value, revision, updated_at, expires_at, checksum) VALUES (?, ?, ` + largevalue.Stored + `, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET entry_value = excluded.entry_value, revision = excluded.revision, updated_at = excluded.updated_at, expires_at = excluded.expires_at, checksum = excluded.checksum`),
		deleteEntry: session.Prepare(`DELETE FROM entries WHERE group_name = ? AND entry_key = ?`),
		upsertGroup: session.Prepare(`INSERT INTO groups (group_name, keys, bytes, last_revision) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes, last_revision = excluded.last_revision`),
		deleteGroup: session.Prepare(`DELETE FROM groups WHERE group_name = ?`),
		upsertNamespace: session.Prepare(`INSERT INTO namespaces (namespace, revision, keys, groups, bytes) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET revision = excluded.revision, keys = excluded.keys, groups = excluded.groups, bytes = excluded.bytes`),
		upsertDeletion:  session.Prepare(`INSERT INTO deletions (group_name, revision) VALUES (?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision`),
		setMaterialised: session.Prepare(`UPDATE meta SET value = ? WHERE name = 'materialised'`),
		selectThrough:   session.Prepare(`SELECT value FROM meta WHERE name = 'materialised'`),
		selectRows:      session.Prepare(`SELECT entry_key, ` + largevalue.Bytes + `, ` + largevalue.IsLarge + ` FROM entries WHERE group_name = ? AND entry_key >= ? ORDER BY entry_key LIMIT ?`),
		deleteRows:      session.Prepare(`DELETE FROM entries WHERE group_name = ? AND entry_key >= ? AND entry_key <= ? AND revision <= ?`),
		deleteDeletion:  session.Prepare(`DELETE FROM deletions WHERE group_name = ?`),
	}
	if inMemory {
		materialiser.sweepStartBytes, materialiser.writtenThrough = sweepStartBytesInMemory, 0
	}
	return materialiser
}

// Load reads up to which commit the tables hold the log.
func (materialiser *Materialiser) Load() error {
	through, _, err := materialiser.selectThrough.Integer()
	materialiser.completed = uint64(through)
	return errors.Join(err, materialiser.largeValues.Load())
}

// Through returns the commit up to which the tables are known to hold the log.
func (materialiser *Materialiser) Through() uint64 { return materialiser.completed }

// LogEnd is the end of the log: the id of the newest commit, and the number of bytes ever logged.
type LogEnd struct{ CommitID, Bytes uint64 }

// Growth is how much the log grows with a transaction: by the next commit, and by commits before it
// that were deferred.
type Growth struct{ Commits, Changes, Bytes int }

// Choose returns the rows for the transaction of the next commit. First comes as much of the
// pending set as keeps pace with the log. Then come the entries of a small batch.
func (materialiser *Materialiser) Choose(changes *Slice, log LogEnd, growth Growth) (chosen []*Slice) {
	if limit := materialiser.pace(log, growth); limit > 0 {
		chosen = append(chosen, materialiser.sliceOf(limit, log))
	}
	if count := len(changes.entries); count > 0 && count <= materialiser.writtenThrough {
		chosen = append(chosen, &Slice{entries: changes.entries})
	}
	return chosen
}

// pace returns the number of rows to write with a transaction. The sweep must end before the log
// has grown by sweepBytes, and has a row for each commit at least. If the pending set is at its
// limit, it must not grow.
func (materialiser *Materialiser) pace(log LogEnd, growth Growth) int {
	sweep := &materialiser.sweep
	switch {
	case materialiser.pending.bytes > materialiser.limit:
		return max(growth.Changes, rowsPerSlice)
	case !sweep.underway && log.Bytes-materialiser.sweptBytes < materialiser.sweepStartBytes:
		return 0
	case !sweep.underway:
		return growth.Commits
	}
	left := max(sweep.rows-sweep.written, 1)
	room := max(sweepBytes-int(log.Bytes-sweep.logBytes), 1)
	return min(max((left*growth.Bytes+room-1)/room, growth.Commits), rowsPerSlice)
}

// NextSlice returns rows of the sweep for a transaction of their own.
func (materialiser *Materialiser) NextSlice(log LogEnd) *Slice {
	return materialiser.sliceOf(rowsPerSlice, log)
}

// sliceOf returns up to limit rows of the sweep, beginning a new one at the end of the log if none
// is underway. A slice that is not full is the last of its sweep.
func (materialiser *Materialiser) sliceOf(limit int, log LogEnd) *Slice {
	if !materialiser.sweep.underway {
		materialiser.beginSweep(log)
	}
	sweep, pending := &materialiser.sweep, materialiser.pending
	next := &Slice{sweeps: true, next: sweep.next}
	next.entries = pending.from(sweep.next.entry, limit)
	if len(next.entries) > 0 {
		next.next.entry = next.entries[len(next.entries)-1].Behind()
	}
	next.groups, next.next.group = pending.groups.take(sweep.next.group, limit-next.Rows())
	next.namespaces, next.next.namespace = pending.namespaces.take(sweep.next.namespace, limit-next.Rows())
	next.deletions, next.next.deletion = pending.deletions.take(sweep.next.deletion, limit-next.Rows())
	if next.Rows() < limit {
		next.completes, next.through = true, sweep.through
	}
	return next
}

func (materialiser *Materialiser) beginSweep(log LogEnd) {
	materialiser.sweep = sweep{underway: true, through: log.CommitID, logBytes: log.Bytes, rows: materialiser.pending.rows()}
}

// Write brings the tables to where slices have them.
func (materialiser *Materialiser) Write(transaction *sqlite.Transaction, slices ...*Slice) {
	for _, slice := range slices {
		materialiser.writeSlice(transaction, slice)
	}
}

func (materialiser *Materialiser) writeSlice(transaction *sqlite.Transaction, slice *Slice) {
	for _, version := range slice.entries {
		materialiser.writeEntry(transaction, version)
	}
	for _, group := range slice.groups {
		state := &group.state
		transaction.Execute(materialiser.upsertGroup, group.name, state.Keys, state.Bytes, int64(state.LastRevision))
	}
	for _, namespace := range slice.namespaces {
		state := &namespace.state
		transaction.Execute(materialiser.upsertNamespace, namespace.name, int64(state.Revision), state.Keys, state.Groups, state.Bytes)
	}
	materialiser.writeDeletions(transaction, slice)
	if slice.completes {
		transaction.Execute(materialiser.setMaterialised, int64(slice.through))
	}
}

func (materialiser *Materialiser) writeEntry(transaction *sqlite.Transaction, version *kv.EntryVersion) {
	if !version.Present() {
		materialiser.largeValues.Release(transaction, version.Group, version.Key, version.Key, math.MaxInt64)
		transaction.Execute(materialiser.deleteEntry, version.Group, version.Key)
		return
	}
	var expiresAt any
	if version.ExpiresAt != 0 {
		expiresAt = version.ExpiresAt
	}
	value := materialiser.largeValues.Put(transaction, &version.EntryState)
	transaction.Execute(materialiser.upsertEntry, version.Group, version.Key, value, int64(version.Revision), version.UpdatedAt, expiresAt, int64(kv.ChecksumOf(version.EntryName, &version.EntryState)))
}

// Written records that slices are committed.
func (materialiser *Materialiser) Written(slices ...*Slice) {
	for _, slice := range slices {
		materialiser.pending.written(slice)
		materialiser.advance(slice)
	}
}

func (materialiser *Materialiser) advance(slice *Slice) {
	if slice.completes {
		materialiser.completed, materialiser.sweptBytes = slice.through, materialiser.sweep.logBytes
		materialiser.sweep = sweep{}
	} else if slice.sweeps {
		materialiser.sweep.written += slice.Rows()
		materialiser.sweep.next = slice.next
	}
}

// Refreshed returns the named entries for which the tables may be behind: with their pending
// state, or as removed by a deletion.
func (materialiser *Materialiser) Refreshed(names []kv.EntryName) *Slice {
	refreshed := &Slice{}
	for _, name := range names {
		place, waits := materialiser.pending.entries[name]
		if waits && materialiser.deletions.hide(name.Group, &place.EntryState) {
			materialiser.pending.forget(place)
			waits = false
		}
		if waits {
			refreshed.entries = append(refreshed.entries, place.EntryVersion)
		} else if deleted := materialiser.deletions.of(name.Group); deleted.Revision != 0 {
			refreshed.removed = append(refreshed.removed, deletedRows{Deletion: deleted, low: name.Key, high: name.Key, large: true})
		}
	}
	return refreshed
}

// DeleteGroups removes the rows of groups without keys.
func (materialiser *Materialiser) DeleteGroups(transaction *sqlite.Transaction, names []string) {
	for _, name := range names {
		transaction.Execute(materialiser.deleteGroup, name)
	}
}
