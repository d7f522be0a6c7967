// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql/driver"
	"errors"
	"time"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// passedPerPage bounds the entries that a page passes over before it ends early: expired
// entries and entries that were deleted with their group. There may be millions for a while.
const passedPerPage = 4096

// entryRange is a range of entries: from low on, and before high if that is not nil.
type entryRange struct {
	low        entryName
	high       *entryName
	descending bool
	columns    columns
}

// columns are the wanted columns of the entries. Memory may return more.
type columns int

const (
	wholeEntries columns = iota
	// keysOnly leaves the values out, pairsOnly revisions and times of writing.
	keysOnly
	pairsOnly
)

func (entries *entryRange) holds(name entryName) bool {
	return compareEntryNames(name, entries.low) >= 0 && (entries.high == nil || compareEntryNames(name, *entries.high) < 0)
}

// aboveAllText compares greater than every TEXT: SQLite orders a BLOB after it.
var aboveAllText = []byte{0}

func upperBound(high *string) driver.Value {
	if high == nil {
		return aboveAllText
	}
	return *high
}

// page calls visit with each entry of a range within one group in order, expired ones left out,
// until visit returns false. If it has passed over too many it returns the name of the last one
// it looked at.
func (view *view) page(keys entryRange, now time.Time, visit func(name entryName, state *entryState) bool) (passed *entryName, err error) {
	if deleted, err := view.emptied(keys.low.group); deleted || err != nil {
		return nil, err
	}
	var high driver.Value = aboveAllText
	if keys.high != nil && keys.high.group == keys.low.group {
		high = keys.high.key
	}
	merge := view.newMerge(keys, now, visit)
	defer merge.waiting.release()
	name := entryName{group: keys.low.group}
	if keys.columns == pairsOnly && view.deletions.of(name.group).revision != 0 {
		keys.columns = wholeEntries // the revision tells what was deleted
	}
	read, state := readState, entryState{}
	if keys.columns == pairsOnly {
		read = readPair
	}
	err = view.selectPage[keys.columns][index(keys.descending)].Query(func(row []driver.Value) bool {
		state = read(row)
		name.key, _ = row[0].(string)
		return merge.stored(name, &state)
	}, keys.low.group, keys.low.key, high)
	return merge.end(err)
}

// wholeGroup calls visit with every live entry of a group in order, until visit
// returns false.
func (view *view) wholeGroup(group string, now time.Time, visit func(key string, state *entryState) bool) error {
	entries := groupRange(group, pairsOnly)
	for {
		passed, err := view.page(entries, now, func(name entryName, state *entryState) bool { return visit(name.key, state) })
		if err != nil || passed == nil {
			return err
		}
		entries.low = passed.behind()
	}
}

// groupRange is all of a group.
func groupRange(group string, columns columns) entryRange {
	return entryRange{low: entryName{group: group}, high: &entryName{group: firstBehind(group)}, columns: columns}
}

// emptied reports whether a group was deleted and has got no key since. Its remaining rows in
// the tables need not be looked at.
func (view *view) emptied(group string) (bool, error) {
	if view.deletions.of(group).revision == 0 {
		return false, nil
	}
	state, err := view.group(group)
	return state.keys == 0, err
}

// scan is page, ascending, for a range of many groups. A group that was deleted is
// passed over in one step.
func (view *view) scan(entries entryRange, now time.Time, visit func(name entryName, state *entryState) bool) (passed *entryName, err error) {
	var high *string
	if entries.high != nil {
		high = &entries.high.group
	}
	merge := view.newMerge(entries, now, visit)
	defer merge.waiting.release()
	for from, goOn := entries.low, true; goOn && err == nil && !merge.ended; {
		goOn = false
		err = view.selectScan[entries.columns].Query(func(row []driver.Value) bool {
			state := readState(row)
			name := entryName{}
			name.key, _ = row[0].(string)
			name.group, _ = row[5].(string)
			more := merge.stored(name, &state)
			if more && merge.hidden(name, &state) {
				goOn, merge.err = view.emptied(name.group)
				from = entryName{group: firstBehind(name.group)}
			}
			return more && !goOn && merge.err == nil
		}, from.group, from.key, upperBound(high))
	}
	return merge.end(err)
}

// readState reads a row of key, revision, updated_at, expires_at, value.
func readState(row []driver.Value) entryState {
	state := entryState{revision: sqlite.Unsigned(row[1]), updatedAt: sqlite.Signed(row[2]), expiresAt: sqlite.Signed(row[3])}
	state.value, _ = row[4].(string)
	return state
}

// readPair reads a row of key, expires_at, value. The revision stands for any.
func readPair(row []driver.Value) entryState {
	state := entryState{revision: 1, expiresAt: sqlite.Signed(row[1])}
	state.value, _ = row[2].(string)
	return state
}

// pageMerge joins the pending entries of a range with the stored ones, which come in the same
// order; if both have a name, the pending one counts.
type pageMerge struct {
	waiting   *pendingRange
	deletions *deletions
	now       time.Time
	visit     func(name entryName, state *entryState) bool
	ended     bool
	err       error
	// passed counts the entries that were passed over; last is the entry at which the bound was
	// met.
	passed  int
	tooMuch bool
	last    entryName
}

func (view *view) newMerge(entries entryRange, now time.Time, visit func(entryName, *entryState) bool) *pageMerge {
	return &pageMerge{waiting: view.pending.within(entries), deletions: view.deletions, now: now, visit: visit}
}

// stored takes the next stored entry; it returns false when no more are wanted.
func (merge *pageMerge) stored(name entryName, state *entryState) bool {
	for version := merge.waiting.next; version != nil; version = merge.waiting.next {
		order := merge.waiting.compare(version.entryName, name)
		if order > 0 {
			break
		}
		merge.waiting.advance()
		merge.emit(version.entryName, &version.entryState)
		if order == 0 || merge.ended {
			return !merge.ended
		}
	}
	merge.emit(name, state)
	return !merge.ended
}

// end takes the pending entries behind the last stored one.
func (merge *pageMerge) end(err error) (passed *entryName, _ error) {
	if err != nil || merge.err != nil {
		return nil, errors.Join(err, merge.err)
	}
	for version := merge.waiting.next; version != nil && !merge.ended; version = merge.waiting.next {
		merge.waiting.advance()
		merge.emit(version.entryName, &version.entryState)
	}
	if !merge.tooMuch {
		return nil, nil
	}
	return &merge.last, nil
}

func (merge *pageMerge) emit(name entryName, state *entryState) {
	switch {
	case merge.ended:
	case state.present() && !state.expired(merge.now) && !merge.hidden(name, state):
		merge.ended = !merge.visit(name, state)
	default:
		// A large value that is passed over has been read all the same.
		if merge.passed += 1 + len(state.value)/pageBytes; merge.passed >= passedPerPage {
			merge.ended, merge.tooMuch, merge.last = true, true, name
		}
	}
}

func (merge *pageMerge) hidden(name entryName, state *entryState) bool {
	return merge.deletions.hide(name.group, state)
}

func index(condition bool) int {
	if condition {
		return 1
	}
	return 0
}
