// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"dappco.re/go/storebus/store/internal/damage"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// besideChecksum is the longest value, in bytes, of an entry that is verified although its value
	// is not read. The checksum lies behind the value, and longer values are on pages of their own.
	besideChecksum = "512"
)

// Damage returns what is known of damaged entries.
func (view *View) Damage() *damage.Entries { return view.damage }

// RereadDamaged returns the row of a damaged entry. It returns false, and forgets the entry, if it is
// not damaged any more, or if a write that waits replaces it.
func (view *View) RereadDamaged(name kv.EntryName) (row damage.Row, damaged bool, err error) {
	if !view.Waits(name) {
		row, damaged, err = readEntry(view.selectEntry, name)
	}
	if err == nil && !damaged {
		view.damage.Forget(name)
	}
	return row, damaged, err
}

// Waits reports whether a change of an entry waits to be written to the tables.
func (view *View) Waits(name kv.EntryName) bool {
	_, waits := view.pending.entries[name]
	return waits
}

// Repaired takes note of entries that were written to the tables again, in the place of a damaged
// one.
func (view *View) Repaired(damaged kv.EntryName, written *Slice) {
	view.hot.putAll(written)
	view.damage.Repair(damaged)
}

// isSound reports whether a row of a page is as it was written. A row without a checksum counts as
// sound.
func isSound(name kv.EntryName, state *kv.EntryState, row sqlite.Row, columns Columns) bool {
	if row.Null(0) {
		return true
	}
	sum := kv.Checksum(row.Signed(0))
	switch columns {
	case PairsOnly:
		return sum.IsOfPair(name, state)
	case KeysOnly:
		return sum.IsOfHead(name, state)
	default:
		return sum.IsOf(name, state)
	}
}

// Bounds of a slice of scrubbing.
const (
	RowsPerScrub  = 512
	bytesPerScrub = 1 << 20
)

// Scrubbed is a slice of scrubbing: it verifies stored entries in order.
type Scrubbed struct {
	// Next is where to go on; Ended tells that there are no more.
	Next  kv.EntryName
	Ended bool
	Rows  int
	// Missing are the checksums of entries that have none yet.
	Missing []damage.Checksum
}

// Scrub verifies a slice of the stored entries, from a name on. Those that a write is about to
// replace are passed over.
func (view *View) Scrub(from kv.EntryName) (Scrubbed, error) {
	scrubbed, bytes := Scrubbed{Ended: true}, 0
	err := view.selectScan[WholeEntries].Query(func(row sqlite.Row) bool {
		name, state := kv.EntryName{Group: row.Text(6), Key: row.Text(1)}, readState(row, WholeEntries)
		if scrubbed.Rows == RowsPerScrub || bytes >= bytesPerScrub {
			scrubbed.Next, scrubbed.Ended = name, false
			return false
		}
		scrubbed.Rows++
		bytes += len(state.Value)
		switch {
		case view.Waits(name):
		case row.Null(0):
			scrubbed.Missing = append(scrubbed.Missing, damage.Checksum{EntryName: name, Checksum: kv.ChecksumOf(name, &state)})
		case !isSound(name, &state, row, WholeEntries):
			view.damage.Note(name)
		}
		return true
	}, from.Group, from.Key, aboveAllText)
	return scrubbed, err
}
