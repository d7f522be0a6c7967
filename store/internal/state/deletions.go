// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"github.com/tidwall/btree"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// deletions are the deleted groups whose entries may still be in the pending set or in the
// tables. A later deletion of a group includes the earlier one.
type deletions struct {
	groups btree.Map[string, uint64]
	// at is how far carrying them out has come.
	at deletionPosition
}

// deletionPosition is a place in a deleted group: its pending entries go first, then
// its rows.
type deletionPosition struct {
	kv.Deletion
	pendingDropped bool
	key            string
}

// of returns the deletion of a group, of revision 0 if there is none.
func (deletions *deletions) of(group string) kv.Deletion {
	if deletions.groups.Len() == 0 {
		return kv.Deletion{Group: group}
	}
	revision, _ := deletions.groups.Get(group)
	return kv.Deletion{Group: group, Revision: revision}
}

// hide reports whether a state was deleted with its group.
func (deletions *deletions) hide(group string, state *kv.EntryState) bool {
	return deletions.groups.Len() > 0 && deletions.of(group).Hides(state)
}

func (deletions *deletions) add(group string, revision uint64) { deletions.groups.Set(group, revision) }

// first returns the next place to remove entries: the place of the last slice, or the
// beginning of another deletion. If a group is deleted again meanwhile, its next deletion
// waits for the others. So a group that is deleted all the time holds up none.
func (deletions *deletions) first() (at deletionPosition, found bool) {
	if at := deletions.at; at.Revision != 0 && deletions.of(at.Group) == at.Deletion {
		return at, true
	}
	if at, found = deletions.from(kv.FirstBehind(deletions.at.Group)); !found {
		at, found = deletions.from("")
	}
	return at, found
}

// from returns the beginning of the first deletion from a name on.
func (deletions *deletions) from(group string) (at deletionPosition, found bool) {
	deletions.groups.Ascend(group, func(group string, revision uint64) bool {
		at, found = deletionPosition{Deletion: kv.Deletion{Group: group, Revision: revision}}, true
		return false
	})
	return at, found
}

// carriedOut forgets the deletions that a slice has completed, and records where to continue.
func (deletions *deletions) carriedOut(slice *Slice, at deletionPosition) {
	for _, deleted := range slice.carriedOut {
		deletions.groups.Delete(deleted.Group)
	}
	deletions.at = at
}

// deletedRows are the rows of a deleted group from one key to another, both included.
type deletedRows struct {
	kv.Deletion
	low, high string
	// large tells that some of them may have large values.
	large bool
}

// The bounds of a slice of carrying out deletions, beside rowsPerSlice.
const (
	// valuesPerRemoval bounds the values: to remove a large one is to read its pages.
	valuesPerRemoval = 4 << 20
	// pendingPerRemoval is how many pending entries are looked at, which is cheap.
	pendingPerRemoval = 4096
	// deletionsPerRow quickens the pace if many small groups wait: a slice has a row for so
	// many, if that is more than rowsPerSlice.
	deletionsPerRow = 128
)

// Removal is a slice of carrying out deletions.
type Removal struct {
	Slice
	at deletionPosition
	// Counted counts the rows that the slice looked at, and one for each group.
	Counted        int
	bytes, pending int
}

func (removal *Removal) full(limit int) bool {
	return removal.Counted >= limit || removal.bytes >= valuesPerRemoval || removal.pending >= pendingPerRemoval
}

// NextRemoval returns the next slice of carrying out deletions. The pending entries
// that it comes upon are gone when it returns: they were hidden and are not needed.
func (materialiser *Materialiser) NextRemoval() (*Removal, error) {
	removal := &Removal{}
	limit := max(rowsPerSlice, materialiser.deletions.groups.Len()/deletionsPerRow)
	at, found := materialiser.deletions.first()
	for found && !removal.full(limit) {
		removal.at = at
		ended, err := materialiser.removeFrom(removal, limit-removal.Counted)
		if err != nil || !ended {
			return removal, err
		}
		removal.Counted++
		removal.carriedOut = append(removal.carriedOut, at.Deletion)
		at, found = materialiser.deletions.from(kv.FirstBehind(at.Group))
		removal.at = at
	}
	return removal, nil
}

// removeFrom adds the next rows of one deletion, and reports whether these were the last. No
// entry of the deletion is pending when the last row is chosen: later entries have a higher
// revision.
func (materialiser *Materialiser) removeFrom(removal *Removal, limit int) (ended bool, err error) {
	at := &removal.at
	if !at.pendingDropped {
		next, looked, more := materialiser.pending.dropHidden(at.Deletion, at.key, pendingPerRemoval-removal.pending)
		removal.pending += looked
		if at.key, at.pendingDropped = next, !more; more {
			return false, nil
		}
		at.key = ""
	}
	rows, last, large := 0, "", false
	err = materialiser.selectRows.Query(func(row sqlite.Row) bool {
		last = row.Text(0)
		rows++
		removal.bytes += int(row.Signed(1))
		large = large || row.Signed(2) != 0
		return removal.bytes < valuesPerRemoval
	}, at.Group, at.key, int64(limit))
	if err != nil || rows == 0 {
		return err == nil, err
	}
	removal.Counted += rows
	removal.removed = append(removal.removed, deletedRows{Deletion: at.Deletion, low: at.key, high: last, large: large})
	at.key = kv.FirstBehind(last)
	return rows < limit && removal.bytes < valuesPerRemoval, nil
}

// writeDeletions brings the table of deletions, and the rows that they take, to where
// a slice has them.
func (materialiser *Materialiser) writeDeletions(transaction *sqlite.Transaction, slice *Slice) {
	for _, deleted := range slice.deletions {
		transaction.Execute(materialiser.upsertDeletion, deleted.name, int64(deleted.state))
	}
	for _, rows := range slice.removed {
		if rows.large {
			materialiser.largeValues.Release(transaction, rows.Group, rows.low, rows.high, int64(rows.Revision))
		}
		transaction.Execute(materialiser.deleteRows, rows.Group, rows.low, rows.high, int64(rows.Revision))
	}
	for _, deleted := range slice.carriedOut {
		transaction.Execute(materialiser.deleteDeletion, deleted.Group)
	}
}

// Removed records that a slice of carrying out deletions is committed.
func (materialiser *Materialiser) Removed(removal *Removal) {
	for _, deleted := range removal.carriedOut {
		materialiser.pending.bytes -= materialiser.pending.deletions.drop(deleted.Group, deleted.Revision)
	}
	materialiser.deletions.carriedOut(&removal.Slice, removal.at)
}
