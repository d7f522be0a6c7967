// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"errors"
	"time"

	"dappco.re/go/storebus/store/internal/damage"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// passedPerPage bounds the entries that a page passes over before it ends early: expired
// entries and entries that were deleted with their group. There may be millions for a while.
const passedPerPage = 4096

// Range is a range of entries: from Low on, and before High if that is not nil.
type Range struct {
	Low        kv.EntryName
	High       *kv.EntryName
	Descending bool
	Columns    Columns
}

// Columns are the wanted columns of the entries. Memory may return more.
type Columns int

const (
	// WholeEntries is all columns.
	WholeEntries Columns = iota
	// KeysOnly leaves the values out.
	KeysOnly
	// PairsOnly leaves out the revisions and the times of writing.
	PairsOnly
)

func (entries *Range) holds(name kv.EntryName) bool {
	return kv.CompareEntryNames(name, entries.Low) >= 0 && (entries.High == nil || kv.CompareEntryNames(name, *entries.High) < 0)
}

// aboveAllText compares greater than every TEXT: SQLite orders a BLOB after it.
var aboveAllText = []byte{0}

func upperBound(high *string) any {
	if high == nil {
		return aboveAllText
	}
	return *high
}

// Page calls visit with each entry of a range within one group in order, expired ones left out,
// until visit returns false. If it has passed over too many it returns the name of the last one
// it looked at.
func (view *View) Page(keys Range, now time.Time, visit func(name kv.EntryName, state *kv.EntryState) bool) (passed *kv.EntryName, err error) {
	if deleted, err := view.emptied(keys.Low.Group); deleted || err != nil {
		return nil, err
	}
	var high any = aboveAllText
	if keys.High != nil && keys.High.Group == keys.Low.Group {
		high = keys.High.Key
	}
	name := kv.EntryName{Group: keys.Low.Group}
	if keys.Columns == PairsOnly && view.deletions.of(name.Group).Revision != 0 {
		keys.Columns = WholeEntries // the revision shows whether an entry was deleted
	}
	merge := view.newMerge(keys, now, visit)
	defer merge.waiting.release()
	var state kv.EntryState
	err = view.selectPage[keys.Columns].of(keys.Descending).Query(func(row sqlite.Row) bool {
		state = readState(row, keys.Columns)
		name.Key = row.Text(1)
		return merge.stored(name, &state, row)
	}, keys.Low.Group, keys.Low.Key, high)
	return merge.end(err)
}

// WholeGroup calls visit with every live entry of a group in order, until visit
// returns false.
func (view *View) WholeGroup(group string, now time.Time, visit func(key string, state *kv.EntryState) bool) error {
	entries := groupRange(group, PairsOnly)
	for {
		passed, err := view.Page(entries, now, func(name kv.EntryName, state *kv.EntryState) bool { return visit(name.Key, state) })
		if err != nil || passed == nil {
			return err
		}
		entries.Low = passed.Behind()
	}
}

// groupRange is all of a group.
func groupRange(group string, columns Columns) Range {
	return Range{Low: kv.EntryName{Group: group}, High: &kv.EntryName{Group: kv.FirstBehind(group)}, Columns: columns}
}

// emptied reports whether a group was deleted and has got no key since. Its remaining rows in
// the tables need not be looked at.
func (view *View) emptied(group string) (bool, error) {
	if view.deletions.of(group).Revision == 0 {
		return false, nil
	}
	state, err := view.Group(group)
	return state.Keys == 0, err
}

