// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// besideChecksum is the longest value, in bytes, of an entry that is verified although its value
	// is not read. The checksum lies behind the value, and longer values are on pages of their own.
	besideChecksum = "512"
	// knownDamage bounds the damaged entries that are remembered.
	knownDamage = 1024
)

// Damage remembers the entries that are not as they were written.
type Damage struct {
	// known are entries that are damaged and not repaired, and waiting are those of them that nobody
	// has tried to repair.
	known   map[kv.EntryName]struct{}
	waiting []kv.EntryName
	// Found and Repaired count entries.
	Found, Repaired uint64
	// Tell is called for each of the known entries.
	Tell func(name kv.EntryName)
}

func newDamage() *Damage {
	return &Damage{known: map[kv.EntryName]struct{}{}, Tell: func(kv.EntryName) {}}
}

// found takes note of a damaged entry, and returns the error for its reader.
func (damage *Damage) found(name kv.EntryName) error {
	if _, known := damage.known[name]; !known {
		if len(damage.known) >= knownDamage {
			clear(damage.known)
		}
		damage.known[name] = struct{}{}
		damage.waiting = append(damage.waiting[max(0, len(damage.waiting)-knownDamage):], name)
		damage.Found++
		damage.Tell(name)
	}
	return &failure.DamagedEntryError{Group: name.Group, Key: name.Key}
}

// Waits reports whether damaged entries are to be repaired.
func (damage *Damage) Waits() bool { return len(damage.waiting) > 0 }

// Take returns the damaged entries that wait.
func (damage *Damage) Take() []kv.EntryName {
	taken := damage.waiting
	damage.waiting = nil
	return taken
}

// Damage returns what is known of damaged entries.
func (view *View) Damage() *Damage { return view.damage }

// DamagedRow is a row of a damaged entry as it is in the table.
type DamagedRow struct {
	kv.EntryName
	kv.EntryState
	Checksum kv.Checksum
}

// RereadDamaged returns the row of a damaged entry. It returns false, and forgets the entry, if it is
// not damaged any more, or if a write that waits replaces it.
func (view *View) RereadDamaged(name kv.EntryName) (row DamagedRow, damaged bool, err error) {
	if !view.Waits(name) {
		row, damaged, err = readEntry(view.selectEntry, name)
	}
	if err == nil && !damaged {
		delete(view.damage.known, name)
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
	delete(view.damage.known, damaged)
	view.damage.Repaired++
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
	Missing []EntryChecksum
}

// EntryChecksum is the checksum that the row of an entry should have.
type EntryChecksum struct {
	kv.EntryName
	kv.Checksum
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
			scrubbed.Missing = append(scrubbed.Missing, EntryChecksum{name, kv.ChecksumOf(name, &state)})
		case !isSound(name, &state, row, WholeEntries):
			_ = view.damage.found(name) // it is noted, and nobody waits for it
		}
		return true
	}, from.Group, from.Key, aboveAllText)
	return scrubbed, err
}