// Scan is Page, ascending, for a range of many groups. A group that was deleted is
// passed over in one step.
func (view *View) Scan(entries Range, now time.Time, visit func(name kv.EntryName, state *kv.EntryState) bool) (passed *kv.EntryName, err error) {
	var high *string
	if entries.High != nil {
		high = &entries.High.Group
	}
	merge := view.newMerge(entries, now, visit)
	defer merge.waiting.release()
	for from, goOn := entries.Low, true; goOn && err == nil && !merge.ended; {
		goOn = false
		err = view.selectScan[entries.Columns].Query(func(row sqlite.Row) bool {
			state := readState(row, entries.Columns)
			name := kv.EntryName{Group: row.Text(6), Key: row.Text(1)}
			more := merge.stored(name, &state, row)
			if more && merge.hidden(name, &state) {
				goOn, merge.err = view.emptied(name.Group)
				from = kv.EntryName{Group: kv.FirstBehind(name.Group)}
			}
			return more && !goOn && merge.err == nil
		}, from.Group, from.Key, upperBound(high))
	}
	return merge.end(err)
}

// readState reads a row of a page. The first two columns are checksum and key.
func readState(row sqlite.Row, columns Columns) kv.EntryState {
	switch columns {
	case PairsOnly: // the revision stands for any
		return kv.EntryState{Revision: 1, ExpiresAt: row.Signed(2), Value: row.Text(3)}
	case KeysOnly:
		return kv.EntryState{Revision: row.Unsigned(2), UpdatedAt: row.Signed(3), ExpiresAt: row.Signed(4), Bytes: int(row.Signed(5))}
	default:
		return kv.EntryState{Revision: row.Unsigned(2), UpdatedAt: row.Signed(3), ExpiresAt: row.Signed(4), Value: row.Text(5)}
	}
}

// pageMerge joins the pending entries of a range with the stored ones, which come in the
// same order. If both have a name, the pending entry counts.
type pageMerge struct {
	waiting   *pendingRange
	deletions *deletions
	damage    *damage.Entries
	columns   Columns
	now       time.Time
	visit     func(name kv.EntryName, state *kv.EntryState) bool
	ended     bool
	err       error
	// passed counts the entries that were passed over; last is the entry at which the bound was
	// met.
	passed  int
	tooMuch bool
	last    kv.EntryName
}

func (view *View) newMerge(entries Range, now time.Time, visit func(kv.EntryName, *kv.EntryState) bool) *pageMerge {
	return &pageMerge{waiting: view.pending.within(entries), deletions: view.deletions, damage: view.damage, columns: entries.Columns, now: now, visit: visit}
}

// stored takes the next stored entry, and its row; it returns false when no more are wanted.
func (merge *pageMerge) stored(name kv.EntryName, state *kv.EntryState, row sqlite.Row) bool {
	for version := merge.waiting.next; version != nil; version = merge.waiting.next {
		order := merge.waiting.compare(version.EntryName, name)
		if order > 0 {
			break
		}
		merge.waiting.advance()
		merge.emit(version.EntryName, &version.EntryState)
		if order == 0 || merge.ended {
			return !merge.ended
		}
	}
	if !isSound(name, state, row, merge.columns) {
		merge.err, merge.ended = merge.damage.Meet(name), true
		return false
	}
	merge.emit(name, state)
	return !merge.ended
}

// end takes the pending entries behind the last stored one.
func (merge *pageMerge) end(err error) (passed *kv.EntryName, _ error) {
	if err != nil || merge.err != nil {
		return nil, errors.Join(err, merge.err)
	}
	for version := merge.waiting.next; version != nil && !merge.ended; version = merge.waiting.next {
		merge.waiting.advance()
		merge.emit(version.EntryName, &version.EntryState)
	}
	if !merge.tooMuch {
		return nil, nil
	}
	return &merge.last, nil
}

func (merge *pageMerge) emit(name kv.EntryName, state *kv.EntryState) {
	switch {
	case merge.ended:
	case state.Present() && !state.Expired(merge.now) && !merge.hidden(name, state):
		merge.ended = !merge.visit(name, state)
	default:
		// A large value that is passed over has been read all the same.
		if merge.passed += 1 + len(state.Value)/sqlite.PageBytes; merge.passed >= passedPerPage {
			merge.ended, merge.tooMuch, merge.last = true, true, name
		}
	}
}

func (merge *pageMerge) hidden(name kv.EntryName, state *kv.EntryState) bool {
	return merge.deletions.hide(name.Group, state)
}
